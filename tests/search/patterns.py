"""Patterns that meet what a reduction may overlook, and their mutations.

In a pattern every answer that a reduction may get wrong decides between serving and giving up, so that a
wrong one shows in the violated invariants.
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
from tests.search.states import BETWEEN, GIVE_UP, LAST, PRIVATE, RAISES, SERVE, SLOT, Look, statement
from tests.search.vocabulary import VOCABULARY

Pick = Callable[[Sequence[Any]], Any]


class Pattern(NamedTuple):
    """A protocol, and the scenarios in which it meets what it is about."""

    name: str
    gateway: Body
    scenarios: tuple[Scenario, ...]
    query: Body | None = None


def _scenarios(*names: str) -> tuple[Scenario, ...]:
    return tuple(map(find_scenario, names))


TWO_STARTS: Final = _scenarios("two-starts-empty")
GOES: Final = _scenarios("exit-and-start-empty")
SIGTERM: Final = _scenarios("start-and-exit-empty-1-sigterm")
ERRNO: Final = _scenarios("start-and-exit-empty-1-errno")
FAILS: Final = (replace(ERRNO[0], cast=find_scenario("one-start-empty").cast),)
BAD_DISK: Final = _scenarios("start-and-exit-empty-1-bad-disk")
CLOCK_STEP: Final = _scenarios("start-and-exit-empty-1-clock-step")


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
            claim = (
                replace(first[0], failed=second) if claims else statement("open", 0, "lock", failed=second)
            )
            body = (claim, *first[claims:], *changes[at % len(changes)], *LAST)
            yield Pattern(f"{name} {at}", body, TWO_STARTS)


MARKS: Final = (statement("mkdir"),)
UNLESS_MARKED: Final = statement("stat", 2, passed=GIVE_UP)
HANDLERS: Final = (statement("sigaction", 2), statement("sigaction", 4))
# What a hidden step needs, and the step.
HIDDEN: Final[tuple[tuple[Body, Step], ...]] = (
    ((statement("open", 1, "mine"),), statement("fsync")),
    (PRIVATE, statement("mkdir", 0, "marked")),
    ((statement("open", 1, "mine"),), statement("close")),
    ((), statement("fdkind", 2)),
    (PRIVATE, statement("open", 1, "marked")),
    ((statement("open", 1, "mine"),), statement("fdatasync")),
    ((*PRIVATE, statement("open", 1, "marked")), statement("write", 2)),
    (PRIVATE, statement("rmdir", 0, "own")),
)


def _struck() -> Iterator[Pattern]:
    """A fault or a signal right before a hidden step has its process leave a mark that keeps others out."""
    for number, (before, step) in enumerate(HIDDEN):
        marks, raises = (replace(step, failed=failed) for failed in (MARKS, RAISES))
        handler = HANDLERS[number % 2]
        handled = (UNLESS_MARKED, *before, handler, marks, *LAST)
        told = (
            statement("open", 1, "pid"),
            statement("read"),
            statement("kill", 2, failed=SERVE),
            "return",
        )
        recorded = (statement("open", 0, "pid", failed=told), HANDLERS[0], statement("write"))
        yield Pattern(f"sigterm {number}", handled, SIGTERM)
        yield (
            Pattern(f"errno {number}", (UNLESS_MARKED, *before, marks, *LAST), ERRNO),
            Pattern(f"bad disk {number}", (*before, raises, *LAST), BAD_DISK),
            Pattern(f"signalled {number}", (UNLESS_MARKED, *recorded, *before, marks, *LAST), TWO_STARTS),
        )[number % 3]


# Calls, each with an errno by which it may fail.
FAILING: Final = (
    *(
        ("ENOSPC", statement("write")),
        ("ENOSPC", statement("mkdir")),
        ("EIO", statement("fsync")),
        ("EIO", statement("read", 1)),
    ),
    *(
        ("EINTR", statement("close")),
        ("ENOLCK", statement("flock")),
        ("EROFS", statement("chmod")),
        ("EACCES", statement("unlink")),
    ),
    *(
        ("EACCES", statement("listdir", 0, "home")),
        ("EPERM", statement("link", other="where")),
        ("EMFILE", statement("dup")),
    ),
    *(
        ("EROFS", statement("rename", 0, "slot", "where")),
        ("ENOSPC", statement("open")),
        ("EIO", statement("stat")),
    ),
)


def _failing() -> Iterator[Pattern]:
    """A process raises an error where a call fails with one errno and no other."""
    for number, (code, step) in enumerate(FAILING):
        failed = (f"if error.errno == errno.{code}: raise ValueError",)
        first = () if step.call in ("mkdir", "open") else SLOT
        yield Pattern(f"failing {number}", (*first, replace(step, failed=failed), "serve()"), FAILS)


OWN_PID: Final = (statement("open", 1, "lock"), statement("write"), statement("open", 3, "lock"))
NOT_OWN: Final = statement("read", 0, test=2, passed=GIVE_UP)
# What a process does that is further than the one which began before it, and serves because of its own pid.
OVERTAKING: Final[tuple[Body, ...]] = (
    (*OWN_PID, NOT_OWN),
    (
        statement("open", 1, "lock"),
        statement("lockf", failed=GIVE_UP),
        statement("open", 3, "lock"),
        statement("close"),
    ),
    (statement("open", 1, "mine"), statement("stat", 2, "mine", test=1, passed=GIVE_UP)),
    (statement("symlink", 0, "lock"), statement("readlink", 0, "lock", test=1, passed=GIVE_UP)),
    (*OWN_PID, statement("read"), statement("kill", failed=GIVE_UP)),
    (*OWN_PID, statement("read"), statement("sigaction"), statement("kill", 2, failed=GIVE_UP)),
)


def _overtaking() -> Iterator[Pattern]:
    """Another process overtakes the first, and serves unless that one has left a mark."""
    behind = statement("stat", 0, "home")
    for number, body in enumerate(OVERTAKING):
        second = (behind, behind, *body, UNLESS_MARKED, *LAST, "return")
        gateway = (statement("open", 0, "where", failed=second), statement("mkdir"), "return")
        yield Pattern(f"overtaking {number}", gateway, TWO_STARTS)


# An owner writes its record into the lock file, and removes it when it has let go of the lock.
_AGAIN: Final = (*(statement("stat", 0, "home"),) * 3, statement("flock", failed=GIVE_UP))
REMOVES: Final = (
    *(statement("open", 1, "lock"), statement("flock", failed=_AGAIN), statement("write"), "serve()"),
    *(statement("flock", 3), statement("unlink", 0, "lock")),
)


def _locked() -> Iterator[Pattern]:
    """Another process has opened the lock file that an owner unlinks when it goes."""
    for number, (call, line) in enumerate((("flock", 0), ("lockf", 0), ("flock", 1), ("lockf", 1))):
        lock = (statement("open", 1, "lock"), statement(call, line, failed=GIVE_UP))
        releases = (statement("unlink", 0, "lock"), statement("close"))
        for scenarios in (GOES, TWO_STARTS):
            yield Pattern(f"lock {number}", (*lock, *LAST, *releases), scenarios)


TOUCHED: Final = (
    *(*PRIVATE, statement("utime", 1, "home"), statement("open", 1, "marked")),
    statement("stat", 3, "marked", "home", passed=SERVE),
    *(statement("mkdir", 0, "lock", failed=GIVE_UP), statement("sleep"), "serve()"),
)
BOOT_TIME: Final = (statement("fdkind", 1), statement("fdkind", 3, passed=GIVE_UP), *LAST)


def _alive() -> Iterator[Pattern]:
    """Another process looks twice whether the owner lives."""
    for number, (call, line) in enumerate((("kill", 0), ("pid_exists", 0), ("pids", 0), ("inspect", 0))):
        look = statement(call, line, test=1)
        first, again = (replace(look, failed=dead, passed=dead) for dead in (SERVE, RAISES))
        second = (
            statement("open", 3, "pid"),
            statement("read"),
            first,
            again,
            statement("stat", 0, "home"),
            "return",
        )
        yield Pattern(
            f"alive {number}",
            (statement("open", 0, "pid", failed=second), statement("write"), "serve()"),
            GOES,
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
    _between(), (*_timed(), *_overtaking(), *_alive(), *_struck(), *_failing(), *_locked())
)
PATTERNS: Final = tuple(pattern for both in _BOTH for pattern in both if pattern is not None)
