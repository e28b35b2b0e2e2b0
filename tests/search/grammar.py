"""Small protocols that contend, drawn from a grammar over every modelled call, to referee the search with.

Half of them are free: a protocol claims (``O_EXCL``, mkdir, link, symlink, rename, a lock), looks (at names,
kinds, contents, times, processes), serves and releases, and branches on what it is answered. The other half
are mutations of the patterns in ``tests.search.patterns``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any, Final, TypeVar

from hypothesis import strategies as st

from stateful.model.scenario import Plan, Scenario
from stateful.model.standard import CASTS
from tests.search.patterns import PATTERNS, Pattern, mutated
from tests.search.protocols import Body, Protocol, Step
from tests.search.vocabulary import (
    ANY,
    CHANGES,
    CHECKS,
    CLAIMS,
    COMMON,
    ERROR_OF_CLAIM,
    ERRORS,
    OF_HOME,
    RELEASES,
    SELDOM,
    SIGNS,
    VOCABULARY,
)

Option = TypeVar("Option")
Pick = Callable[[Sequence[Option]], Option]


# -- drawing ------------------------------------------------------------------------------------------------

_BY_NAME: Final = {cast.name: cast for cast in CASTS}
_EMPTY, _STALE, _EMPTY_FILE = _BY_NAME["two-starts"].disks[:3]
NOTHING: Final[Plan] = ()

ALONE: Final[tuple[Plan, ...]] = (
    NOTHING,
    *((family,) for family in ("kill", "errno", "bad-disk", "power-loss", "sigterm", "removal")),
)
# Each with the calls that a protocol makes there at most, so that its states stay few.
SCENARIOS: Final = (
    *((name, disk, plan, 7) for name in ("one-start", "start-and-exit") for disk in (_EMPTY, _STALE)
      for plan in ALONE),
    *(("two-starts", disk, NOTHING, 6) for disk in (_EMPTY, _EMPTY, _EMPTY, _STALE, _STALE, _EMPTY_FILE)),
    *(("two-starts", disk, ("kill",), 5) for disk in (_EMPTY, _EMPTY, _STALE)),
    *(("two-starts", _EMPTY, (fault,), 2) for fault in ("bad-disk", "removal")),
    ("two-starts", _EMPTY, ("sigterm",), 3),
    ("two-starts", _EMPTY, ("errno",), 2),
    *(("start-and-status", disk, NOTHING, 6) for disk in (_EMPTY, _EMPTY, _STALE)),
    *(("exit-and-start", _EMPTY, plan, 5) for plan in (NOTHING, NOTHING, ("kill",))),
    ("exit-and-start", _EMPTY, ("removal",), 4),
)  # fmt: skip


def build(pick: Pick[Any], more: int = 0, pattern: Pattern | None = None) -> Protocol:
    """A protocol, by picking one of several things again and again, of so many calls more at most."""
    pattern = pattern or pick((None, pick(PATTERNS)))
    return free(pick, more) if pattern is None else mutated(pick, pattern)


def free(pick: Pick[Any], more: int = 0) -> Protocol:
    """A protocol that follows no pattern."""
    cast, disk, plan, most = pick(SCENARIOS)
    attempts = pick((1, 1, 1, 1, 2))
    gateway = _Draft(pick, most + more, attempts > 1).gateway()
    query = None
    if cast == "start-and-status" or pick((False,) * 7 + (True,)):
        query = _Draft(pick, 3, False).body(CHECKS, pick((1, 2, 3)), GO_ON, ("return pid", "return None"))
    scenario = Scenario(_BY_NAME[cast], disk, plan)
    return Protocol(gateway, scenario, attempts, query, pick((True, True, True, True, False)))


GO_ON: Final = ("pass", "pass", "pass", "pass", "pass", "return")
GIVE_UP: Final = ("return", "return", "return", "return", "raise", "pass")
EITHER: Final = ("return", "return", "pass", "pass", "pass")
LOCKS: Final = (
    ("flock", 0),
    ("flock", 0),
    ("flock", 0),
    ("lockf", 0),
    ("lockf", 0),
    ("flock", 1),
    ("lockf", 1),
)

_STAT_OF_HOME: Final = Step("stat", 0, "home", "home")


class _Draft:
    """Draws the statements of one function, at most so many."""

    def __init__(self, pick: Pick[Any], most: int, loops: bool) -> None:
        self._pick = pick
        self._left = most
        self._again = ("continue", "continue") if loops else ()
        self._main = pick(COMMON[:7])  # the path that most is about
        self._has_fd = self._has_pid = False
        self._calm = pick((True, True, True, False))  # it gives up for few reasons, so it may be right
        self._sober = pick((True, False))  # it has a lock, and gives up for no other reason

    def gateway(self) -> Body:
        pick = self._pick
        before = self.body(CHECKS, pick((0, 0, 1, 1, 2)), GO_ON, (*EITHER, *self._again))
        claim = self._claim()
        held = self.body((*CHANGES, *CHECKS), pick((0, 1, 1, 2, 3)), GO_ON, EITHER)
        self._calm = True
        after = self.body(RELEASES, pick((0, 0, 1, 2)), ("pass",), ("pass",))
        return (*before, *claim, *held, "serve()", *after, *(("return",) if self._again else ()))

    def _claim(self) -> Body:
        """What keeps others out: a lock, a name, or nothing; a name may be taken from a dead owner."""
        ends = (*GIVE_UP, *self._again)
        how = "lock" if self._sober else self._pick(("lock",) * 8 + ("sign",) * 4 + ("name",) * 1 + ("any",))
        if how == "sign" and self._left > 2:
            return self._sign()
        if self._sober:
            call, line = self._pick(LOCKS[:5])
            self._left, self._has_fd = self._left - 2, True
            return Step("open", 1, "lock", "lock"), Step(call, line, "lock", "lock", "OSError", ("return",))
        if how == "lock":
            return tuple(self._step(*self._pick(LOCKS), ends, EITHER))
        return self.body(CLAIMS if how == "name" else CHECKS, self._pick((1, 1, 2)), ends, EITHER)

    def _sign(self) -> Body:
        """A look at a sign that another process may have given, and then the sign: not both at once."""
        pick = self._pick
        first, (look, line, test), (sign, how) = pick(SIGNS)
        self._main, self._left = "slot", self._left - len(first) - 2
        self._has_fd |= bool(first)
        before = [Step(*each, "slot", "lock", pick(("OSError", "FileExistsError"))) for each in first]
        where = "home" if look in OF_HOME else "slot"
        seen = Step(
            look, line, where, "slot", "OSError", ("pass",), test, (pick(("return", "return", "pass")),)
        )
        given = Step(sign, how, "slot", "lock", "OSError", (pick(("pass", "pass", "return")),))
        return (*before, seen, given, *pick(((), (), (_STAT_OF_HOME,))))

    def body(
        self, role: Sequence[tuple[str, int]], count: int, failing: Sequence[str], passing: Sequence[str]
    ) -> Body:
        """So many statements, mostly of one role, and how their branches may end."""
        body: list[Step | str] = []
        for _ in range(count):
            if self._left > 0:
                rare = self._pick((*(role,) * 9, SELDOM))
                pool = self._pick((role, role, role, ANY, ANY, ANY, CHECKS, rare))
                body += self._step(*self._pick(pool), failing, passing)
        return tuple(body)

    def _step(self, call: str, line: int, failing: Sequence[str], passing: Sequence[str]) -> Iterator[Step]:
        """A statement, and before it one that opens a file or reads a pid where it needs that."""
        pick = self._pick
        text = VOCABULARY[call][line].text
        locks = call in ("flock", "lockf")
        if "(fd" in text and (not self._has_fd or (locks and pick((True, False)))):
            path = pick(("lock", "lock", self._main)) if locks else self._path()
            self._left -= 1
            self._has_fd = True
            how = pick((1, 1, 1, 1, 1, 2)) if locks else pick((1, 1, 1, 2, 2, 3))
            yield Step("open", how, path, "lock", "OSError", (self._end(GO_ON),))
        if "(pid" in text and not self._has_pid:
            self._left -= 1
            self._has_pid = True
            yield Step(*pick((("read", 0), ("pread", 0), ("readlink", 0))), self._path(), "lock")
        self._left -= 1
        self._has_fd |= text.startswith("fd =")
        self._has_pid |= text.startswith("pid =")
        if "mkdtemp" in text or (text.startswith("folder =") and pick((True, False))):
            self._main = pick(("own", "marked", "marked"))
        failed = self._branch(failing)
        passed = self._branch(passing) if VOCABULARY[call][line].tests and pick((True, True, False)) else ()
        error = (
            pick(ERRORS)
            if not self._calm and pick((False, False, False, True))
            else ERROR_OF_CLAIM.get(call, "OSError")
        )
        yield Step(call, line, self._path(), self._path(), error, failed, pick(range(4)), passed)

    def _end(self, ends: Sequence[str]) -> str:
        if self._sober and self._again == () and "pass" in ends:
            return "pass"
        keeps_on = ends in (GO_ON, EITHER) and self._calm and self._pick((True,) * 6 + (False,))
        return "pass" if keeps_on else str(self._pick(ends))

    def _branch(self, ends: Sequence[str]) -> Body:
        end = self._end(ends)
        if self._left > 2 and self._pick((False, False, False, True)):
            return (*self.body((*RELEASES, *CHECKS, *CLAIMS), self._pick((1, 2)), GO_ON, EITHER), end)
        if not self._sober and self._pick((False,) * 12 + (True,)) and "return" in ends:
            return ("serve()", "return")
        return (end,)

    def _path(self) -> str:
        path = str(self._pick((self._main, self._main, self._main, self._pick(COMMON))))
        return "slot" if self._sober and path in ("lock", "home") else path


def protocol(number: int, more: int = 0) -> Protocol:
    """The protocol with a number: the same one always. Every second one follows a pattern, each in turn."""
    pick = Random(number).choice
    if number % 2:
        return build(pick, more, PATTERNS[number // 2 % len(PATTERNS)])
    return free(pick, more)


@st.composite
def protocols(draw: st.DrawFn, more: int = 0) -> Protocol:
    """Protocols for Hypothesis, which makes those that fail smaller."""
    return build(lambda options: draw(st.sampled_from(options)), more)
