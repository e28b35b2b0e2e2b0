"""``verify``: searches scenarios exhaustively, shows the progress, and prints the result."""

from __future__ import annotations

import argparse
import os
from functools import partial

from stateful.command import verify_shard as shard
from stateful.command.display import Display, console_of_lines
from stateful.command.options import (
    Verbs,
    WrongInput,
    add_other,
    add_subject,
    check_other,
    named,
    positive,
)
from stateful.command.outcome import add_outcome, check_outcome, tell
from stateful.model.scenario import Scenario
from stateful.model.standard import MIXED, STANDARD, find_scenarios
from stateful.protocol.subject import find_subject
from stateful.verification.verification import DEFAULT_BUDGET_S, verify


def add(verbs: Verbs) -> None:
    """Add the verb and its options."""
    parser = verbs.add("verify", _verify, "Search scenarios exhaustively for a violation.")
    add_subject(parser, nargs="?")
    add_other(parser)
    parser.add_argument(
        "--scenario",
        action="append",
        metavar="NAME",
        help="only this scenario, or those that match a pattern such as two-starts-*; may be repeated",
    )
    parser.add_argument("--budget", type=positive(float), default=DEFAULT_BUDGET_S, metavar="SECONDS")
    parser.add_argument("--workers", type=positive(int), default=os.cpu_count() or 1, metavar="N")
    shard.add_shard(parser)
    add_outcome(parser)


def _verify(options: argparse.Namespace) -> int:
    scenarios = _scenarios(options)
    if options.shard:
        return shard.search_shard(options, scenarios)
    check_outcome(options)
    subject = find_subject(options.subject, options.other)
    console = console_of_lines()
    chosen = scenarios if options.scenario or options.other else None
    with Display(console, len(scenarios)) as display:
        found = verify(
            subject, chosen, budget_s=options.budget, workers=options.workers, listen=display.listen
        )
    return tell(found, options, console)


def _scenarios(options: argparse.Namespace) -> list[Scenario]:
    find = partial(find_scenarios, mixed=options.other is not None)
    chosen = [scenario for name in options.scenario or () for scenario in named(find, name)]
    scenarios = list(dict.fromkeys(chosen)) or list(MIXED if options.other else STANDARD)
    if any(scenario.open_ended for scenario in scenarios):
        raise WrongInput("scenarios named any-... have no end; use them with pytest or replay")
    for scenario in scenarios:
        check_other(scenario, options.other)
    return scenarios
