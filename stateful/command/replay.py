"""``replay``: execute one schedule and show what happens, or play the cases that were saved."""

from __future__ import annotations

import argparse

from stateful.command.cases import is_cases, replay_cases
from stateful.command.options import (
    EXIT_STATUS,
    Verbs,
    WrongInput,
    add_other,
    add_subject,
    check_lives,
    check_other,
    named,
)
from stateful.deciders.needs import explain
from stateful.deciders.replay import replay
from stateful.deciders.result import HOLDS, VIOLATED
from stateful.examine import examine
from stateful.report.text import trace_text
from stateful.scenario import find_scenario
from stateful.schedule import LIVES, parse_schedule
from stateful.subject import find_subject


def add(verbs: Verbs) -> None:
    """Add the verb and its options."""
    parser = verbs.add(
        "replay",
        _replay,
        "Execute one schedule and show what happens, or play saved cases again.",
    )
    add_subject(parser)
    add_other(parser)
    parser.add_argument("--scenario", metavar="NAME")
    parser.add_argument(
        "schedule",
        nargs="?",
        metavar="SCHEDULE",
        help='such as "A8 B3 crash-A B2"; without one SUBJECT is a folder of cases, or a file',
    )


def _replay(options: argparse.Namespace) -> int:
    if options.schedule is None and is_cases(options.subject):
        _check_alone(options)
        return replay_cases(options.subject)
    for name, given in (("--scenario", options.scenario), ("SCHEDULE", options.schedule)):
        if given is None:
            raise WrongInput(
                f"the following arguments are required: {name}; see `python -m stateful replay --help`"
            )
    scenario = named(find_scenario, options.scenario)
    if scenario.cast.supervision:
        raise WrongInput(
            f"{scenario.name}: its order follows from the clock; "
            f"`python -m stateful verify {options.subject} --scenario {scenario.name}` plays it again"
        )
    moves = parse_schedule(options.schedule)
    check_other(scenario, options.other)
    subject = find_subject(options.subject, options.other)
    lives = (*scenario.cast.lives, *(move.kind for move in moves if move.kind in LIVES))
    check_lives(options.subject, lives, examine(subject).lives)
    trace = explain(subject, scenario, replay(subject, scenario, moves))
    print(trace_text(trace))
    return EXIT_STATUS[VIOLATED if trace.violation else HOLDS]


def _check_alone(options: argparse.Namespace) -> None:
    """Refuse what a case says by itself."""
    if options.scenario or options.other:
        raise WrongInput(f"{options.subject}: a case says in which scenario it is played; give nothing else")
