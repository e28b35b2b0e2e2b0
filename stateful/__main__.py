"""The command line: one verb per use.

Exit status: 0 holds, 1 violated, 2 the input was wrong (one line says what, why and what to do),
3 unknown.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from stateful.deciders.behaviour import Nondeterminism
from stateful.deciders.replay import replay
from stateful.deciders.result import HOLDS, UNKNOWN, VIOLATED, Result
from stateful.examine import examine
from stateful.kernel.call import UnmodelledSyscall
from stateful.report.power import unjudged
from stateful.report.text import LIMIT_COLUMNS, trace_text
from stateful.report.verdict import also_violated, as_json, summary, tables
from stateful.scenario import BY_NAME, MIXED, STANDARD, Scenario, find_scenario, find_scenarios
from stateful.schedule import LIVES, ScheduleMismatch, parse_schedule
from stateful.subject import SubjectError, find_subject
from stateful.subjects import BUILT_IN, describe
from stateful.verify import DEFAULT_BUDGET_S, Verification, verify

EXIT_STATUS: Final = {HOLDS: 0, VIOLATED: 1, UNKNOWN: 3}
WRONG_INPUT: Final = 2
PIPE_CLOSED: Final = 141


Found = TypeVar("Found")


class WrongInput(Exception):
    """Something the user gave is wrong: one line that says what, why and what to do."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise WrongInput(f"{message}; see `{self.prog} --help`")


def run() -> NoReturn:
    """The entry point: a polite end is an interrupt, so that what is known is said and nothing is left."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
    sys.exit(main())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a verb; returns the exit status."""
    try:
        options = _parser().parse_args(arguments)
        status: int = options.verb(options)
        sys.stdout.flush()
        return status
    except (WrongInput, SubjectError, ScheduleMismatch, UnmodelledSyscall, Nondeterminism) as error:
        print(f"stateful: {' '.join(str(error).split())}", file=sys.stderr)
        return WRONG_INPUT
    except KeyboardInterrupt:
        print("stateful: interrupted", file=sys.stderr)
        return EXIT_STATUS[UNKNOWN]
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m stateful", description=__doc__.partition("\n")[0])
    verbs = parser.add_subparsers(required=True, metavar="VERB", parser_class=_Parser)

    def verb(name: str, function: Any, text: str) -> argparse.ArgumentParser:
        added = verbs.add_parser(name, help=text, description=text)
        added.set_defaults(verb=function)
        return added

    check = verb("verify", _verify, "Search scenarios exhaustively for a violation.")
    _add_subject(check, nargs="?")
    _add_other(check)
    check.add_argument(
        "--scenario",
        action="append",
        metavar="NAME",
        help="only this one, or those like two-starts-*; may be repeated",
    )
    check.add_argument("--budget", type=_positive(float), default=DEFAULT_BUDGET_S, metavar="SECONDS")
    check.add_argument("--workers", type=_positive(int), default=os.cpu_count() or 1, metavar="N")
    check.add_argument("--json", type=Path, metavar="FILE", help="also write the result there")

    again = verb("replay", _replay, "Execute one schedule and show what happens.")
    _add_subject(again)
    _add_other(again)
    again.add_argument("--scenario", required=True, metavar="NAME")
    again.add_argument("schedule", metavar="SCHEDULE", help='such as "A8 B3 crash-A B2"')

    verb("subjects", _subjects, "List the built-in subjects.")
    verb("scenarios", _scenarios, "List the scenarios.")
    verb("bench", _bench, "Measure how fast the harness is here.")
    return parser


def _add_subject(parser: argparse.ArgumentParser, **more: Any) -> None:
    parser.add_argument(
        "subject",
        metavar="SUBJECT",
        help="a built-in name, a dotted module or a path to a .py, either with :function",
        **more,
    )


def _add_other(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--with",
        dest="other",
        metavar="OTHER",
        help="another subject that runs in the same home, such as yesterday's version",
    )


def _positive(kind: type) -> Any:
    def read(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            value = 0
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
        return value

    return read


def _named(find: Callable[[str], Found], name: str) -> Found:
    try:
        return find(name)
    except KeyError:
        raise WrongInput(f"{name}: no such scenario; `python -m stateful scenarios` lists them") from None


def _fits(scenario: Scenario, other: str | None) -> None:
    if scenario.cast.is_mixed and other is None:
        raise WrongInput(f"{scenario.name}: two subjects run there; name the other one with --with")
    if other is not None and not (scenario.cast.is_mixed or scenario.open_ended):
        raise WrongInput(f"{scenario.name}: one subject runs there; leave --with out")


# -- verify -----------------------------------------------------------------------------------------------


def _verify(options: argparse.Namespace) -> int:
    find = partial(find_scenarios, mixed=options.other is not None)
    named = [scenario for name in options.scenario or () for scenario in _named(find, name)]
    scenarios = list(dict.fromkeys(named)) or list(MIXED if options.other else STANDARD)
    if any(scenario.open_ended for scenario in scenarios):
        raise WrongInput("scenarios named any-... have no end; use them with pytest or replay")
    for scenario in scenarios:
        _fits(scenario, options.other)
    if options.json:
        _writable(options.json)
    subject = find_subject(options.subject, options.other)
    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = LIMIT_COLUMNS
    listener = _Display(console, len(scenarios))
    with listener:
        found = verify(
            subject, scenarios, budget_s=options.budget, workers=options.workers, listen=listener.listen
        )
    _print(console, found)
    if options.json:
        options.json.write_text(json.dumps(as_json(found), indent=2) + "\n", encoding="utf-8")
    return EXIT_STATUS[found.verdict]


def _writable(path: Path) -> None:
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise WrongInput(f"{path}: cannot be written; give the name of a file in a folder that you may write")


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


# -- the other verbs --------------------------------------------------------------------------------------


def _replay(options: argparse.Namespace) -> int:
    scenario = _named(find_scenario, options.scenario)
    if scenario.cast.supervision:
        raise WrongInput(
            f"{scenario.name}: its order follows from the clock; "
            f"`python -m stateful verify {options.subject} --scenario {scenario.name}` plays it again"
        )
    moves = parse_schedule(options.schedule)
    _fits(scenario, options.other)
    subject = find_subject(options.subject, options.other)
    offered = examine(subject).lives
    for life in (*scenario.cast.lives, *(move.kind for move in moves if move.kind in LIVES)):
        if life not in offered:
            raise WrongInput(f"{options.subject}: it offers no {life}; it offers {', '.join(offered)}")
    trace = replay(subject, scenario, moves)
    print(trace_text(trace))
    return EXIT_STATUS[VIOLATED if trace.violation else HOLDS]


def _subjects(options: argparse.Namespace) -> int:
    for name in BUILT_IN:
        print(f"{name:<{max(map(len, BUILT_IN))}}  {describe(name)}")
    return 0


def _scenarios(options: argparse.Namespace) -> int:
    for scenarios, when in ((STANDARD, ""), (BY_NAME, "; only by name"), (MIXED, "; --with another subject")):
        for scenario in scenarios:
            print(f"{scenario.name:<46} {scenario.title}{when}")
    return 0


def _bench(options: argparse.Namespace) -> int:
    from stateful.bench import bench

    bench()
    return 0


if __name__ == "__main__":
    run()
