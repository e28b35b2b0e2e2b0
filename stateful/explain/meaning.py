"""What a call means: its text with paths by their role and processes by letter.

So it is known again after a refactor, in another process or on another Python: ``link(a temporary file,
gateway.pid)``, ``kill(A, 0)``, ``open(/proc/B/stat)``. The names that a protocol keeps stand for themselves.

Simplified: a temporary file is told by its name, which contains the pid of a process, a long hexadecimal
number or a word such as ``tmp``, or by being renamed or linked by who has made it. Nobody knows beforehand
what will become of a file.
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
)  # as tempfile, secrets and uuid name files, and people do
_NUMBER: Final = re.compile(r"[0-9]+")

# By what can be told from outside: what changes or claims something, what looks at it, all else.
CHANGES, LOOKS, OWN = range(3)
_CHANGING: Final = NAMES | BYTES | Use.LOCKS
_LOOKING: Final = Use.READS | Use.LISTS


def meaning(trace: Trace, step: Step) -> str:
    """What the call of a step means, which is made, or about to be made, after the steps of a trace."""
    call, letter = step.call, step.move.letter
    assert call is not None
    own = {path for path in paths(call)[:-1] if _has_made(trace, letter, path)}

    def path_name(path: str) -> str:
        return TEMPORARY if path in own else _role(trace, letter, path)

    return bare(call) or call_text(step, path_name, partial(_whose, trace, letter))


def rank(step: Step, text: str) -> int:
    """How well a call marks a point of a process's life for others: CHANGES, LOOKS or OWN."""
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
    """Whether a call gives a name to what another one stands for."""
    return row(call).has(Kind.TEXT) or len(paths(call)) > 1


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
            made = (each for each, use in step.uses() if use & NAMES == Use.MAKES)
            if path in made:
                return True
    return False
