"""The output of a verification: it is printed, and on request confirmed, written and saved."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from rich.console import Console

from stateful.command.cases import save
from stateful.command.options import EXIT_STATUS, add_html
from stateful.command.output import check_writable, make_folder, write
from stateful.command.replay_script import contradiction
from stateful.model.confirmation import IN_DOUBT, Confirmation
from stateful.report import github
from stateful.report.page import verification_page
from stateful.report.power_text import unjudged
from stateful.report.text import LIMIT_COLUMNS, trace_text
from stateful.report.verdict import also_violated, as_json, summary, tables
from stateful.verification.verification import Verification


def _json(found: Verification) -> str:
    return json.dumps(as_json(found), indent=2) + "\n"


# The reports that are written to a file, by the option that names it.
REPORTS: Final[dict[str, Callable[[Verification], str]]] = {"json": _json, "html": verification_page}
OUTCOMES: Final = (*REPORTS, "save", "confirm")


def add_outcome(parser: argparse.ArgumentParser) -> None:
    """Add the options for the output of a verification."""
    parser.add_argument(
        "--confirm", action="store_true", help="play each violation again with real processes"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the result there")
    parser.add_argument("--save", type=Path, metavar="DIR", help="also write a case for each violation there")
    add_html(parser)


def check_outcome(options: argparse.Namespace) -> None:
    """Refuse files and folders that cannot be written, before the search begins."""
    for path in files_of(options):
        check_writable(path)
    if options.save:
        make_folder(options.save)


def files_of(options: argparse.Namespace) -> list[Path]:
    """The files that reports are to be written to."""
    return [path for name in REPORTS if (path := getattr(options, name)) is not None]


def tell(found: Verification, options: argparse.Namespace, console: Console) -> int:
    """Confirm, write, print and save as the options say; return the exit status."""
    if options.confirm:
        with suppress(KeyboardInterrupt):  # The violations are shown even if not all are confirmed.
            _confirm(found)
    try:  # Files are written first, since a reader such as head may close the pipe after its first line.
        for name, report in REPORTS.items():
            if path := getattr(options, name):
                write(path, report(found))
    finally:  # If the disk has become full meanwhile, the result is still printed.
        _print(console, found)
    if options.save:
        for line in save(found, options.save):
            console.print(line, markup=False)
    github.tell(found)
    return EXIT_STATUS[found.verdict]


def _confirm(found: Verification) -> None:
    """Play the violations with real processes; those that are shown also as stand-alone scripts."""
    from stateful.verification.confirm import confirm_all

    confirm_all(found)
    for result in found.results:
        for name, trace in result.violations.items():
            known = trace.confirmation
            if trace is not found.violations[name] or known is None or not known.confirmed:
                continue
            sentence = contradiction(found.subject, found.offer, result.scenario, trace)
            if sentence is not None:
                told = f"real processes do the same beside the harness, but a stand-alone script {sentence}"
                trace.confirmation = Confirmation(IN_DOUBT, told)


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
