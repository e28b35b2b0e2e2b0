"""A drawn protocol as a value: statements with branches, and the scenario in which it is tried.

Its ``source`` is an ordinary subject, which is also what a failing test prints, ready to paste into
``tests/planted/``. The statements are in ``tests.search.vocabulary``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import indent

from stateful.model.scenario import Scenario
from tests.search.vocabulary import PATHS, VOCABULARY


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
        failed = [f"    {text}" for text in _source(self.failed)]
        yield f"except {self.error}{' as error' if 'error.errno' in failed[0] else ''}:"
        yield from failed
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
        modules = (
            "errno",
            "fcntl",
            "os",
            "re",
            "select",
            "signal",
            "stat",
            "sys",
            "tempfile",
            "time",
            "psutil",
        )
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
