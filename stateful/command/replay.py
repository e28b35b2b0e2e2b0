"""``replay``: executes one schedule and shows what happens, or plays saved cases again."""

from __future__ import annotations

import argparse
from pathlib import Path

from stateful.command.cases import is_cases, replay_cases
from stateful.command.options import (
    EXIT_STATUS,
    Verbs,
    WrongInput,
    add_html,
    add_other,
    add_subject,
    check_lives,
    check_other,
    named,
)
from stateful.command.output import check_writable, write
from stateful.command.replay_script import check_new, write_script
from stateful.explain.needs import explain
from stateful.model.schedule import LIVES, parse_schedule
from stateful.model.standard import find_scenario
from stateful.protocol.subject import find_subject
from stateful.report.page import trace_page
from stateful.report.text import trace_text
from stateful.run.examine import examine
from stateful.run.replay import replay
from stateful.search.result import HOLDS, UNKNOWN, VIOLATED


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
    parser.add_argument("--host", action="store_true", help="then play it again with real processes")
    add_html(parser)
    parser.add_argument(
        "--script",
        type=Path,
        metavar="FILE",
        help="also write a script that shows the violation with real processes",
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
    if options.script:
        check_new(options.script)
    if options.html:
        check_writable(options.html)
    subject = find_subject(options.subject, options.other)
    lives = (*scenario.cast.lives, *(move.kind for move in moves if move.kind in LIVES))
    offer = examine(subject)
    check_lives(options.subject, lives, offer.lives)
    trace = explain(subject, scenario, replay(subject, scenario, moves))
    if options.host:
        from stateful.host import confirm

        trace.confirmation = confirm(subject, scenario, trace)
    if options.html:  # first, since a reader such as head may close the pipe after the text's first line
        write(options.html, trace_page(trace))
    print(trace_text(trace))
    status = EXIT_STATUS[VIOLATED if trace.violation else HOLDS]
    if options.script:
        status = write_script(subject, offer, scenario, trace, options.script)
    unsure = trace.confirmation and not trace.confirmation.confirmed
    return EXIT_STATUS[UNKNOWN] if unsure else status


def _check_alone(options: argparse.Namespace) -> None:
    """Refuse options beside a case, which names its scenario itself."""
    if any((options.scenario, options.other, options.host, options.html, options.script)):
        raise WrongInput(f"{options.subject}: a case says in which scenario it is played; give nothing else")
