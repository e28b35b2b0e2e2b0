"""Calls, answers and faults in words, for readers who know system calls."""

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
from stateful.model.faults import CALL_FAULTS, FAULTS, INTERRUPTIONS, SERVE_FAULTS, SHORT, SIGNALS
from stateful.model.lifecycle import Outcome, signal_name
from stateful.model.printable import printable
from stateful.model.schedule import EXIT, STEP, Move
from stateful.model.signal_target import PIDFD, named_by
from stateful.model.syscalls import Answer, Kind, Use
from stateful.model.trace import Step
from stateful.model.usage import argument_of, data_of, is_exclusive_open, paths, row, takes_lock

_OPEN_FLAGS: Final = ("O_CREAT", "O_EXCL", "O_TRUNC", "O_APPEND")
LONGEST_LISTING: Final = 28  # characters
_RECORD: Final = re.compile(r'\{"pid": (-?\d+)(.*)$', re.DOTALL)


def call_text(
    step: Step, path_name: Callable[[str], str] = shown_path, pid_name: Callable[[int], str] = str
) -> str:
    """The call of a step, such as ``flock(gateway.lock, EX|NB)``; the functions name paths and pids."""
    call = step.call
    if call is None:
        return str(step.move)
    said = row(call)
    texts = []
    for at, (argument, value) in enumerate(zip(said.arguments, call.args, strict=False)):
        if argument.kind is Kind.PID:
            texts.append(pid_name(value))
        elif argument.kind in (Kind.PATH, Kind.TEXT) or (
            argument.kind is Kind.FILE and isinstance(value, str)
        ):
            texts.append(path_name(value))
        elif argument.kind in (Kind.FD, Kind.FILE):
            texts.append("" if at else _descriptor(step, path_name, pid_name))
        else:
            texts.append(_SHOWN[argument.kind](value))
    return f"{said.shown or said.name}({', '.join(filter(None, texts))})"


def _descriptor(step: Step, path_name: Callable[[str], str], pid_name: Callable[[int], str]) -> str:
    """What the first descriptor of a call refers to: a file, or a process for a pidfd."""
    if not step.path or step.call is None:
        return ""
    if not step.path.startswith(PIDFD):
        return path_name(step.path)
    pid = pid_name(named_by(step.path)[0])
    return pid if row(step.call).sends_signal else f"pidfd of {pid}"


def _flags(flags: int) -> str:
    return "|".join(flag[2:] for flag in _OPEN_FLAGS if flags & getattr(os, flag))


def _lock(operation: int) -> str:
    base = {fcntl.LOCK_SH: "SH", fcntl.LOCK_EX: "EX", fcntl.LOCK_UN: "UN"}
    return base.get(operation & ~fcntl.LOCK_NB, "?") + ("|NB" if operation & fcntl.LOCK_NB else "")


def _signal(number: int) -> str:
    return "0" if number == 0 else signal_name(number)


def _seconds(duration: int | None) -> str:
    return "" if duration is None else f"{duration / 1_000_000:g}"


def _nothing(value: Any) -> str:
    return ""


def _list(fds: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, fds))}]"


# How arguments other than names and descriptors are written, by kind.
_SHOWN: Final[dict[Kind, Callable[[Any], str]]] = {
    Kind.FLAGS: _flags,
    Kind.OPERATION: _lock,
    Kind.SIGNAL: _signal,
    Kind.DURATION: _seconds,
    Kind.FDS: _list,
    Kind.STATUS: str,
    Kind.USER: str,
    **dict.fromkeys((Kind.DATA, Kind.SIZE, Kind.POSITION, Kind.TIME), _nothing),
    **dict.fromkeys((Kind.WHENCE, Kind.OUTCOME, Kind.DISPOSITION, Kind.NUMBER), _nothing),
}


def bare(call: Call) -> str | None:
    """A call without its arguments, if these only give a duration or an exit status."""
    said = row(call)
    return f"{said.name}()" if said.passes_time or said.ends else None


def event_text(step: Step) -> str | None:
    """A signal from outside or a request to exit, in words; None for every other step."""
    kind = step.move.kind
    if kind == EXIT:
        return "asked to exit"
    return FAULTS[kind].words if kind in SIGNALS or kind in SERVE_FAULTS else None


def world_text(move: Move, answer: Any = None) -> str:
    """A machine fault in words; the answer of a power loss is the disk before and after it."""
    name, _, how = printable(move.detail).partition("=")
    left = (changes(*answer) or "all is on the disk") if answer else move.detail
    return FAULTS[move.kind].words.format(
        whom=move.letter or move.detail,
        detail=move.detail,
        time=_time_text(move.detail),
        name=name,
        how=how,
        left=left,
        profile=move.detail.partition("-")[0],
    )


