"""Tracks, call by call, which paths a process has opened and what it has read from them."""

from __future__ import annotations

from typing import Any

from stateful.model.call import Call
from stateful.model.syscalls import Answer, Use
from stateful.model.usage import descriptor, paths, row, use_of


class Files:
    """The open files of one process, and what its first look at each path returned."""

    def __init__(self) -> None:
        self._paths: dict[int, str] = {}
        self._position: dict[int, int] = {}  # the number of reads from a descriptor
        self._contents: dict[str, list[Any]] = {}  # what reads of a path's first descriptor returned
        self._first: dict[str, int] = {}
        self._looks: dict[str, Any] = {}

    def path(self, call: Call) -> str | None:
        """The path that a call is about: its argument, or the path by which its descriptor was opened."""
        fd = descriptor(call)
        return next(iter(paths(call)), None) if fd is None else self._paths.get(fd)

    def before(self, call: Call) -> tuple[Any] | None:
        """What the process's first look at the same path returned; None if this is the first."""
        path, fd = self.path(call), descriptor(call)
        if path is None:
            return None
        if fd is None or row(call).answer is Answer.STATUS:
            return (self._looks[path],) if path in self._looks else None
        contents, at = self._contents.get(path), self._position.get(fd, 0)
        if contents is None or self._first.get(path) == fd:
            return None
        self._position[fd] = at + 1
        return (contents[at] if at < len(contents) else b"",)

    def note(self, call: Call, answer: Any) -> None:
        """Record a call that has succeeded."""
        path, fd, said = self.path(call), descriptor(call), row(call)
        if fd is not None and use_of(call) & Use.RELEASES:
            self._paths.pop(fd, "")
            if path is not None and self._first.get(path) == fd:
                self._first[path] = -1  # The next descriptor with this number is a different one.
        if path is None:
            return
        if said.answer is Answer.DESCRIPTOR:
            self._paths[answer] = path
            if fd is None:
                self._position[answer] = 0
                self._first.setdefault(path, answer)
        elif said.answer is Answer.DATA and self._first.get(path) == fd:
            self._contents.setdefault(path, []).append(answer)
        elif said.answer is Answer.STATUS:
            self._looks.setdefault(path, answer)
