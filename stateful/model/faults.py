"""The table of faults: one row per fault, from which everything known about faults is derived.

A row says how schedules write the fault, what it is aimed at, to which family it belongs, which excuse it
gives, and how reports describe it. Derived from the rows: how schedules are read (``schedule``), which moves
the search tries and sampling draws (``families``), excuses, words (``explain/words``), the standard plans
(``standard``), and which faults a campaign reports as not reached.

``kernel/machine_faults`` and ``kernel/failing_calls`` say what a fault does, and what remains guaranteed.

To add a fault: a row here, with a family of ``families``; a function in ``kernel/``, and for a fault of the
machine one in ``host/inject``; a subject that it breaks and a row of README's table.
``tests/model/test_faults.py`` reports what is missing.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from enum import Enum, auto
from random import Random
from typing import Final, NamedTuple

from stateful.model.excuses import Excuse, Reason
from stateful.model.hostile import HOSTILE, IN_ITS_PLACE
from stateful.model.listing import ALL, BACKWARDS, FIRST, LAST

LONGEST_CLOCK_STEP_DIGITS: Final = 6
LONGEST_CORRUPTION_BYTES: Final = 64

ORDERED, WRITEBACK, POSIX = "ordered", "writeback", "posix"
PROFILES: Final = (ORDERED, WRITEBACK, POSIX)  # each allows everything that those before it allow, and more
JUDGED: Final = (ORDERED, WRITEBACK)  # the verdict depends on these


class Aim(Enum):
    """What a fault is aimed at, which decides when it may happen."""

    PROCESS = auto()  # a live process
    STOPPED = auto()  # a stopped process
    SERVE = auto()  # an owner, in its serve
    RETURN = auto()  # the return of the next call of a process
    CALL = auto()  # the next call of a process
    PID = auto()  # a free pid
    FILE = auto()  # a file of the home
    IMAGE = auto()  # an image of the disk that a power loss may leave
    MACHINE = auto()
    SHELL = auto()  # the shell in which the processes were started
    REST = auto()  # the machine, while every live process serves or waits
    FAILING_DISK = auto()
    LISTING = auto()  # a folder that has not listed two names yet


ON_CALLS: Final = (Aim.CALL,)
ON_PROCESSES: Final = (Aim.PROCESS, Aim.STOPPED)

_LETTER: Final = "(?P<letter>[A-Z])"
_PID: Final = rf"{_LETTER}|[1-9][0-9]{{0,9}}"
_NAME: Final = r"(?!\.{1,2}(?:[/=]|$))[^/\s=]{1,200}"
_FILE: Final = rf"{_NAME}(?:/{_NAME}){{0,9}}"
_ORDER: Final = rf"/?{_FILE}=(?:{FIRST}|{LAST})|/?(?:{_FILE}/)?\{ALL}={BACKWARDS}"
_CONTENT: Final = rf"(?:{'|'.join((*HOSTILE, *IN_ITS_PLACE))}|0x(?:[0-9a-f]{{2}})*)"


class Fault(NamedTuple):
    """Something that the world does to processes, their calls or the machine.

    Attributes:
        words: how reports describe it. ``{whom}`` is a process or a pid, ``{name}`` a file and ``{how}`` its
            new content, ``{detail}`` the text after the joint, ``{time}`` these seconds in words,
            ``{profile}`` and ``{left}`` belong to a power loss, ``{answer}`` is the answer of a call.
        family: the faults that the search tries together with it; empty for a recovery.
        joint: the text between its name and its detail.
        detail: the pattern of the text after the joint; a group ``letter`` names a process.
        example: a text that the pattern matches.
        tried: the details that the search tries; it tries all of them.
        widened: draws the detail for sampling, from many more.
        number: the number of the signal.
        errno: the errno of the failing call, or of the calls that the disk denies from then on.
        excuse: the reason that excuses each process alive at that moment, or the process whose call fails.
        tampering: only a person does this. Few protocols promise to survive it.
        unattended: it happens only while no process lives.
        ended_by: the recovery that ends it; empty if it does not last.
        unplayable: the reason to report when the host cannot play it.
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
    unattended: bool = False
    ended_by: str = ""
    unplayable: str = ""

    @property
    def written(self) -> str:
        """An example of it in a schedule."""
        return f"{self.name}{self.joint}{self.example}"


def _any_step(random: Random) -> str:
    """A number of seconds ahead or back; short steps are as likely as long ones."""
    seconds = int(_any_length(random))
    return f"{random.choice((seconds, -seconds)):+}"


def _any_length(random: Random) -> str:
    """Some seconds, few as often as many."""
    return str(random.randint(1, 10 ** random.randint(1, LONGEST_CLOCK_STEP_DIGITS)))


def _any_content(random: Random) -> str:
    """The name of a hostile content, or random bytes in hexadecimal."""
    data = bytes(random.randrange(256) for _ in range(random.randint(0, LONGEST_CORRUPTION_BYTES)))
    return random.choice((*HOSTILE, *IN_ITS_PLACE, f"0x{data.hex()}"))


