"""What each fault is, said once: a row per fault, from which all that is known of faults is derived.

A row says how schedules write the fault, what it is aimed at, to which family it belongs, what a process is
excused after it, and how reports tell it. Derived from the rows: how schedules are read (``schedule``), which
moves the search tries and sampling draws (``families``), excuses, words (``explain/words``), the standard
plans (``standard``), and which faults a campaign says it has not reached.

What a fault does, and what it leaves guaranteed, ``kernel/machine_faults`` and ``kernel/failing_calls`` say.

To add a fault: a row here, with a family of ``families``; a function in ``kernel/``, and for a fault of the
machine one in ``host/inject``; a subject that it breaks and a row of README's table.
``tests/model/test_faults.py`` complains of what is missing.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from enum import Enum, auto
from random import Random
from typing import Final, NamedTuple

from stateful.model.excuses import Excuse, Reason
from stateful.model.hostile import HOSTILE, IN_ITS_PLACE

LONGEST_CLOCK_STEP_DIGITS: Final = 6
LONGEST_CORRUPTION_BYTES: Final = 64

ORDERED, WRITEBACK, POSIX = "ordered", "writeback", "posix"
PROFILES: Final = (ORDERED, WRITEBACK, POSIX)  # each allows all that those before it do, and more
JUDGED: Final = (ORDERED, WRITEBACK)  # those that the verdict counts


class Aim(Enum):
    """What a fault is aimed at, and with it where it may happen."""

    PROCESS = auto()  # that lives
    STOPPED = auto()  # a process that is stopped
    CALL = auto()  # the next one of a process
    PID = auto()  # that is free
    FILE = auto()  # of the home
    IMAGE = auto()  # of the disk, as a power loss may leave it
    MACHINE = auto()
    FAILING_DISK = auto()


ON_CALLS: Final = (Aim.CALL,)
ON_PROCESSES: Final = (Aim.PROCESS, Aim.STOPPED)

_LETTER: Final = "(?P<letter>[A-Z])"
_PID: Final = rf"{_LETTER}|[1-9][0-9]{{0,9}}"
_NAME: Final = r"(?!\.{1,2}(?:[/=]|$))[^/\s=]{1,200}"
_FILE: Final = rf"{_NAME}(?:/{_NAME}){{0,9}}"
_CONTENT: Final = rf"(?:{'|'.join((*HOSTILE, *IN_ITS_PLACE))}|0x(?:[0-9a-f]{{2}})*)"


class Fault(NamedTuple):
    """Something that the world does to processes, their calls or the machine.

    Attributes:
        words: how reports tell it. ``{whom}`` is a process or a pid, ``{name}`` a file and ``{how}`` what it
            becomes, ``{detail}`` all that is written after the joint, ``{profile}`` and ``{left}`` of a power
            loss, ``{answer}`` what a call answers.
        family: which faults the search tries together; a recovery has none.
        joint: what stands between its name and what follows.
        detail: the pattern of what follows; a group ``letter`` names a process.
        example: what may follow.
        tried: of a fault that says how, how the search has it; all of them are tried.
        widened: how sampling has it: one drawn of many more.
        number: of a signal.
        errno: with which the call fails, or with which the disk denies calls from then on.
        excuse: what a process is excused that lives then, or whose call it is.
        tampering: only the hand of a person does that. Few protocols promise to survive it.
        ended_by: the fault, a recovery, that ends it; empty where it does not last.
        unplayable: why the host cannot play it, in a moment where it cannot.
    """

    name: str
    aim: Aim
    words: str
    family: str = ""
    joint: str = ""
    detail: str = ""
    example: str = ""
    tried: tuple[str, ...] = ("",)
    widened: Callable[[Random], str] | None = None
    number: int = 0
    errno: int = 0
    excuse: Reason = Reason.NONE
    tampering: bool = False
    ended_by: str = ""
    unplayable: str = ""

    @property
    def written(self) -> str:
        """An example of it in a schedule."""
        return f"{self.name}{self.joint}{self.example}"


def _any_step(random: Random) -> str:
    """Some seconds ahead or back, few as often as many."""
    seconds = int(_any_length(random))
    return f"{random.choice((seconds, -seconds)):+}"


def _any_length(random: Random) -> str:
    """Some seconds, few as often as many."""
    return str(random.randint(1, 10 ** random.randint(1, LONGEST_CLOCK_STEP_DIGITS)))


def _any_content(random: Random) -> str:
    """A content by its name, or random bytes."""
    data = bytes(random.randrange(256) for _ in range(random.randint(0, LONGEST_CORRUPTION_BYTES)))
    return random.choice((*HOSTILE, *IN_ITS_PLACE, f"0x{data.hex()}"))


def _signal(
    name: str, number: int, family: str, words: str, aim: Aim = Aim.PROCESS, ended_by: str = ""
) -> Fault:
    return Fault(name, aim, words, family, "-", _LETTER, "A", number=number, ended_by=ended_by)


def _failing(name: str, words: str = "fault: {answer}") -> Fault:
    code = getattr(errno, name.upper(), 0)
    return Fault(name, Aim.CALL, words, "errno", "-", _LETTER, "A", errno=code, excuse=Reason.CALLS)


SHORT: Final = "short"
POWER_LOSS: Final = "power-loss"
SIGCONT: Final = "sigcont"
DISK_WELL: Final = "disk-well"
_SAME_START_TIME: Final = "gives a process the start time of one before the reboot, while others may know it"

_ROWS: Final = (
    # -- signals to a process
    _signal("crash", 9, "kill", "killed (SIGKILL)"),
    _signal("term", 15, "sigterm", "SIGTERM"),
    _signal("sigstop", 19, "sigstop", "stopped (SIGSTOP)", ended_by=SIGCONT),
    _signal(SIGCONT, 18, "", "goes on (SIGCONT)", Aim.STOPPED),
    # -- the next call of a process
    *map(_failing, ("eio", "enospc", "erofs", "eacces", "eperm", "emfile", "enolck", "eintr")),
    _failing(SHORT, "{answer} (fault: half)"),
    # -- the machine
    Fault(
        "recycle",
        Aim.PID,
        "pid {whom} goes to a stranger",
        "recycled-pid",
        "-",
        _PID,
        "99",
        unplayable=_SAME_START_TIME,
    ),
    Fault(
        "lookalike",
        Aim.PID,
        "pid {whom} goes to a gateway of another home",
        "recycled-pid",
        "-",
        _PID,
        "99",
        unplayable=_SAME_START_TIME,
    ),
    Fault("reboot", Aim.MACHINE, "the machine is killed and booted again", "reboot"),
    Fault(
        POWER_LOSS,
        Aim.IMAGE,
        "power is lost: {left} ({profile})",
        POWER_LOSS,
        "-",
        rf"(?:{'|'.join(PROFILES)})-[1-9][0-9]{{0,5}}",
        f"{WRITEBACK}-3",
    ),
    Fault(
        "clock",
        Aim.MACHINE,
        "the wall clock is set {detail} s",
        "clock-step",
        detail=r"[+-][1-9][0-9]{0,8}",
        example="+60",
        tried=("+3600", "-3600"),
        widened=_any_step,
        excuse=Reason.CLOCK,
    ),
    Fault(
        "suspend",
        Aim.MACHINE,
        "the machine is suspended for {detail} s",
        "suspend",
        "+",
        r"[1-9][0-9]{0,8}",
        "60",
        tried=("3600",),
        widened=_any_length,
        excuse=Reason.CLOCK,
    ),
    Fault(
        "disk-full",
        Aim.MACHINE,
        "the disk is full",
        "bad-disk",
        errno=errno.ENOSPC,
        excuse=Reason.CALLS,
        ended_by=DISK_WELL,
    ),
    Fault(
        "read-only",
        Aim.MACHINE,
        "the disk is read-only",
        "bad-disk",
        errno=errno.EROFS,
        excuse=Reason.CALLS,
        ended_by=DISK_WELL,
    ),
    Fault(DISK_WELL, Aim.FAILING_DISK, "the disk is well again"),
    Fault(
        "remove",
        Aim.FILE,
        "{name} is removed by an operator",
        "removal",
        "-",
        _FILE,
        "gateway.lock",
        excuse=Reason.TAKEN,
        tampering=True,
    ),
    Fault(
        "home-gone",
        Aim.MACHINE,
        "the home is removed with all that is in it",
        "lost-home",
        excuse=Reason.HOMELESS,
        tampering=True,
    ),
    Fault(
        "home-new",
        Aim.MACHINE,
        "a new, empty home is put in place; who owned the old one counts no more",
        "lost-home",
        excuse=Reason.HOMELESS,
        tampering=True,
    ),
    Fault(
        "corrupt",
        Aim.FILE,
        "{name} becomes {how}",
        "corruption",
        "-",
        f"{_FILE}={_CONTENT}",
        "gateway.pid=torn",
        tried=("empty", "torn", "minus-one", "directory", "link"),
        widened=_any_content,
        excuse=Reason.FILES,
        tampering=True,
    ),
)
FAULTS: Final = {row.name: row for row in _ROWS}

SIGNALS: Final = {row.name: row.number for row in _ROWS if row.aim in ON_PROCESSES}
CALL_FAULTS: Final = tuple(row.name for row in _ROWS if row.aim in ON_CALLS)
ERRNOS: Final = {row.name: row.errno for row in _ROWS if row.errno and row.aim in ON_CALLS}
MACHINE_FAULTS: Final = {row.name: row for row in _ROWS if row.aim not in (*ON_CALLS, *ON_PROCESSES)}
OF_A_PID: Final = tuple(row.name for row in _ROWS if row.aim is Aim.PID)
# Of the machine first: the order in which the search tries them.
RECOVERIES: Final = tuple(
    name for name in (*MACHINE_FAULTS, *SIGNALS) if name in {row.ended_by for row in _ROWS}
)


def after_fault(kind: str, detail: str, excuse: Excuse) -> Excuse:
    """The excuse of a process after a fault of its call, or of the machine while it lived."""
    row = FAULTS[kind]
    if row.aim is not Aim.FILE:
        return excuse.and_then(Excuse(row.excuse))
    name, _, how = detail.partition("=")
    return excuse.and_then(Excuse(Reason.TAKEN if how in IN_ITS_PLACE else row.excuse, name))


def may_pass_on(excuse: Excuse, code: int | None) -> bool:
    """Whether a process with an excuse may end with an OSError of an errno: it passes on what it was told."""
    if excuse.reason is Reason.CALLS:
        return code in ERRNOS.values()
    return excuse.reason is Reason.HOMELESS and code in (errno.ENOENT, *ERRNOS.values())
