"""Whether a call met a file that is private to another user: then nobody could tell the state of the gateway.

A file is private to another user if its permission bits allow a process nothing at all. A lock file of root
that is 0600 can be asked by nobody else, and a start that says so in an error does what it can. One that is
0644 can be opened to read and locked, and a protocol that gives up there is stuck without need.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any, Final

from stateful.model.call import Call, Errno
from stateful.model.disk import Disk, File
from stateful.model.excuses import NO_EXCUSE, Excuse, Reason
from stateful.model.faults import DENIED
from stateful.model.machine import ROOT
from stateful.model.syscalls import SYSCALLS, Answer
from stateful.model.usage import paths

MOST_LINKS: Final = 40


def after_answer(excuse: Excuse, call: Call | None, answer: Any, disk: Disk, uid: int) -> Excuse:
    """The excuse of a process after a call.

    A denial by a file that is not private ends the excuse that one gave, but not if the user has private
    files in this home: then the protocol says that it is for one user.
    """
    if met_a_private_file(call, answer, disk, uid):
        return excuse.and_then(Excuse(Reason.PRIVATE))
    is_denied = isinstance(answer, Errno) and answer.code in DENIED
    if call is None or not is_denied or not paths(call) or uid == ROOT:
        return excuse
    if any(file.kind == "file" and file.uid == uid and not file.mode & 0o077 for _, file in disk.files):
        return excuse.and_then(Excuse(Reason.PRIVATE))
    return NO_EXCUSE if excuse.reason is Reason.PRIVATE else excuse


def met_a_private_file(call: Call | None, answer: Any, disk: Disk, uid: int) -> bool:
    """Whether a call was denied, or told the user of a file, by a file that is private to another user."""
    if call is None or uid == ROOT:
        return False
    if isinstance(answer, Errno):
        if answer.code not in DENIED:
            return False
    elif answer is not False and SYSCALLS[call.name].answer is not Answer.STATUS:
        return False
    files = disk.by_path()
    return any(_is_private(file, uid) for path in paths(call) for file in _on_the_way(path, files))


def _is_private(file: File, uid: int) -> bool:
    bits = file.mode >> 3 if file.gid == uid else file.mode
    return file.uid != uid and file.kind != "link" and not bits & 0o7


def _on_the_way(path: str, files: Mapping[str, File]) -> Iterator[File]:
    """The folders and files by which a path leads, also through links, as far as they exist."""
    names, at = path.split("/")[1:], ""
    for _ in range(MOST_LINKS):
        while names:
            at = f"{at}/{names.pop(0)}"
            file = files.get(at)
            if file is None:
                continue
            yield file
            if file.kind == "link":
                target = posixpath.join(posixpath.dirname(at), file.content.decode(errors="replace"))
                names, at = posixpath.normpath(target).split("/")[1:] + names, ""
                break
        else:
            return
