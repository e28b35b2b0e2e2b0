"""``fuzz``: a campaign of random executions, its live display, and its summary."""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from rich.console import Console
from rich.live import Live
from rich.table import Table

from stateful.campaign.campaign import fuzz
from stateful.campaign.corpus import Corpus
from stateful.campaign.messages import Found, Message
from stateful.campaign.tally import Tally
from stateful.campaign.watch import Watch
from stateful.command.options import (
    EXIT_STATUS,
    Verbs,
    WrongInput,
    add_subject,
    positive,
)
from stateful.command.output import check_writable
from stateful.model.trace import Trace
from stateful.protocol.subject import Subject, find_subject
from stateful.report.campaign_text import (
    as_json,
    found_as_json,
    found_line,
    in_order,
    is_vacuous,
    is_violated,
    lost_line,
    progress_line,
    recheck_line,
    rows,
    summary_lines,
)
from stateful.report.text import count, trace_text
from stateful.report.verdict import also_violated
from stateful.sample.database import NotShared, check_shared
from stateful.search.result import HOLDS, UNKNOWN, VIOLATED
from stateful.verification.verification import Verification

DEFAULT_TIME: Final = "30m"
DEFAULT_CORPUS: Final = Path(".stateful")
SECONDS_BETWEEN_LINES: Final = 10.0
UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600}

_SPAN: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smh]?)")


def add(verbs: Verbs) -> None:
    """Add the verb and its options."""
    parser = verbs.add("fuzz", _fuzz, "Try random executions for a time.")
    add_subject(parser, nargs="?")
    parser.add_argument(
        "--time", type=_span, default=DEFAULT_TIME, metavar="TIME", help="such as 90s, 30m or 8h"
    )
    parser.add_argument("--workers", type=positive(int), default=os.cpu_count() or 1, metavar="N")
    parser.add_argument(
        "--corpus",
        type=Path,
        default=DEFAULT_CORPUS,
        metavar="DIR",
        help=f"the folder that keeps the findings for the next campaign; default: {DEFAULT_CORPUS}",
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="also write each event there, as a line of JSON"
    )
    parser.add_argument("--watch", action="store_true", help="start again on each save of the subject")


def _span(text: str) -> float:
    match = _SPAN.fullmatch(text)
    seconds = float(match[1]) * UNITS[match[2]] if match else 0.0
    if not seconds:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 90s, 30m or 8h")
    return seconds


def _fuzz(options: argparse.Namespace) -> int:
    if options.json:
        check_writable(options.json)
    subject = find_subject(options.subject)
    try:
        corpus = Corpus(options.corpus)
    except OSError as error:
        raise WrongInput(
            f"{options.corpus}: no corpus can be kept there: {error.strerror}; name another folder"
        ) from None
    try:
        check_shared()
    except NotShared as error:
        raise WrongInput(str(error)) from None
    console = Console(highlight=False, soft_wrap=True)
    with _events(options.json) as events, CampaignDisplay(console, events) as display:
        if options.watch:
            return _watch(subject, corpus, options.time, options.workers, display)
        tally = fuzz(
            subject,
            corpus,
            seconds=options.time,
            workers=options.workers,
            seed=secrets.token_hex(8),
            show=display.show,
        )
        display.finish(tally)
    return exit_status(tally)


def _watch(subject: Subject, corpus: Corpus, seconds: float, workers: int, display: CampaignDisplay) -> int:
    watch = Watch(
        subject, corpus, seconds, workers, display.say, display.show, display.finish, display.tell_of
    )
    try:
        watch.run()
    except KeyboardInterrupt:
        display.say("interrupted")
    return EXIT_STATUS[VIOLATED if watch.is_violated else UNKNOWN]


def exit_status(tally: Tally) -> int:
    """The exit status: 1 if anything is violated, 3 if it ended early or reached nothing, else 0."""
    if is_violated(tally):
        return EXIT_STATUS[VIOLATED]
    return EXIT_STATUS[UNKNOWN if tally.interrupted or tally.trouble or is_vacuous(tally) else HOLDS]


@contextmanager
def _events(path: Path | None) -> Iterator[IO[str] | None]:
    if path is None:
        yield None
        return
    with path.open("w", encoding="utf-8") as file:
        yield file


class CampaignDisplay:
    """Shows a campaign: a live table on a terminal; elsewhere lines, at intervals and for each event."""

    def __init__(self, console: Console, events: IO[str] | None = None) -> None:
        self._console = console
        self._events = events
        self._live: Live | None = None
        self._begin(None)

    def __enter__(self) -> CampaignDisplay:
        return self

    def __exit__(self, *_: object) -> None:
        self._end_live()

    def _begin(self, tally: Tally | None) -> None:
        """Begin with a new campaign."""
        self._tally = tally
        self._rechecked = self._lost = 0
        self._said_s = 0.0

    def show(self, tally: Tally, message: Message | None) -> None:
        """Show what is new since the last call, and the progress."""
        if tally is not self._tally:
            self._begin(tally)
        for name, verdict, why in tally.rechecked[self._rechecked :]:
            self.say(recheck_line(name, verdict, why))
            self._write({"event": "rechecked", "case": name, "verdict": verdict, "why": why})
        self._rechecked = len(tally.rechecked)
        for lost in tally.lost[self._lost :]:
            self.say(lost_line(lost))
            self._write({"event": "replaced", "why": lost})
        self._lost = len(tally.lost)
        if isinstance(message, Found):
            self.say(found_line(message, tally.seconds))
            self._write(found_as_json(message, tally.seconds))
        if self._console.is_terminal:
            self._update(tally)
        if tally.seconds - self._said_s >= SECONDS_BETWEEN_LINES:
            self._said_s = tally.seconds
            if not self._console.is_terminal:
                self.say(progress_line(tally))
            self._write(as_json(tally, "progress"))

    def finish(self, tally: Tally) -> None:
        """Show the summary."""
        self._end_live()
        self._show_violations([each.found.trace for each in in_order(tally)])
        self.say("", *summary_lines(tally))
        self._write(as_json(tally, "summary"))

    def tell_of(self, found: Verification) -> None:
        """Show the result of searching the small scenarios."""
        self._show_violations(list(found.violations.values()))
        searched = f"{count(len(found.results), 'small scenario')}, {found.states:,} states"
        self.say(f"{found.verdict:<12}{searched} in {found.seconds:.1f} s")

    def _show_violations(self, traces: Sequence[Trace]) -> None:
        """Show the first violation in full, the others in a few lines."""
        for trace in traces[:1]:
            self.say("", trace_text(trace), "")
        if traces[1:]:
            self.say("Also violated:")
        for trace in traces[1:]:
            self.say(*(f"  {line}" for line in also_violated(trace)))

    def say(self, *lines: str) -> None:
        """Print some lines."""
        for line in lines:
            self._console.print(line, markup=False)

    def _update(self, tally: Tally) -> None:
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        grid = Table(box=None, pad_edge=False, show_header=False)
        for name, what in rows(tally):
            grid.add_row(f"[bold red]{name}[/]" if name.startswith("violated") else name, what)
        self._live.update(grid, refresh=True)

    def _end_live(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _write(self, event: dict[str, Any]) -> None:
        if self._events is not None:
            try:
                self._events.write(json.dumps(event) + "\n")
                self._events.flush()
            except OSError as error:
                self._events = None
                self.say(f"events are no longer written: {error.strerror}")
