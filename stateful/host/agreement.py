"""Whether a call and its answer on the host are those of the simulation.

The kind of an argument or answer (``model/syscalls.py``) decides how it is compared. Compared: every argument
and every answer, with pids, start times and the boot translated; errnos exactly; permission bits, links and
times of files, and their users where the host can play several; inode numbers by the order in which they are
first seen.

Not compared: other numbers in contents; sizes of files and positions in them beyond zero or not, since a real
pid may have more digits than the simulated one; sizes, links and times of folders; times of files beside that
of the last write, and their blocks; devices; more of ``/proc/<pid>/stat`` and ``status`` than name, pid,
state and start time; whether a process runs or sleeps.
"""

from __future__ import annotations

import os
import stat as st
from typing import Any, Final

from stateful.host.player_process import in_words
from stateful.host.process_table import START_TIME, STATE, split_stat
from stateful.host.translation import Translation
from stateful.model.call import Call, Errno
from stateful.model.lifecycle import Outcome
from stateful.model.machine import ROOT
from stateful.model.syscalls import SYSCALLS, Answer, Kind, Use
from stateful.model.usage import data_of, paths

_LENGTHS: Final = frozenset({Kind.SIZE, Kind.POSITION})  # these depend on how long a content is
_LIVE: Final = {"R": "lives", "S": "lives", "D": "lives", "running": "lives", "sleeping": "lives"}


class Agreement:
    """Compares the calls of one execution."""

    def __init__(self, translation: Translation) -> None:
        self._translation = translation
        self._inodes: dict[int, int] = {}

    def forget_inodes(self) -> None:
        """Forget all inode numbers: the files have been laid out again, with other numbers."""
        self._inodes.clear()

    def on_call(self, simulated: Call, real: Call) -> bool:
        """Whether two processes are about to make the same call."""
        if simulated.name != real.name or len(simulated.args) != len(real.args):
            return False
        arguments = SYSCALLS[simulated.name].arguments
        return all(
            self._on_argument(argument.kind, one, other)
            for argument, one, other in zip(arguments, simulated.args, real.args, strict=True)
        )

    def _on_argument(self, kind: Kind, simulated: Any, real: Any) -> bool:
        if kind is Kind.PID:
            return bool(self._translation.number(simulated) == real)
        if kind is Kind.TIME and simulated is not None and simulated != real:
            return bool(self._translation.moment(simulated) == real)
        if kind in _LENGTHS and isinstance(simulated, int) and isinstance(real, int):
            return _sign(simulated) == _sign(real)
        return self._on_value(simulated, real)

    def on_path(self, simulated: str | None, real: str | None) -> bool:
        """Whether two descriptors stand for the same."""
        return self._on_value(simulated, real)

    def on_answer(self, call: Call, path: str, simulated: Any, real: Call, answer: Any) -> bool:
        """Whether a call was answered the same."""
        if isinstance(simulated, Errno) or isinstance(answer, Errno):
            return bool(simulated == answer)
        kind = SYSCALLS[call.name].answer
        if kind is Answer.STATUS:
            return self._on_status(simulated, answer, path.startswith("/proc/"))
        if kind is Answer.WRITTEN:
            return _on_written(data_of(call), simulated, data_of(real), answer)
        if kind is Answer.NAMES:
            rest = list(answer)
            return len(simulated) == len(rest) and all(
                any(self._on_value(one, other) for other in rest) for one in simulated
            )
        if kind is Answer.PROCESS:
            argv, start, _, state, _ = simulated
            # A zombie has no arguments; the simulation keeps them for its name.
            same = self._on_values((() if state == "zombie" else argv, start), answer[:2])
            return same and _LIVE.get(state, state) == _LIVE.get(answer[3], answer[3])
        if kind is Answer.DATA and path.startswith("/proc/"):
            return self._on_proc(path, simulated, answer)
        if kind is Answer.VALUE and any(one.startswith("/proc/") for one in paths(call, Use.READS)):
            return True  # where a link of /proc leads
        return self._on_value(simulated, answer)

    def _on_values(self, simulated: Any, real: Any) -> bool:
        return len(simulated) == len(real) and all(map(self._on_value, simulated, real))

    def _on_value(self, simulated: Any, real: Any) -> bool:
        if type(simulated) is not type(real):
            return False
        if isinstance(simulated, Outcome):
            simulated = in_words(simulated)
            value = simulated.value
            if simulated.kind in ("answered", "returned") and type(value) is int:
                simulated = simulated._replace(value=self._translation.number(value))
            return self._on_values(tuple(simulated), tuple(real))
        if isinstance(simulated, bytes | str):
            return self._translation.agree(simulated, real)
        if isinstance(simulated, tuple | list):
            return self._on_values(simulated, real)
        return bool(simulated == real)

    def _on_status(self, simulated: tuple[int, ...], real: tuple[int, ...], is_of_proc: bool) -> bool:
        mode, inode, _, links, uid, gid, size, _, mtime, _ = simulated
        if mode != real[0]:
            return False
        if os.getuid() == ROOT and not is_of_proc and (uid, gid) != real[4:6]:
            return False
        # A time that the program set itself is the same on the host.
        is_it = real[8] in (mtime, self._translation.moment(mtime))
        if not is_it and not _is_not_dated(mode, real):
            return False
        if st.S_ISREG(mode) and (links != real[3] or bool(size) != bool(real[6])):
            return False
        known = self._inodes.setdefault(inode, real[1])
        return known == real[1] and list(self._inodes.values()).count(known) == 1

    def _on_proc(self, path: str, simulated: bytes, real: bytes) -> bool:
        name = path.rpartition("/")[2]
        ours, theirs = simulated.decode(errors="replace"), real.decode(errors="replace")
        try:
            if name == "stat" and path != "/proc/stat":
                return self._on_values(_stat_of(ours), _stat_of(theirs))
            if name == "status":
                return self._on_values(_status_of(ours), _status_of(theirs))
        except (IndexError, KeyError):  # They were read in pieces.
            return True
        if path in ("/proc/stat", "/proc/sys/kernel/pid_max"):
            return True
        return self._translation.agree(simulated, real)


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


def _on_written(data: bytes | None, simulated: int, real_data: bytes | None, real: int) -> bool:
    """Whether both wrote all of their data, or both a part; for a copy, whether both wrote any."""
    if data is None or real_data is None:
        return bool(simulated) == bool(real)
    return (simulated < len(data)) == (real < len(real_data))


def _is_not_dated(mode: int, real: tuple[int, ...]) -> bool:
    """Whether no process gives a file its time: it is a folder, or a file of ``/proc``."""
    return st.S_ISDIR(mode) or (real[6] == 0 and mode & 0o777 == 0o444)


def _stat_of(text: str) -> tuple[str, ...]:
    """Pid, name, state and start time, of ``/proc/<pid>/stat``."""
    comm, rest = split_stat(text)
    return text.partition(" ")[0], comm, _LIVE.get(rest[STATE], rest[STATE]), rest[START_TIME]


def _status_of(text: str) -> tuple[str, ...]:
    """Name, pid and state, of ``/proc/<pid>/status``."""
    fields = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    state = fields["State"][0]
    return fields["Name"], fields["Pid"], _LIVE.get(state, state)
