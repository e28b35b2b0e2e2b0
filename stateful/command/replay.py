"""``replay``: execute one schedule and show what happens."""

from __future__ import annotations

import argparse

from stateful.command.options import (
    EXIT_STATUS,
    Verbs,
    WrongInput,
    add_html,
    add_other,
    add_subject,
    check_lives,
    check_other,
    check_writable,
    named,
)
from stateful.deciders.needs import explain
from stateful.deciders.replay import replay
from stateful.deciders.result import HOLDS, VIOLATED
from stateful.examine import examine
from stateful.report.page import trace_page
from stateful.report.text import trace_text
from stateful.scenario import find_scenario
from stateful.schedule import LIVES, parse_schedule
from stateful.subject import find_subject


def add(verbs: Verbs) -> None:
    """Add the verb and its options."""
    parser = verbs.add("replay", _replay, "Execute one schedule and show what happens.")
    add_subject(parser)
    add_other(parser)
    parser.add_argument("--scenario", required=True, metavar="NAME")
    add_html(parser)
    parser.add_argument("schedule", metavar="SCHEDULE", help='such as "A8 B3 crash-A B2"')


def _replay(options: argparse.Namespace) -> int:
    scenario = named(find_scenario, options.scenario)
    if scenario.cast.supervision:
        raise WrongInput(
            f"{scenario.name}: its order follows from the clock; "
            f"`python -m stateful verify {options.subject} --scenario {scenario.name}` plays it again"
        )
    moves = parse_schedule(options.schedule)
    check_other(scenario, options.other)
    if options.html:
        check_writable(options.html)
    subject = find_subject(options.subject, options.other)
    lives = (*scenario.cast.lives, *(move.kind for move in moves if move.kind in LIVES))
    check_lives(options.subject, lives, examine(subject).lives)
    trace = explain(subject, scenario, replay(subject, scenario, moves))
    if options.html:  # first, since whoever reads the text may read no further than its first line
        options.html.write_text(trace_page(trace), encoding="utf-8")
    print(trace_text(trace))
    return EXIT_STATUS[VIOLATED if trace.violation else HOLDS]
