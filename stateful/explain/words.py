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
from stateful.model.faults import CALL_FAULTS, FAULTS, SHORT, SIGNALS
from stateful.model.lifecycle import Outcome, signal_name
from stateful.model.schedule import EXIT, Move
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
    kind = step.move.kind
    return FAULTS[kind].words if kind in SIGNALS else "asked to exit" if kind == EXIT else None


def world_text(move: Move, answer: Any = None) -> str:
    """A fault of the machine, in words; what it answered is what the disk was, and what is left of it."""
    name, _, how = visible(move.detail).partition("=")
    left = (changes(*answer) or "all is on the disk") if answer else move.detail
    return FAULTS[move.kind].words.format(
        whom=move.letter or move.detail,
        detail=move.detail,
        name=name,
        how=how,
        left=left,
        profile=move.detail.partition("-")[0],
    )


def answer_text(step: Step) -> str:
    """What the kernel answered, such as ``EEXIST`` or the content that was read."""
    call, answer = step.call, step.answer
    if call is None:
        return ""
    if isinstance(answer, Errno):
        name = errno.errorcode.get(answer.code, str(answer.code))
        kind = step.move.kind
        return FAULTS[kind].words.format(answer=name) if kind in CALL_FAULTS else name
    if isinstance(answer, Delivery):
        return signal_name(answer.number)
    if call.name == "exit":
        return outcome_text(call.args[1])
    if isinstance(answer, bytes):
        return content_text(answer, step.path or "")
    if call.name in ("write", "pwrite"):
        written = call.args[1][:answer]
        text = content_text(written, "")
        return FAULTS[SHORT].words.format(answer=text) if len(written) < len(call.args[1]) else text
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
