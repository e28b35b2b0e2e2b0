"""Small contending protocols, drawn from a grammar over every modelled call, to check the search with.

A protocol is a value; its ``source`` is an ordinary subject, and a failing test prints it, ready to paste
into ``tests/planted/``. It claims (``O_EXCL``, mkdir, link, symlink, rename, a lock), looks (at names, kinds,
contents, times, processes), serves and releases, and branches on the answers.

The statements are in ``tests.search.vocabulary``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from textwrap import indent
from typing import Any, Final, TypeVar

from hypothesis import strategies as st

from stateful.model.scenario import Plan, Scenario
from stateful.model.standard import CASTS
from tests.search.vocabulary import (
    ANY,
    CHANGES,
    CHECKS,
    CLAIMS,
    COMMON,
    ERROR_OF_CLAIM,
    ERRORS,
    OF_HOME,
    PATHS,
    RELEASES,
    SELDOM,
    SIGNS,
    VOCABULARY,
)

Option = TypeVar("Option")
Pick = Callable[[Sequence[Option]], Option]


@dataclass(frozen=True)
class Step:
    """A statement of a protocol, and what it does where the call fails or a condition on the answer holds.

    ``failed`` and ``passed`` are further statements; an empty one just goes on.
    """

    call: str
    line: int
    path: str
    other: str
    error: str = "OSError"
    failed: Body = ()
    test: int = 0
    passed: Body = ()

    def lines(self) -> Iterator[str]:
        """Its source."""
        line = VOCABULARY[self.call][self.line]
        yield "try:"
        yield "    " + line.text.format(p=PATHS[self.path], q=PATHS[self.other])
        yield f"except {self.error}:"
        yield from (f"    {text}" for text in _source(self.failed))
        if self.passed and line.tests:
            yield "else:"
            yield f"    if {line.tests[self.test % len(line.tests)]}:"
            yield from (f"        {text}" for text in _source(self.passed))

    @property
    def size(self) -> int:
        return 1 + sum(each.size for each in (*self.failed, *self.passed) if isinstance(each, Step))


Body = tuple["Step | str", ...]  # a text stands for itself: return, continue, raise


def _source(body: Body) -> Iterator[str]:
    if not body:
        yield "pass"
    for each in body:
        yield from each.lines() if isinstance(each, Step) else (each,)


@dataclass(frozen=True)
class Protocol:
    """A single-owner protocol, right or wrong, and the scenario in which it is tried."""

    gateway: Body
    scenario: Scenario
    attempts: int = 1
    query: Body | None = None
    documented: bool = True

    @property
    def size(self) -> int:
        """How many statements make a call."""
        return sum(each.size for each in (*self.gateway, *(self.query or ())) if isinstance(each, Step))

    @property
    def source(self) -> str:
        """An ordinary subject."""
        first = 'fd, pid, folder, seen = 98, 4000000, "/tmp/none", None\n'
        body = "\n".join(_source(self.gateway))
        if self.attempts > 1:
            body = f"for _ in range({self.attempts}):\n{indent(body, '    ')}"
        parts = [f"def gateway(home, serve):\n{indent(first + body, '    ')}\n"]
        if self.query is not None:
            query = "\n".join([*_source(self.query), "return None if pid == 4000000 else pid"])
            parts.append(f"def running_pid(home):\n{indent(first + query, '    ')}\n")
        if "number_in(" in "".join(parts):
            parts.insert(0, _NUMBER_IN)
        if ", fail)" in "".join(parts):
            parts.insert(0, _FAIL)
        text = "\n\n".join(parts)
        modules = ("fcntl", "os", "re", "select", "signal", "stat", "sys", "tempfile", "time", "psutil")
        imports = [f"import {name}" for name in modules if f"{name}." in text]
        if self.documented:
            imports.append("\ndocumented_errors = (OSError,)")
        if "psutil." in text:
            text = text.replace("except OSError:", "except (OSError, psutil.Error):")
        return f'"""Drawn for {self.scenario.name}."""\n\n' + "\n".join(imports) + "\n\n\n" + text


_NUMBER_IN = """def number_in(content):
    digits = re.findall(rb"[0-9]+", content)
    return int(digits[0][:7]) if digits else 4000000
"""
_FAIL = """def fail(*_):
    raise OSError("told to go")
"""


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


def build(pick: Pick[Any], more: int = 0) -> Protocol:
    """A protocol, by picking one of several things again and again, of so many calls more at most."""
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
        how = self._pick(("lock",) * 8 + ("sign",) * 4 + ("name",) * 1 + ("any",))
        if how == "sign" and self._left > 2:
            return self._sign()
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
        keeps_on = ends in (GO_ON, EITHER) and self._calm and self._pick((True,) * 6 + (False,))
        return "pass" if keeps_on else str(self._pick(ends))

    def _branch(self, ends: Sequence[str]) -> Body:
        end = self._end(ends)
        if self._left > 2 and self._pick((False, False, False, True)):
            return (*self.body((*RELEASES, *CHECKS, *CLAIMS), self._pick((1, 2)), GO_ON, EITHER), end)
        if self._pick((False,) * 12 + (True,)) and "return" in ends:
            return ("serve()", "return")
        return (end,)

    def _path(self) -> str:
        return str(self._pick((self._main, self._main, self._main, self._pick(COMMON))))


def protocol(number: int, more: int = 0) -> Protocol:
    """The protocol with a number: the same one always."""
    return build(Random(number).choice, more)


@st.composite
def protocols(draw: st.DrawFn, more: int = 0) -> Protocol:
    """Protocols for Hypothesis, which makes those that fail smaller."""
    return build(lambda options: draw(st.sampled_from(options)), more)
