"""``verify``: search scenarios exhaustively, show how far that has come, and print what was found."""

from __future__ import annotations

import argparse
import json
import os
from contextlib import suppress
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from stateful.command.cases import save
from stateful.command.options import (
    EXIT_STATUS,
    Verbs,
    WrongInput,
    add_html,
    add_other,
    add_subject,
    check_other,
    named,
    positive,
)
from stateful.command.output import check_writable, make_folder, write
from stateful.deciders.result import Result
from stateful.report import github
from stateful.report.page import verification_page
from stateful.report.power import unjudged
from stateful.report.text import LIMIT_COLUMNS, trace_text
from stateful.report.verdict import also_violated, as_json, summary, tables
from stateful.scenario import MIXED, STANDARD, Scenario, find_scenarios
from stateful.subject import find_subject
from stateful.verify import DEFAULT_BUDGET_S, Verification, verify


def add(verbs: Verbs) -> None:
    """Add the verb and its options."""
    parser = verbs.add("verify", _verify, "Search scenarios exhaustively for a violation.")
    add_subject(parser, nargs="?")
    add_other(parser)
    parser.add_argument(
        "--scenario",
        action="append",
        metavar="NAME",
        help="only this one, or those like two-starts-*; may be repeated",
    )
    parser.add_argument("--budget", type=positive(float), default=DEFAULT_BUDGET_S, metavar="SECONDS")
    parser.add_argument("--workers", type=positive(int), default=os.cpu_count() or 1, metavar="N")
    parser.add_argument(
        "--confirm", action="store_true", help="play each violation again with real processes"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the result there")
    parser.add_argument("--save", type=Path, metavar="DIR", help="also write a case for each violation there")
    add_html(parser)


def _verify(options: argparse.Namespace) -> int:
    scenarios = _scenarios(options)
    for path in filter(None, (options.json, options.html)):
        check_writable(path)
    if options.save:
        make_folder(options.save)
    subject = find_subject(options.subject, options.other)
    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = LIMIT_COLUMNS
    display = _Display(console, len(scenarios))
    with display:
        found = verify(
            subject, scenarios, budget_s=options.budget, workers=options.workers, listen=display.listen
        )
    if options.confirm:
        from stateful.host import confirm_all

        with suppress(KeyboardInterrupt):  # What was found is shown all the same.
            confirm_all(found)
    try:  # Before it is printed, since whoever reads that may read no further than its first line.
        if options.json:
            write(options.json, json.dumps(as_json(found), indent=2) + "\n")
        if options.html:
            write(options.html, verification_page(found))
    finally:  # A disk may have become full in these minutes, which is no reason to keep the result.
        _print(console, found)
    if options.save:
        for line in save(found, options.save):
            console.print(line, markup=False)
    github.tell(found)
    return EXIT_STATUS[found.verdict]


def _scenarios(options: argparse.Namespace) -> list[Scenario]:
    find = partial(find_scenarios, mixed=options.other is not None)
    chosen = [scenario for name in options.scenario or () for scenario in named(find, name)]
    scenarios = list(dict.fromkeys(chosen)) or list(MIXED if options.other else STANDARD)
    if any(scenario.open_ended for scenario in scenarios):
        raise WrongInput("scenarios named any-... have no end; use them with pytest or replay")
    for scenario in scenarios:
        check_other(scenario, options.other)
    return scenarios


class _Display:
    """A progress bar on a terminal; one line for each finished scenario elsewhere."""

    def __init__(self, console: Console, total: int) -> None:
        self._results: dict[int, Result] = {}
        self._plain = not console.is_terminal
        self._progress = Progress(
            TextColumn("searching"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[states]:,} states"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=self._plain,
        )
        self._task = self._progress.add_task("", total=total, states=0)

    def __enter__(self) -> _Display:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def listen(self, number: int, result: Result) -> None:
        """Show a result that has come in."""
        self._results[number] = result
        states = sum(result.states for result in self._results.values())
        finished = sum(result.finished for result in self._results.values())
        self._progress.update(self._task, completed=finished, states=states)
        if self._plain and result.finished:
            name, time_s = result.scenario.name, f"{result.seconds:.1f} s"
            size = f"{result.states:>9,} states"
            if result.chronicle:
                size = f"{result.chronicle.respawns:>9,} respawns"
            print(f"{name:<46} {result.verdict:<11} {size} {time_s:>8}", flush=True)


def _print(console: Console, found: Verification) -> None:
    for table in tables(found.results):
        console.print()
        console.print(table, width=LIMIT_COLUMNS)
    console.print()
    traces = list(found.violations.values())
    for trace in traces[:1]:
        console.print(trace_text(trace), markup=False)
        console.print()
    if traces[1:]:
        console.print("Also violated:")
        for trace in traces[1:]:
            for line in also_violated(trace):
                console.print(f"  {line}", markup=False)
        console.print()
    for trace in unjudged(found.results):
        console.print("Broken with posix alone, which the verdict does not count:")
        for line in also_violated(trace):
            console.print(f"  {line}", markup=False)
        console.print()
    for line in summary(found):
        console.print(line, markup=False)
