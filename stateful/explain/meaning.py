"""What a call means: its text with paths by their role and processes by letter.

So it is known again after a refactor, in another process or on another Python: ``link(a temporary file,
gateway.pid)``, ``kill(A, 0)``, ``open(/proc/B/stat)``. The names that a protocol keeps stand for themselves.

Simplified: a temporary file is told by its name, which contains the pid of a process, a long hexadecimal
number or a word such as ``tmp``, or by being renamed or linked by who has made it. Nobody knows beforehand
what will become of a file.
"""

from __future__ import annotations

import os
import re
from functools import partial
from typing import Final

from stateful.explain.words import call_text, short_path
from stateful.model.call import Errno
from stateful.model.lifecycle import signal_name
from stateful.model.signal_target import PIDFD, named_by
from stateful.model.trace import Step, Trace

TEMPORARY: Final = "a temporary file"

_LOOKS_TEMPORARY: Final = re.compile(
    r"tmp|temp|[._-](new|next|part|swp)\b|~$|[0-9a-f]{8}", re.IGNORECASE
)  # as tempfile, secrets and uuid name files, and people do
_NUMBER: Final = re.compile(r"[0-9]+")
_MAKES: Final = ("link", "symlink", "mkdir")
_HOW_LONG: Final = ("sleep", "select", "exit")  # whose arguments say nothing about what they are for

# By what can be told from outside: what changes or claims something, what looks at it, all else.
CHANGES, LOOKS, OWN = range(3)
_CHANGING: Final = frozenset(
    {"unlink", "rmdir", "rename", "flock", "lockf", "write", "pwrite", "ftruncate", "truncate", *_MAKES}
)
_LOOKING: Final = frozenset({"open", "read", "pread", "readlink", "listdir", "scandir"})


def meaning(trace: Trace, step: Step) -> str:
    """What the call of a step means, which is made, or about to be made, after the steps of a trace."""
    call, letter = step.call, step.move.letter
    assert call is not None
    if call.name in _HOW_LONG:
        return f"{call.name}()"
    if step.path and step.path.startswith(PIDFD):
        number = f", {signal_name(call.args[1])}" if call.name == "pidfd_send_signal" else ""
        return f"{call.name}({_whose(trace, letter, named_by(step.path)[0])}{number})"
    if call.name in ("rename", "link") and _has_made(trace, letter, call.args[0]):
        return f"{call.name}({TEMPORARY}, {_role(trace, letter, call.args[1])})"
    text = call_text(step, partial(_role, trace, letter), partial(_whose, trace, letter))
    name, _, about = text.partition("(")
    known = name in ("open", "flock", "lockf", "kill", "psutil", "rename", "link", "symlink")
    return text if known else f"{name}({about.partition(',')[0].rstrip(')')})"


def rank(step: Step, text: str) -> int:
    """How well a call marks a point of a process's life for others: CHANGES, LOOKS or OWN."""
    call = step.call
    assert call is not None
    if call.name in ("kill", "pidfd_send_signal"):
        return LOOKS if call.args[1] == 0 else CHANGES
    about = str(step.path or (call.args[0] if call.args else ""))
    renames = call.name in ("rename", "link", "symlink")
    if not about.startswith("/") or about.startswith("/proc/") or (TEMPORARY in text and not renames):
        return OWN
    if call.name in _CHANGING or (call.name == "open" and call.args[1] & (os.O_CREAT | os.O_TRUNC)):
        return CHANGES
    return LOOKS if call.name in _LOOKING else OWN


def _role(trace: Trace, letter: str, path: str) -> str:
    """A path as it is called in the home; the ``/proc`` of a process by its letter."""
    if path.startswith("/proc/"):
        _, _, pid, *rest = path.split("/")
        return "/".join(["/proc", _whose(trace, letter, int(pid)) if pid.isdigit() else pid, *rest])
    name = short_path(path)
    folder, _, last = name.rpartition("/")
    numbers = map(int, _NUMBER.findall(last))
    if set(numbers) & set(trace.pids.values()) or _is_marked(last):
        return TEMPORARY if not folder or folder.startswith("/") else f"{folder}/{TEMPORARY}"
    return name


def _is_marked(name: str) -> bool:
    return _LOOKS_TEMPORARY.search(name) is not None and not name.endswith(".lock")


def _whose(trace: Trace, letter: str, pid: int) -> str:
    """The process with a pid, one's own before another's; the pid where none has it."""
    for other in (letter, *trace.pids):
        if trace.pids.get(other) == abs(pid):
            return other if pid > 0 else f"-{other}"
    return str(pid)


def _has_made(trace: Trace, letter: str, path: str) -> bool:
    """Whether a process has made the file with a name."""
    for step in trace.steps:
        if step.move.letter == letter and step.call and not isinstance(step.answer, Errno):
            name, args = step.call
            if name == "open" and args[0] == path and args[1] & os.O_CREAT:
                return True
            if name in _MAKES and path == args[1 if name != "mkdir" else 0]:
                return True
    return False
