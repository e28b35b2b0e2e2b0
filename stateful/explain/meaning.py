"""The meaning of a call: its text with paths by their role and processes by letter.

So a call is recognised after a refactoring, in another process or on another Python: ``link(a temporary file,
gateway.pid)``, ``kill(A, 0)``, ``open(/proc/B/stat)``. Names that a protocol keeps are written as they are.

Simplified: a file counts as temporary if its name contains the pid of a process, a long hexadecimal number or
a word such as ``tmp``, or when the process that made it renames or links it. What becomes of a file later
cannot be known in advance.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Final

from stateful.explain.words import bare, call_text, short_path
from stateful.model.call import Call, Errno
from stateful.model.syscalls import BYTES, NAMES, Kind, Use
from stateful.model.trace import Step, Trace
from stateful.model.usage import paths, row, sends_signal, use_of

TEMPORARY: Final = "a temporary file"

_LOOKS_TEMPORARY: Final = re.compile(
    r"tmp|temp|[._-](new|next|part|swp)\b|~$|[0-9a-f]{8}", re.IGNORECASE
)  # as tempfile, secrets, uuid and programmers name files
_NUMBER: Final = re.compile(r"[0-9]+")

# How visible a call is to other processes: it changes or claims something, looks at it, or neither.
CHANGES, LOOKS, OWN = range(3)
_CHANGING: Final = NAMES | BYTES | Use.LOCKS
_LOOKING: Final = Use.READS | Use.LISTS


def meaning(trace: Trace, step: Step) -> str:
    """The meaning of a step's call, which is made, or about to be made, after the steps of a trace."""
    call, letter = step.call, step.move.letter
    assert call is not None
    own = {path for path in paths(call)[:-1] if _has_made(trace, letter, path)}

    def path_name(path: str) -> str:
        return TEMPORARY if path in own else _role(trace, letter, path)

    return bare(call) or call_text(step, path_name, partial(_whose, trace, letter))


def rank(step: Step, text: str) -> int:
    """How visible a call is to other processes: CHANGES, LOOKS or OWN."""
    call = step.call
    assert call is not None
    if row(call).sends_signal:
        return CHANGES if sends_signal(call) else LOOKS
    about = next((path for path, _ in step.uses()), "")
    is_temporary = TEMPORARY in text and not _names_two(call)
    if not about.startswith("/") or about.startswith("/proc/") or is_temporary:
        return OWN
    if use_of(call) & _CHANGING:
        return CHANGES
    return LOOKS if use_of(call) & _LOOKING else OWN


def _names_two(call: Call) -> bool:
    """Whether a call gives a second name to a file."""
    return row(call).has(Kind.TEXT) or len(paths(call)) > 1


def _role(trace: Trace, letter: str, path: str) -> str:
    """A path relative to the home; the pid in a ``/proc`` path is replaced by the process's letter."""
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
    """The letter of the process with a pid, the caller's own first; the pid if no process has it."""
    for other in (letter, *trace.pids):
        if trace.pids.get(other) == abs(pid):
            return other if pid > 0 else f"-{other}"
    return str(pid)


def _has_made(trace: Trace, letter: str, path: str) -> bool:
    """Whether a process has made the file with this name."""
    for step in trace.steps:
        if step.move.letter == letter and step.call and not isinstance(step.answer, Errno):
            made = (each for each, use in step.uses() if use & NAMES == Use.MAKES)
            if path in made:
                return True
    return False