def _signal(
    name: str, number: int, family: str, words: str, aim: Aim = Aim.PROCESS, ended_by: str = ""
) -> Fault:
    return Fault(name, aim, words, family, "-", _LETTER, "A", number=number, ended_by=ended_by)


def _failing(name: str, words: str = "fault: {answer}") -> Fault:
    code = getattr(errno, name.upper(), 0)
    return Fault(name, Aim.CALL, words, "errno", "-", _LETTER, "A", errno=code, excuse=Reason.CALLS)


def _bad_disk(name: str, words: str, code: int) -> Fault:
    reason = Reason.CALLS
    return Fault(name, Aim.MACHINE, words, "bad-disk", errno=code, excuse=reason, ended_by=DISK_WELL)


SHORT: Final = "short"
DENIED: Final = frozenset({errno.EACCES, errno.EPERM})  # what a call says that the permissions forbid
RAISE: Final = "raise"
POWER_LOSS: Final = "power-loss"
SIGCONT: Final = "sigcont"
DISK_WELL: Final = "disk-well"
LISTING: Final = "listing"
_SAME_START_TIME: Final = "gives a process the start time of one before the reboot, while others may know it"

_ROWS: Final = (
    # -- signals to a process
    _signal("crash", 9, "kill", "killed (SIGKILL)"),
    _signal("term", 15, "sigterm", "SIGTERM"),
    _signal("int", 2, "sigint", "SIGINT"),
    _signal("sigstop", 19, "sigstop", "stopped (SIGSTOP)", ended_by=SIGCONT),
    _signal(SIGCONT, 18, "", "goes on (SIGCONT)", Aim.STOPPED),
    # -- a signal whose handler runs when the next call of a process has been made, and before it returns
    _signal("term-in", 15, "sigterm", "{answer}, SIGTERM", Aim.RETURN),
    _signal("int-in", 2, "sigint", "{answer}, SIGINT", Aim.RETURN),
    # -- the work of an owner
    Fault(RAISE, Aim.SERVE, "its work fails: serve raises", "exception", "-", _LETTER, "A"),
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
    Fault(
        "parent-gone",
        Aim.SHELL,
        "the shell ends in which the gateways were started",
        "lost-parent",
        unplayable="ends the parent of real processes, which is the harness",
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
        tried=("+172800", "-172800"),
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
        tried=("172800",),
        widened=_any_length,
        excuse=Reason.CLOCK,
    ),
    Fault(
        "later",
        Aim.REST,
        "{time} pass",
        "long-run",
        "+",
        r"[1-9][0-9]{0,8}",
        "2678400",
        tried=("2678400", "34560000"),
        widened=_any_length,
    ),
    _bad_disk("disk-full", "the disk is full", errno.ENOSPC),
    _bad_disk("read-only", "the disk is read-only", errno.EROFS),
    Fault(DISK_WELL, Aim.FAILING_DISK, "the disk is well again"),
    Fault(
        LISTING,
        Aim.LISTING,
        "{name} is listed {how}",
        "listing-order",
        "-",
        _ORDER,
        f"gateway.pid={FIRST}",
    ),
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
        "a new, empty home is put in place; owners of the old one no longer count",
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
    Fault(
        "plant",
        Aim.FILE,
        "{name} becomes a link to the user's diary",
        "planted-link",
        "-",
        _FILE,
        "gateway.lock",
        unattended=True,
    ),
)
FAULTS: Final = {row.name: row for row in _ROWS}

SIGNALS: Final = {row.name: row.number for row in _ROWS if row.aim in ON_PROCESSES}
# By name, the signal that arrives in a call.
INTERRUPTIONS: Final = {row.name: row.name.removesuffix("-in") for row in _ROWS if row.aim is Aim.RETURN}
SERVE_FAULTS: Final = tuple(row.name for row in _ROWS if row.aim is Aim.SERVE)
ASK_TO_GO: Final = frozenset({"term", "int"})  # the signals by which the world asks a process to end
INSIDE: Final = "inside"  # what told a process to go: a signal inside the claim, or a second one
CALL_FAULTS: Final = tuple(row.name for row in _ROWS if row.aim in ON_CALLS)
ERRNOS: Final = {row.name: row.errno for row in _ROWS if row.errno and row.aim in ON_CALLS}
MACHINE_FAULTS: Final = {
    row.name: row
    for row in _ROWS
    if row.aim not in (*ON_CALLS, *ON_PROCESSES) and row.name not in (*INTERRUPTIONS, *SERVE_FAULTS)
}
OF_A_PID: Final = tuple(row.name for row in _ROWS if row.aim is Aim.PID)
# In the order in which the search tries them: recoveries of the machine come first.
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
    """Whether an excuse allows a process to end with an OSError of this errno, as passed on from a call."""
    if excuse.reason is Reason.CALLS:
        # EEXIST: makedirs raises it where its look at what exists fails.
        return code in (errno.EEXIST, *ERRNOS.values())
    if excuse.reason is Reason.PRIVATE:
        return code in DENIED
    if excuse.reason is Reason.LINK:
        return code is not None
    return excuse.reason is Reason.HOMELESS and code in (errno.ENOENT, *ERRNOS.values())
