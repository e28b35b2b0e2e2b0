"""Patterns that meet what a reduction may overlook, and their mutations.

In a pattern every answer that a reduction may get wrong decides between serving and giving up, so that a wrong
one shows in the violated invariants. ``BETWEEN`` says in which two states of a file or folder a process may
find it, how that comes about, and by which looks they can be told apart; a pattern is made of each row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Any, Final, NamedTuple

from stateful.model.scenario import Scenario
from stateful.model.standard import find_scenario
from stateful.model.syscalls import SYSCALLS
from tests.search.protocols import Body, Protocol, Step
from tests.search.vocabulary import VOCABULARY

Pick = Callable[[Sequence[Any]], Any]


class Pattern(NamedTuple):
    """A protocol, and the scenarios in which it meets what it is about."""

    name: str
    gateway: Body
    scenarios: tuple[Scenario, ...]
    query: Body | None = None


def _step(
    call: str,
    line: int = 0,
    path: str = "slot",
    other: str = "lock",
    failed: Body = ("pass",),
    test: int = 0,
    passed: Body = (),
    error: str = "OSError",
) -> Step:
    return Step(call, line, path, other, error, failed, test, passed)


def _scenarios(*names: str) -> tuple[Scenario, ...]:
    return tuple(map(find_scenario, names))


GIVE_UP: Final = ("return",)
SERVE: Final = ("serve()", "return")
RAISES: Final = (_step("stat", 0, "home"), "raise ValueError")
LAST: Final = (
    _step("stat", 0, "home"),
    "serve()",
)  # The step before is then none that begins or ends a phase.
SLOT: Final = (_step("open", 1),)
SLOT_X: Final = (*SLOT, _step("write", 2))
FOLDER: Final = (_step("mkdir"),)
PRIVATE: Final = (_step("mkdir", 1),)
TOLD: Final = (*PRIVATE, _step("symlink", 3, "slot", "own"))
TWO_STARTS: Final = _scenarios("two-starts-empty")
GOES: Final = _scenarios("exit-and-start-empty")
SIGTERM: Final = _scenarios("start-and-exit-empty-1-sigterm")
ERRNO: Final = _scenarios("start-and-exit-empty-1-errno")
FAILS: Final = (replace(ERRNO[0], cast=find_scenario("one-start-empty").cast),)
BAD_DISK: Final = _scenarios("start-and-exit-empty-1-bad-disk")
CLOCK_STEP: Final = _scenarios("start-and-exit-empty-1-clock-step")

Look = tuple[Step, ...]  # the last one is tested


def _looks(*looks: Step | Look) -> tuple[Look, ...]:
    return tuple((look,) if isinstance(look, Step) else look for look in looks)


OPENED: Final = _step("open", 3, failed=GIVE_UP)
# What is done first, what is done then, one of several things, and looks that tell whether it has been done.
BETWEEN: Final[dict[str, tuple[Body, tuple[Body, ...], tuple[Look, ...]]]] = {
    "lock": (
        SLOT,
        ((_step("flock"),), (_step("lockf"),)),
        _looks(
            (_step("open", 2), _step("flock", failed=GIVE_UP)),
            (_step("open", 2), _step("lockf", failed=GIVE_UP)),
        ),
    ),
    "size": (
        SLOT,
        ((_step("write", 2),), (_step("pwrite", 1),), (_step("ftruncate", 1),)),
        _looks(
            _step("fdkind", 0, test=1),
            (OPENED, _step("read", 1, test=1)),
            (OPENED, _step("pread", 1, test=1)),
            (OPENED, _step("lseek", 0, test=1)),
            (_step("open", 1, "mine"), _step("sendfile", 0, test=2)),
        ),
    ),
    "copied": (
        (_step("write", 2), *SLOT),
        ((_step("sendfile", 2),),),
        _looks(_step("fdkind", 0, test=1)),
    ),
    "no size": (
        SLOT_X,
        ((_step("truncate"),), (_step("ftruncate"),), (_step("open", 4),)),
        _looks(_step("stat"), (OPENED, _step("fstat")), _step("fdkind")),
    ),
    "mode": (
        SLOT,
        ((_step("chmod"),), (_step("fchmod"),)),
        _looks(_step("stat", 1, test=2), _step("access", 1, test=1), (OPENED, _step("fstat", 2))),
    ),
    "time": (
        SLOT,
        ((_step("utime"),), (_step("utime", 2),)),
        _looks(_step("stat", 0, test=2)),
    ),
    "links": (
        SLOT,
        ((_step("link", other="mine"),),),
        _looks(_step("stat", 0, test=1), (OPENED, _step("fstat", 0, test=2))),
    ),
    "no link": (
        SLOT,
        ((_step("unlink"),), (_step("rename", 0, "where"),)),
        _looks((OPENED, _step("fstat", 0, test=1)), (OPENED, _step("fstat", 1))),
    ),
    "folder": (
        SLOT,
        ((_step("unlink"), _step("mkdir")), (_step("rename", 0, "slot", "mine"), _step("mkdir"))),
        _looks(_step("scandir", 0, "home"), _step("stat", 1), _step("scandir", 0, "home", test=2)),
    ),
    "link": (
        SLOT,
        ((_step("unlink"), _step("symlink", 1)),),
        _looks(_step("stat", 1, test=1), _step("scandir", 1, "home")),
    ),
    "target": (
        (_step("symlink", 2),),
        ((_step("unlink"), _step("symlink", 1)),),
        _looks(_step("readlink", 1)),
    ),
    "name": (
        (_step("open", 1, "mine"),),
        (
            (_step("open"),),
            (_step("mkdir"),),
            (_step("symlink", 1),),
            (_step("link", 0, "mine", "slot"),),
            (_step("rename", 0, "mine", "slot"),),
        ),
        _looks(
            _step("listdir", 0, "home", test=1),
            _step("stat", 2),
            _step("access"),
            _step("scandir", 0, "home"),
        ),
    ),
    "name in a folder": (
        FOLDER,
        (
            (_step("open", 1, "inside"),),
            (_step("mkdir", 0, "inside"),),
            (_step("symlink", 1, "inside"),),
        ),
        _looks(
            _step("listdir", 0, "slot"),
            _step("rmdir", failed=GIVE_UP),
            _step("rename", 2, "slot", "mine", failed=GIVE_UP),
            _step("stat", 2, "inside"),
        ),
    ),
    "private": (
        TOLD,
        (
            (_step("mkdir", 0, "marked"),),
            (_step("open", 1, "marked"),),
            (_step("symlink", 1, "marked"),),
            (_step("rmdir", 0, "own"),),
            (_step("chmod", 2, "own"),),
        ),
        _looks(
            _step("stat", 2, "inside"),
            _step("listdir", 0, "slot"),
            _step("mkdir", 0, "inside", failed=GIVE_UP),
            _step("access", 0, "slot", test=1),
            _step("access", 1, "slot", test=1),
        ),
    ),
    "private link": (
        (*PRIVATE, _step("open", 1, "marked"), _step("link", 0, "marked", "slot")),
        ((_step("write", 2),), (_step("unlink", 0, "marked"),), (_step("truncate", 0, "marked"),)),
        _looks(_step("fdkind", 0, test=1), _step("stat", 0, test=1), _step("stat", 0)),
    ),
    "moved out": (
        (*PRIVATE, _step("open", 1, "marked"), _step("rename", 0, "marked", "slot")),
        ((_step("write", 2),), (_step("fchmod"),)),
        _looks(_step("stat", 0), _step("stat", 1, test=2)),
    ),
    "leads out": (
        (*PRIVATE, _step("symlink", 3, "marked", "slot")),
        ((_step("open", 1, "marked"),),),
        _looks(_step("stat", 2)),
    ),
}


def _second(look: Look) -> Body:
    """What a process does that is not the first.

    It gives up where it finds the later of two states, raises an error where the later follows on the earlier
    between two looks, and serves otherwise. Where a look changes something it is told by its success alone.
    """
    *before, last = look
    if not VOCABULARY[last.call][last.line].tests:
        return (*before, replace(last, failed=GIVE_UP), *SERVE)
    first, again = (replace(last, failed=SERVE, passed=passed) for passed in (GIVE_UP, RAISES))
    return (*before, first, again, *LAST, "return")


def _between() -> Iterator[Pattern]:
    """A pattern of each row: another process looks before a change, after it, or at both times."""
    for name, (first, changes, looks) in BETWEEN.items():
        for at in range(max(len(changes), len(looks))):
            second = _second(looks[at % len(looks)])
            claims = name == "name in a folder"
            claim = replace(first[0], failed=second) if claims else _step("open", 0, "lock", failed=second)
            body = (claim, *first[claims:], *changes[at % len(changes)], *LAST)
            yield Pattern(f"{name} {at}", body, TWO_STARTS)


MARKS: Final = (_step("mkdir"),)
UNLESS_MARKED: Final = _step("stat", 2, passed=GIVE_UP)
HANDLERS: Final = (_step("sigaction", 2), _step("sigaction", 4))
# What a hidden step needs, and the step.
HIDDEN: Final[tuple[tuple[Body, Step], ...]] = (
    ((_step("open", 1, "mine"),), _step("fsync")),
    (PRIVATE, _step("mkdir", 0, "marked")),
    ((_step("open", 1, "mine"),), _step("close")),
    ((), _step("fdkind", 2)),
    (PRIVATE, _step("open", 1, "marked")),
    ((_step("open", 1, "mine"),), _step("fdatasync")),
    ((*PRIVATE, _step("open", 1, "marked")), _step("write", 2)),
    (PRIVATE, _step("rmdir", 0, "own")),
)


def _struck() -> Iterator[Pattern]:
    """A fault or a signal right before a hidden step has its process leave a mark that keeps others out."""
    for number, (before, step) in enumerate(HIDDEN):
        marks, raises = (replace(step, failed=failed) for failed in (MARKS, RAISES))
        handler = HANDLERS[number % 2]
        handled = (UNLESS_MARKED, *before, handler, marks, *LAST)
        told = (
            _step("open", 1, "pid"),
            _step("read"),
            _step("kill", 2, failed=("pass",), passed=()),
            "return",
        )
        recorded = (_step("open", 0, "pid", failed=told), HANDLERS[0], _step("write"))
        yield Pattern(f"sigterm {number}", handled, SIGTERM)
        yield (
            Pattern(f"errno {number}", (UNLESS_MARKED, *before, marks, *LAST), ERRNO),
            Pattern(f"bad disk {number}", (*before, raises, *LAST), BAD_DISK),
            Pattern(f"signalled {number}", (UNLESS_MARKED, *recorded, *before, marks, *LAST), TWO_STARTS),
        )[number % 3]


# Calls, each with an errno by which it may fail.
FAILING: Final = (
    *(
        ("ENOSPC", _step("write")),
        ("ENOSPC", _step("mkdir")),
        ("EIO", _step("fsync")),
        ("EIO", _step("read", 1)),
    ),
    *(
        ("EINTR", _step("close")),
        ("ENOLCK", _step("flock")),
        ("EROFS", _step("chmod")),
        ("EACCES", _step("unlink")),
    ),
    *(
        ("EACCES", _step("listdir", 0, "home")),
        ("EPERM", _step("link", other="where")),
        ("EMFILE", _step("dup")),
    ),
    *(("EROFS", _step("rename", 0, "slot", "where")), ("ENOSPC", _step("open")), ("EIO", _step("stat"))),
)


def _failing() -> Iterator[Pattern]:
    """A process raises an error where a call fails with one errno and no other."""
    for number, (code, step) in enumerate(FAILING):
        failed = (f"if error.errno == errno.{code}: raise ValueError",)
        first = () if step.call in ("mkdir", "open") else SLOT
        yield Pattern(f"failing {number}", (*first, replace(step, failed=failed), "serve()"), FAILS)


OWN_PID: Final = (_step("open", 1, "lock"), _step("write"), _step("open", 3, "lock"))
NOT_OWN: Final = _step("read", 0, test=2, passed=GIVE_UP)
# What a process does that is further than the one which began before it, and serves because of its own pid.
OVERTAKING: Final[tuple[Body, ...]] = (
    (*OWN_PID, NOT_OWN),
    (_step("open", 1, "lock"), _step("lockf", failed=GIVE_UP), _step("open", 3, "lock"), _step("close")),
    (_step("open", 1, "mine"), _step("stat", 2, "mine", test=1, passed=GIVE_UP)),
    (_step("symlink", 0, "lock"), _step("readlink", 0, "lock", test=1, passed=GIVE_UP)),
    (*OWN_PID, _step("read"), _step("kill", failed=GIVE_UP)),
    (*OWN_PID, _step("read"), _step("sigaction"), _step("kill", 2, failed=GIVE_UP)),
)


def _overtaking() -> Iterator[Pattern]:
    """Another process overtakes the first, and serves unless that one has left a mark."""
    behind = _step("stat", 0, "home")
    for number, body in enumerate(OVERTAKING):
        second = (behind, behind, *body, UNLESS_MARKED, *LAST, "return")
        gateway = (_step("open", 0, "where", failed=second), _step("mkdir"), "return")
        yield Pattern(f"overtaking {number}", gateway, TWO_STARTS)


# An owner writes its record into the lock file, and removes it when it has let go of the lock.
_AGAIN: Final = (*(_step("stat", 0, "home"),) * 3, _step("flock", failed=GIVE_UP))
REMOVES: Final = (
    *(_step("open", 1, "lock"), _step("flock", failed=_AGAIN), _step("write"), "serve()"),
    *(_step("flock", 3), _step("unlink", 0, "lock")),
)


def _locked() -> Iterator[Pattern]:
    """Another process has opened the lock file that an owner unlinks when it goes."""
    for number, (call, line) in enumerate((("flock", 0), ("lockf", 0), ("flock", 1), ("lockf", 1))):
        lock = (_step("open", 1, "lock"), _step(call, line, failed=GIVE_UP))
        releases = (_step("unlink", 0, "lock"), _step("close"))
        for scenarios in (GOES, TWO_STARTS):
            yield Pattern(f"lock {number}", (*lock, *LAST, *releases), scenarios)


TOUCHED: Final = (
    *(*PRIVATE, _step("utime", 1, "home"), _step("open", 1, "marked")),
    _step("stat", 3, "marked", "home", passed=SERVE),
    *(_step("mkdir", 0, "lock", failed=GIVE_UP), _step("sleep"), "serve()"),
)
BOOT_TIME: Final = (
    _step("fdkind", 1, passed=(_step("fdkind", 1, test=1, passed=GIVE_UP),)),
    *LAST,
)


def _alive() -> Iterator[Pattern]:
    """Another process looks twice whether the owner lives."""
    for number, (call, line) in enumerate((("kill", 0), ("pid_exists", 0), ("pids", 0), ("inspect", 0))):
        look = _step(call, line, test=1)
        first, again = (replace(look, failed=dead, passed=dead) for dead in (SERVE, RAISES))
        second = (_step("open", 3, "pid"), _step("read"), first, again, _step("stat", 0, "home"), "return")
        yield Pattern(
            f"alive {number}", (_step("open", 0, "pid", failed=second), _step("write"), "serve()"), GOES
        )


def _timed() -> Iterator[Pattern]:
    yield Pattern("removes", REMOVES, GOES)
    yield Pattern("touched", TOUCHED, TWO_STARTS)
    yield Pattern("boot time", BOOT_TIME, CLOCK_STEP)


def _mutate(pick: Pick, body: Body) -> Body:
    """One statement is replaced by a relative, is about another file, is moved or is left out."""
    steps = [number for number, each in enumerate(body) if isinstance(each, Step)]
    if not steps:
        return body
    at = pick(steps)
    step = body[at]
    assert isinstance(step, Step)
    if step.failed and isinstance(step.failed[0], Step) and pick((True, True, False)):
        return (*body[:at], replace(step, failed=_mutate(pick, step.failed)), *body[at + 1 :])
    how = pick(("relative", "relative", "test", "path", "other", "order", "less"))
    changed: tuple[Any, ...] = (step,)
    if how == "relative":
        call = pick(_RELATIVES[step.call])
        changed = (replace(step, call=call, line=pick(range(len(VOCABULARY[call])))),)
    elif how == "test":
        changed = (replace(step, test=pick(range(4))),)
    elif how in ("path", "other"):
        changed = (replace(step, **{how: pick(("slot", "mine", "lock", "home", "inside", "marked"))}),)
    elif how == "order" and at > 0:
        return (*body[: at - 1], step, body[at - 1], *body[at + 1 :])
    elif how == "less":
        changed = ()
    return (*body[:at], *changed, *body[at + 1 :])


def mutated(pick: Pick, pattern: Pattern) -> Protocol:
    """A pattern with few mutations, or none."""
    gateway = pattern.gateway
    for _ in range(pick((0, 0, 0, 0, 1, 2))):
        gateway = _mutate(pick, gateway)
    return Protocol(gateway, pick(pattern.scenarios), query=pattern.query)


def _family(call: str) -> Any:
    """What relatives have in common: what they do, and to what."""
    row = SYSCALLS[call]
    return row.use, row.arguments[:1] and row.arguments[0].kind, row.ends, row.waits


_RELATIVES: Final = {
    call: tuple(other for other in VOCABULARY if _family(other) == _family(call)) for call in VOCABULARY
}
_BOTH: Final = zip_longest(
    _between(), (*_timed(), *_overtaking(), *_alive(), *_struck(), *_locked(), *_failing())
)
PATTERNS: Final = tuple(pattern for both in _BOTH for pattern in both if pattern is not None)
