"""What a process knows of its files, followed call by call: which path it opened, what it has seen there."""

from __future__ import annotations

from typing import Any, Final

READS: Final = ("read", "pread")
LOOKS: Final = ("stat", "fstat")


class Files:
    """The open files of one process, and what it saw the first time that it looked at each path."""

    def __init__(self) -> None:
        self._paths: dict[int, str] = {}
        self._position: dict[int, int] = {}  # how many reads there were from a descriptor
        self._contents: dict[str, list[Any]] = {}  # of a path, as its first descriptor was told
        self._first: dict[str, int] = {}
        self._looks: dict[str, Any] = {}

    def path(self, fd: int) -> str | None:
        """The path by which a descriptor was opened."""
        return self._paths.get(fd)

    def before(self, name: str, args: tuple[Any, ...]) -> tuple[Any] | None:
        """What the process was told when it looked at the same path for the first time; None for now."""
        path = self._paths.get(args[0]) if isinstance(args[0], int) else args[0]
        if path is None:
            return None
        if name in LOOKS:
            return (self._looks[path],) if path in self._looks else None
        contents, at = self._contents.get(path), self._position.get(args[0], 0)
        if contents is None or self._first.get(path) == args[0]:
            return None
        self._position[args[0]] = at + 1
        return (contents[at] if at < len(contents) else b"",)

    def note(self, name: str, args: tuple[Any, ...], answer: Any) -> None:
        """Follow a call that has succeeded."""
        if name == "open":
            self._paths[answer], self._position[answer] = args[0], 0
            self._first.setdefault(args[0], answer)
        elif name == "dup" and args[0] in self._paths:
            self._paths[answer] = self._paths[args[0]]
        elif name == "close":
            path = self._paths.pop(args[0], "")
            if self._first.get(path) == args[0]:
                self._first[path] = -1  # whoever has that number next is another one
        elif name in READS and args[0] in self._paths:
            path = self._paths[args[0]]
            if self._first.get(path) == args[0]:
                self._contents.setdefault(path, []).append(answer)
        elif name in LOOKS:
            path = self._paths.get(args[0], "") if name == "fstat" else args[0]
            self._looks.setdefault(path, answer)
