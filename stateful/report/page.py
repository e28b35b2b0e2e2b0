"""A verification, or one trace, as a page: a single HTML file that loads nothing from a network.

Without JavaScript it is a space-time diagram that can be read and printed. The script adds stepping by
keyboard, and a panel with the full answer of the selected step and the disk at that moment. The same input
gives the same bytes: the page contains no date, no duration and no path of the machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Final, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from stateful.model.chronicle import Chronicle
from stateful.model.trace import Trace, Violation
from stateful.report.chronicle_text import command
from stateful.report.invariant_scores import head_of_quiet, scores
from stateful.report.picture import Fold, Picture, Row, draw, folded
from stateful.report.power_text import unjudged
from stateful.report.text import extent, replay_command, trace_text
from stateful.report.verdict import points
from stateful.search.result import VIOLATED
from stateful.verification.verification import Verification

NOT_VIOLATED: Final = "not violated"  # by this trace; other traces may violate something
LONG_TRACE_ROWS: Final = 60  # in a longer trace, runs of steps of one process alone are folded
LEAST_FOLD: Final = 3
MOST_WIDE_COLUMNS: Final = 2  # so many columns of text fit side by side, with one for the disk


class Figure(NamedTuple):
    """One trace on the page.

    Attributes:
        rows: the rows of the picture, some of them folded.
        text: for a chronicle, which has no picture, its text; else empty.
        counted: whether the verdict counts this violation.
    """

    key: str
    violation: Violation | None
    extent: str
    scenario: str
    picture: Picture | None
    rows: list[Row | Fold]
    text: str
    command: str
    counted: bool

    @property
    def is_wide(self) -> bool:
        """Whether the columns have room for text."""
        return self.picture is not None and len(self.picture.columns) <= MOST_WIDE_COLUMNS


def verification_page(found: Verification) -> str:
    """The page of a verification: the verdict, every violation, the scenarios."""
    noted, quiet = scores(found)
    return _template().render(
        title=found.subject.title,
        verdict=found.verdict,
        points=points(replace(found, seconds=0.0)),
        figures=list(_figures(found)),
        noted=noted,
        quiet=quiet,
        quiet_head=head_of_quiet(quiet),
    )


def trace_page(trace: Trace) -> str:
    """The page of one replayed trace."""
    return _template().render(
        title=f"{trace.subject} with {trace.other}" if trace.other else trace.subject,
        verdict=VIOLATED if trace.violation else NOT_VIOLATED,
        points=[],
        figures=[_figure("v1", trace)],
        noted=[],
        quiet=[],
        quiet_head="",
    )


def _figures(found: Verification) -> Iterator[Figure]:
    counted = [(trace, True) for trace in found.violations.values()]
    uncounted = [(trace, False) for trace in unjudged(found.results)]
    for number, (trace, counts) in enumerate([*counted, *uncounted], 1):
        yield _figure(f"v{number}", trace, counted=counts)


def _figure(key: str, trace: Trace, *, counted: bool = True) -> Figure:
    if isinstance(trace, Chronicle):
        return Figure(
            key, trace.violation, "", trace.title, None, [], trace_text(trace), command(trace), counted
        )
    picture = draw(trace)
    is_long = len(picture.rows) > LONG_TRACE_ROWS
    rows = folded(picture.rows, LEAST_FOLD if is_long else len(picture.rows) + 1)
    again = f'{replay_command(trace)} "{trace.schedule}"'
    return Figure(key, trace.violation, extent(trace), trace.title, picture, rows, "", again, counted)


@cache
def _template() -> Template:
    loader = PackageLoader("stateful.report", "template")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("page.html.j2")
