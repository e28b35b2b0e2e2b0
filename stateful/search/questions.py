"""The questions that the exhaustive search asks of every state, beside following its moves.

Each lets one fresh process live its life alone, after a kill of everybody whom the question does not
spare. What that process meets is decided by the shared state and by whom the question spares, so a
question is asked once for each of these.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from stateful.kernel.state import SharedState
from stateful.model.disk import NO_DISK
from stateful.model.faults import DISK_WELL
from stateful.model.invariants import first_broken
from stateful.model.life import plain
from stateful.model.lifecycle import OWNER
from stateful.model.moment import LONGEST_LIFE_STEPS
from stateful.model.schedule import LETTERS, STEP, Move
from stateful.search.disk_memo import Lives, Look, looks_of
from stateful.search.memory import Memory
from stateful.search.moments import alive, as_seen_alone, moment_of
from stateful.search.search_state import State


class Question(NamedTuple):
    """A life to be lived alone.

    Attributes:
        spared: the letters of the owners that go on living meanwhile, without moving. Those that a replace
            meets are stopped.
        disk_fails: the disk stays full or read-only, or whatever it is.
    """

    life: str
    shared: int
    spared: tuple[str, ...]
    disk_fails: bool = False


class Questions:
    """Could the gateway start again, or a stopped one be replaced? Is the owner found, and nobody else?

    Do queries touch anything?

    Where two subjects run in one home, each is asked of both: whatever one leaves behind, the other can
    start; whichever owns, a query of the other finds it.
    """

    def __init__(self, memory: Memory, lives: Sequence[str], not_offered: frozenset[str]) -> None:
        self.memory = memory
        self._offered = lives
        self._not_offered = not_offered
        self._asked: dict[Question, str | None] = {}  # the invariant that the answer breaks
        self._lives: dict[tuple[str, SharedState], Lives] = {}

    def ask(self, state: State, broken: Collection[str] = ()) -> Iterator[tuple[str, list[Move]]]:
        """The invariants that answers break in a state, and the moves from there that show it.

        Args:
            broken: invariants of which nothing more has to be shown.
        """
        for question in self._of(state):
            if self._is_worth_asking(question, broken):
                invariant, moves = self._answer(state, question, broken)
                self._asked[question] = invariant
                if invariant is not None and moves:
                    yield invariant, moves

    def _is_worth_asking(self, question: Question, broken: Collection[str]) -> bool:
        if question not in self._asked:
            return True
        invariant = self._asked[question]
        return invariant is not None and invariant not in broken

    def _of(self, state: State) -> Iterator[Question]:
        views = (self.memory.view(local) for local in state.locals)
        owners = tuple(view.letter for view in views if view.owns)
        stopped = len(owners) == 1 and self.memory.entry(state, owners[0]).stopped
        for life in self._offered:
            role = plain(life)
            if role == "start":
                yield Question(life, state.shared, ())
                if owners:
                    yield Question(life, state.shared, owners)
                if self.memory.disk_fails(state):
                    yield Question(life, state.shared, (), disk_fails=True)
            elif (
                role == "peek"
                or (role == "status" and (owners or not self._can_peek(life)))
                or (role == "replace" and stopped)
            ):
                yield Question(life, state.shared, owners)

    def _can_peek(self, life: str) -> bool:
        """Whether a subject that offers a query offers one without clean-up, of which more is asked."""
        return life.replace("status", "peek") in self._offered

    def _answer(
        self, state: State, question: Question, broken: Collection[str]
    ) -> tuple[str | None, list[Move]]:
        """Kill whom a question does not spare, make the disk well, and let one process live its life.

        The moves are none where the same was asked in another state, and what it breaks was said there.
        """
        memory = self.memory
        untouched = all(memory.is_unborn(local) for local in state.locals)
        letters = alive(memory, state)
        moves = [Move("crash", letter) for letter in letters if letter not in question.spared]
        if memory.disk_fails(state) and not question.disk_fails:
            moves.append(Move(DISK_WELL))
        for move in moves:
            effect = memory.effect(state, move)
            assert effect is not None
            state = effect.after
        met = question._replace(shared=state.shared)
        if moves and not self._is_worth_asking(met, broken):
            return self._asked[met], []
        # The number of a new inode may depend on all that stands on the disk.
        alike = not (untouched or question.spared or question.disk_fails or memory.machine.reuses_inodes)
        if memory.after_power_loss(state.shared) or alike:
            invariant = self._live_alone(state, question, moves, broken)
        else:
            invariant = self._live(state, question, moves, untouched)
        self._asked[met] = invariant
        return invariant, moves

    def _live_alone(
        self, state: State, question: Question, moves: list[Move], broken: Collection[str]
    ) -> str | None:
        """As ``_live``, but on one of several disks that the process cannot tell apart."""
        shared = self.memory.shared_state(state.shared)
        lives = self._lives.setdefault((question.life, shared._replace(disk=NO_DISK)), Lives())
        known = lives.answer(shared.disk)
        # What is broken is shown again, because another one of two subjects may be to blame for it here;
        # of the many disks that a power loss leaves one is enough.
        if known is None or (known in broken and self.memory.after_power_loss(state.shared)):
            return known
        looks: list[Look] = []
        invariant = self._live(state, question, moves, False, looks)
        lives.learn(shared.disk, list(dict.fromkeys(looks)), invariant)
        return invariant

    def _live(
        self,
        state: State,
        question: Question,
        moves: list[Move],
        untouched: bool,
        looks: list[Look] | None = None,
    ) -> str | None:
        """Let one process live; the first invariant that it breaks.

        Its moves are added to those given, and what it looks at of the disk to the looks.
        """
        found = self.memory.disk(state)
        memory = self.memory
        letter = LETTERS[len(state.locals)]
        first = Move(question.life, letter)
        if state.locals and question.life == memory.local(state.locals[0]).life and untouched:
            letter, first = "A", Move(STEP, "A")
        else:
            state = State(state.shared, (*state.locals, memory.unborn(letter, question.life)))
        for steps in range(LONGEST_LIFE_STEPS + 1):
            move = Move(STEP, letter) if steps else first
            effect = memory.effect(state, move)
            if effect is None:
                return None  # It waits for somebody who is held up here.
            moves.append(move)
            if effect.call is not None and looks is not None:
                looks += looks_of(effect.call, effect.answer, found, memory.disk(state))
            moment = moment_of(memory, state, move, effect)
            moment = as_seen_alone(moment, letter, steps, question.spared, plain(question.life) == "replace")
            broken = first_broken(moment, self._not_offered)
            if broken is not None:
                return broken[0]
            state = effect.after
            if moment.actor is None or moment.actor.outcome is not None or moment.actor.phase == OWNER:
                return None
        return None
