"""``mutate``: plants a mistake at every call site of a subject, one at a time, and shows which are caught."""

from __future__ import annotations

import argparse
import os

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from stateful.command.options import Verbs, WrongInput, add_subject, named, positive
from stateful.mutation.score import SCOPE, SURVIVED, UNKNOWN, Judgement, judge_all, scope, survey
from stateful.protocol.subject import find_subject
from stateful.report.mutation_text import judgement_lines, judgement_text, score_lines
from stateful.report.text import count
from stateful.run.examine import examine


def add(verbs: Verbs) -> None:
    """Add the verb and its options."""
    parser = verbs.add("mutate", _mutate, "Plant a mistake at each call site, and see which are caught.")
    add_subject(parser, nargs="?")
    parser.add_argument(
        "--scenario",
        action="append",
        metavar="NAME",
        help="search in this one, or those like two-starts-*, instead of the usual scope; may be repeated",
    )
    parser.add_argument("--workers", type=positive(int), default=os.cpu_count() or 1, metavar="N")


def _mutate(options: argparse.Namespace) -> int:
    subject = find_subject(options.subject)
    offer = examine(subject)
    scenarios = [
        scenario
        for pattern in options.scenario or SCOPE
        for scenario in named(lambda name: scope(offer, [name]), pattern)
    ]
    scenarios = list(dict.fromkeys(scenarios))
    if not scenarios:
        raise WrongInput(f"{subject.name}: none of these scenarios can be searched for it; name others")
    try:
        possible = survey(subject, offer, scenarios)
    except ValueError as why:
        raise WrongInput(
            f"{subject.name}: {why}; only a subject that holds can be mutated, so fix that first"
        ) from None
    if not possible:
        raise WrongInput(f"{subject.name}: it makes no call in these scenarios that could be mutated")
    console = Console(highlight=False, soft_wrap=True)
    judgements: list[Judgement] = []
    interrupted = False
    with _progress(console) as progress:
        task = progress.add_task("", total=len(possible))

        def hear(judgement: Judgement) -> None:
            judgements.append(judgement)
            progress.advance(task)
            if not console.is_terminal:
                print(f"{judgement.mutation.site}: {judgement_text(judgement)}", flush=True)

        try:
            judge_all(subject, offer, possible, options.workers, hear)
        except KeyboardInterrupt:
            interrupted = True
    for line in ("", *judgement_lines(judgements), "", *score_lines(subject.name, judgements)):
        console.print(line, markup=False)
    console.print(f"  scope: {count(len(scenarios), 'scenario')}, searched exhaustively", markup=False)
    if interrupted:
        console.print(f"  interrupted after {len(judgements)} of {len(possible)} mutations", markup=False)
    verdicts = {judgement.verdict for judgement in judgements}
    return 3 if interrupted or UNKNOWN in verdicts else int(SURVIVED in verdicts)


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("mutating"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