def _time_text(seconds: str) -> str:
    """A number of seconds in the largest unit of which it is a multiple."""
    if not seconds.isdecimal():
        return seconds
    units = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
    unit, size = next((unit, size) for unit, size in units if not int(seconds) % size)
    number = int(seconds) // size
    return f"{number:,} {unit}{'' if number == 1 else 's'}"


def answer_text(step: Step) -> str:
    """What the kernel answered, such as ``EEXIST`` or the content that was read."""
    call, answer = step.call, step.answer
    if call is None:
        return ""
    if isinstance(answer, Errno):
        name = errno.errorcode.get(answer.code, str(answer.code))
        kind = step.move.kind
        return FAULTS[kind].words.format(answer=name) if kind in CALL_FAULTS else name
    if step.move.kind in INTERRUPTIONS:
        answer = answer_text(step._replace(move=Move(STEP, step.move.letter)))
        return FAULTS[step.move.kind].words.format(answer=answer)
    if isinstance(answer, Delivery):
        return signal_name(answer.number)
    said = row(call)
    if said.ends:
        return outcome_text(argument_of(call, Kind.OUTCOME))
    if said.waits:
        return "begins"
    if said.answer is Answer.DATA:
        return content_text(answer, step.path or "")
    if said.answer is Answer.WRITTEN:
        return _written_text(step, call)
    if said.answer is Answer.NAMES:
        return _names(answer)
    if said.answer is Answer.STATUS:
        return f"inode {answer[1]}, {answer[6]} bytes" if st.S_ISREG(answer[0]) else "directory"
    if isinstance(answer, bool | str) and not said.enters:
        return printable(str(answer))
    return "ok"


def _written_text(step: Step, call: Call) -> str:
    """What was written; only the size if the kernel copied it."""
    data = data_of(call)
    if data is None:
        half = step.move.kind == SHORT
        text = _bytes(step.answer)
    else:
        half = len(data[: step.answer]) < len(data)
        text = content_text(data[: step.answer], "")
    return text + (" (fault: half)" if half else "")


def _names(answer: tuple[Any, ...]) -> str:
    """The names that a call answered, in their order; how many there are if that would be long."""
    names = [each if isinstance(each, str) else each[0] for each in answer]
    text = printable(", ".join(names)) or "(nothing)"
    return text if len(text) <= LONGEST_LISTING else f"{len(names)} names"


def _bytes(number: int) -> str:
    return f"{number:,} byte{'' if number == 1 else 's'}"


def whole_answer(step: Step) -> str:
    """What the kernel answered, in full."""
    call, answer = step.call, step.answer
    if isinstance(answer, Errno):
        return f"{answer_text(step)}: {os.strerror(answer.code)}"
    if isinstance(answer, bytes):
        return shown(answer)
    if call is not None and row(call).answer is Answer.WRITTEN:
        data = data_of(call)
        return f"{_bytes(answer)} written" + ("" if data is None else f": {shown(data[:answer])}")
    if isinstance(answer, tuple | list) and all(isinstance(item, str) for item in answer):
        return ", ".join(map(printable, answer)) or "(nothing)"
    return answer_text(step)


def outcome_text(outcome: Outcome) -> str:
    """How a process ended, in a word or two."""
    if outcome.kind in ("answered", "returned"):
        return f"{outcome.kind.removesuffix('ed')}s {outcome.value!r}"
    return {"refused": "gives up", "failed": str(outcome.value)}.get(outcome.kind, outcome.kind)


def changes_names(call: Call) -> tuple[str, ...]:
    """The paths that a call unlinks or gives to another file."""
    return paths(call, Use.TAKES)


def content_text(data: bytes, path: str) -> str:
    """A content in short: the pid of a record, the start time in ``/proc/<pid>/stat``."""
    if data and not data.strip(b"\0"):
        return shown(data)
    text = data.decode(errors="replace").strip()
    if path.startswith("/proc/") and path.endswith("/stat") and ")" in text:
        return f"start time {text.rpartition(')')[2].split()[19]}"
    record = _RECORD.match(text)
    if record:
        return f'{{"pid": {record[1]}{"" if record[2] == "}" else "..."}}}'
    return printable(" ".join(text.split())) if text else "(empty)"


def is_claim(step: Step) -> bool:
    """Whether a step may claim ownership: it made a name or took a lock."""
    call = step.call
    if call is None or isinstance(step.answer, Errno):
        return False
    if row(call).has(Kind.FLAGS):
        return is_exclusive_open(call)
    if takes_lock(call):
        return step.answer is None  # else it only begins to wait
    return bool(paths(call, Use.MAKES))


def claimed_path(step: Step) -> str | None:
    """The path that a claim made or locked."""
    call = step.call
    if call is None:
        return None
    return step.path if takes_lock(call) else next(iter(paths(call, Use.MAKES)), None)
