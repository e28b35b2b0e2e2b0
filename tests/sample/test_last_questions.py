"""The last questions: all are asked of the last state, or one after a short execution."""

from __future__ import annotations

from random import Random

from stateful.model.schedule import STEP, Move
from stateful.model.standard import find_scenario
from stateful.protocol.subject import find_subject
from stateful.python.guard import Watchdog
from stateful.run.execution import Execution
from stateful.sample.last_questions import ask_any_question, ask_last_questions

LIVES = ("start", "replace", "status", "peek")


def asked(seed: int | None, *, stops: bool = False) -> list[str]:
    """Who lives because of the questions, and whoever is killed before; all are asked without a seed."""
    with Watchdog(), Execution(find_subject("direct-unlink"), find_scenario("any-empty")) as execution:

        def make(move: Move) -> bool:
            if not execution.possible(move):
                return False
            execution.make(move)
            return True

        make(Move("start", "A"))
        while make(Move(STEP, "A")):
            pass
        if stops:
            make(Move("sigstop", "A"))
        before = len(execution.trace.steps)
        if seed is None:
            ask_last_questions(execution, LIVES, make)
        else:
            ask_any_question(execution, LIVES, make, Random(seed))
        steps = execution.trace.steps[before:]
        return [str(step.move) for step in steps if step.move.kind in (*LIVES, "crash")]


def test_all_are_asked_and_then_everybody_is_killed() -> None:
    assert asked(None) == ["status-B", "peek-C", "start-D", "crash-A", "peek-E", "start-F"]


def test_one_is_drawn_for_a_short_execution() -> None:
    drawn = {" ".join(asked(seed)) for seed in range(20)}
    assert drawn == {"status-B", "peek-B", "start-B", "crash-A start-B"}


def test_only_an_owner_that_is_stopped_is_replaced() -> None:
    assert "replace-B" in {" ".join(asked(seed, stops=True)) for seed in range(20)}
