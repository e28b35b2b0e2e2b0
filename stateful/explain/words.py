"""A call and its answer in the words of a person who reads system calls."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat as st
from collections.abc import Callable
from typing import Any, Final

from stateful.explain.disk_words import changes, shown, shown_path
from stateful.explain.disk_words import short_path as short_path
from stateful.model.call import Call, Delivery, Errno
from stateful.model.escape import visible
from stateful.model.faults import CALL_FAULTS
from stateful.model.lifecycle import Outcome, signal_name
from stateful.model.schedule import Move
from stateful.model.syscalls import WAITS
from stateful.model.trace import Step

_FLAGS: Final = ("O_CREAT", "O_EXCL", "O_TRUNC", "O_APPEND")
_ABOUT_DESCRIPTORS: Final = frozenset(
    {"close", "read", "pread", "write", "pwrite", "fsync", "fdatasync", "fstat", "ftruncate", "fchmod", "dup"}
)


_RECORD: Final = re.compile(r'\{"pid": (-?\d+)(.*)$', re.DOTALL)


def call_text(
    step: Step, path_name: Callable[[str], str] = shown_path, pid_name: Callable[[int], str] = str
) -> str:
    """The call of a step, such as ``flock(gateway.lock, EX|NB)``, with paths and pids called as is said."""
    call = step.call
    if call is None:
        return str(step.move)
    name, args = call.name, call.args
    here = path_name(step.path) if step.path else ""
    if name == "open":
        flags = "|".join(flag[2:] for flag in _FLAGS if args[1] & getattr(os, flag))
        return f"open({path_name(args[0])}{', ' if flags else ''}{flags})"
    if name in _ABOUT_DESCRIPTORS:
        return f"{name}({here})"
    if name in ("rename", "link", "symlink"):
        return f"{name}({path_name(args[0])}, {path_name(args[1])})"
    if name in ("flock", "lockf"):
        return f"{name}({here}, {_lock(args[1])})"
    if name == "kill":
        return f"kill({pid_name(args[0])}, {_signal(args[1])})"
    if name == "sleep":
        return f"sleep({args[0] / 1_000_000:g})"
    if name == "exit":
        return f"exit({args[0]})"
    if name == "inspect":
        return f"psutil({pid_name(args[0])})"
    if args and isinstance(args[0], str):
        return f"{name}({path_name(args[0])})"
    return f"{name}({', '.join(map(str, args))})"


def event_text(step: Step) -> str | None:
    """What happened to one process, in words, where no call was made."""
    return {
        "crash": "killed (SIGKILL)",
        "term": "SIGTERM",
        "sigstop": "stopped (SIGSTOP)",
        "sigcont": "goes on (SIGCONT)",
        "exit": "asked to exit",
    }.get(step.move.kind)


def world_text(move: Move, answer: Any = None) -> str:
    """A fault of the machine, in words; what it answered is what the disk was, and what is left of it."""
    whom = move.letter or move.detail
    name, _, how = visible(move.detail).partition("=")
    return {
        "recycle": f"pid {whom} goes to a stranger",
        "lookalike": f"pid {whom} goes to a gateway of another home",
        "power-loss": _power_loss_text(move, answer),
        "reboot": "the machine is killed and booted again",
        "clock": f"the wall clock is set {move.detail} s",
        "disk-full": "the disk is full",
        "read-only": "the disk is read-only",
        "disk-well": "the disk is well again",
        "remove": f"{name} is removed by an operator",
        "home-gone": "the home is removed with all that is in it",
        "home-new": "a new, empty home is put in place; who owned the old one counts no more",
        "corrupt": f"{name} becomes {how}",
    }.get(move.kind, str(move))


def _power_loss_text(move: Move, answer: Any) -> str:
    left = changes(*answer) if answer else move.detail
    return f"power is lost: {left or 'all is on the disk'} ({move.detail.partition('-')[0]})"


def answer_text(step: Step) -> str:
    """What the kernel answered, such as ``EEXIST`` or the content that was read."""
    call, answer = step.call, step.answer
    if call is None:
        return ""
    if isinstance(answer, Errno):
        injected = "fault: " if step.move.kind in CALL_FAULTS else ""
        return injected + errno.errorcode.get(answer.code, str(answer.code))
    if isinstance(answer, Delivery):
        return signal_name(answer.number)
    if call.name == "exit":
        return outcome_text(call.args[1])
    if isinstance(answer, bytes):
        return content_text(answer, step.path or "")
    if call.name in ("write", "pwrite"):
        written = call.args[1][:answer]
        return content_text(written, "") + (" (fault: half)" if len(written) < len(call.args[1]) else "")
    if call.name in ("stat", "fstat"):
        return f"inode {answer[1]}, {answer[6]} bytes" if st.S_ISREG(answer[0]) else "directory"
    if call.name in WAITS:
        return "begins"
    if isinstance(answer, bool | str):
        return visible(str(answer))
    return "ok"


def whole_answer(step: Step) -> str:
    """What the kernel answered, with nothing left out."""
    call, answer = step.call, step.answer
    if isinstance(answer, Errno):
        return f"{answer_text(step)}: {os.strerror(answer.code)}"
    if isinstance(answer, bytes):
        return shown(answer)
    if call is not None and call.name in ("write", "pwrite"):
        return f"{answer} bytes written: {shown(call.args[1][:answer])}"
    if isinstance(answer, tuple | list) and all(isinstance(item, str) for item in answer):
        return ", ".join(map(visible, answer)) or "(nothing)"
    return answer_text(step)


def outcome_text(outcome: Outcome) -> str:
    """How a process ended, in a word or two."""
    if outcome.kind in ("answered", "returned"):
        return f"{outcome.kind.removesuffix('ed')}s {outcome.value!r}"
    return {"refused": "gives up", "failed": str(outcome.value)}.get(outcome.kind, outcome.kind)


def changes_names(call: Call) -> tuple[str, ...]:
    """The paths that a call takes away from what they named."""
    if call.name in ("unlink", "rmdir"):
        return (call.args[0],)
    return tuple(call.args[:2]) if call.name == "rename" else ()


def content_text(data: bytes, path: str) -> str:
    """What stands in a file, in short: the pid of a record, the start time in ``/proc/<pid>/stat``."""
    if data and not data.strip(b"\0"):
        return shown(data)
    text = data.decode(errors="replace").strip()
    if path.startswith("/proc/") and path.endswith("/stat") and ")" in text:
        return f"start time {text.rpartition(')')[2].split()[19]}"
    record = _RECORD.match(text)
    if record:
        return f'{{"pid": {record[1]}{"" if record[2] == "}" else "..."}}}'
    return visible(" ".join(text.split())) if text else "(empty)"


def _lock(operation: int) -> str:
    base = {fcntl.LOCK_SH: "SH", fcntl.LOCK_EX: "EX", fcntl.LOCK_UN: "UN"}
    return base.get(operation & ~fcntl.LOCK_NB, "?") + ("|NB" if operation & fcntl.LOCK_NB else "")


def _signal(number: int) -> str:
    return "0" if number == 0 else signal_name(number)


def is_claim(step: Step) -> bool:
    """Whether a step is of the kind by which a protocol claims: it made a name or took a lock."""
    call, answer = step.call, step.answer
    if call is None or isinstance(answer, Errno):
        return False
    if call.name == "open":
        return bool(call.args[1] & os.O_EXCL)
    if call.name in ("flock", "lockf"):
        return not call.args[1] & fcntl.LOCK_UN
    return call.name in ("link", "symlink", "mkdir", "rename")


def claimed_path(step: Step) -> str | None:
    """The path that a claim made or locked."""
    call: Any = step.call
    if call.name in ("flock", "lockf"):
        return step.path
    return str(call.args[1] if call.name in ("link", "symlink", "rename") else call.args[0])
