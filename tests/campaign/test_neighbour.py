"""Mutated schedules are schedules, are the same for a seed, and leave out impossible moves."""

from __future__ import annotations

from random import Random

from stateful.campaign.neighbour import execute, vary
from stateful.model.schedule import format_schedule, parse_schedule
from stateful.model.standard import find_scenario
from stateful.protocol.subject import find_subject
from stateful.python.guard import Watchdog
from stateful.sample.walk import see_nothing

MOVES = parse_schedule("start-A A3 start-B B8 crash-A start-C C4")


def test_neighbours_are_schedules_and_functions_of_their_seed() -> None:
    texts = [format_schedule(vary(Random(seed), MOVES)) for seed in range(200)]
    assert texts == [format_schedule(vary(Random(seed), MOVES)) for seed in range(200)]
    assert all(parse_schedule(text) for text in texts)
    assert len({*texts}) > 100


def test_neighbour_finds_two_owners_from_a_schedule_that_is_close() -> None:
    subject, scenario = find_subject("direct-unlink"), find_scenario("two-starts-empty")
    close = parse_schedule("A8 B8")
    found = None
    with Watchdog():
        for seed in range(60):
            trace = execute(subject, ("start",), scenario, vary(Random(seed), close), see_nothing)
            if trace.violation and trace.violation.invariant == "at_most_one_owner":
                found = seed
                break
    assert found is not None


def test_process_that_comes_to_be_started_first_is_named_first() -> None:
    moves = parse_schedule("start-B B3 start-A A2")
    with Watchdog():
        trace = execute(
            find_subject("direct-unlink"), ("start",), find_scenario("any-empty"), moves, see_nothing
        )
    assert trace.schedule.startswith("start-A A3 start-B B2 disk-well crash-A crash-B start-C")
