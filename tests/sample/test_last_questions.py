"""The last questions of a walk: those about the owner, and then whether a start succeeds after every kill."""

from __future__ import annotations

from stateful.model.schedule import STEP, Move
from stateful.model.standard import find_scenario
from stateful.protocol.subject import find_subject
from stateful.python.guard import Watchdog
from stateful.run.execution import Execution
from stateful.sample.last_questions import ask_last_questions

LIVES = ("start", "replace", "status", "peek")


def asked(*, stops: bool = False) -> list[str]:
    """Which processes live because of the questions, and which are killed before."""
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
        ask_last_questions(execution, LIVES, make)
        steps = execution.trace.steps[before:]
        return [str(step.move) for step in steps if step.move.kind in (*LIVES, "crash")]


def test_all_are_asked_and_then_every_process_is_killed() -> None:
    assert asked() == ["status-B", "peek-C", "start-D", "crash-A", "peek-E", "start-F"]


def test_only_an_owner_that_is_stopped_is_replaced() -> None:
    assert "replace-E" in asked(stops=True)
