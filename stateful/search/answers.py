"""The questions that the exhaustive search asks of every state, besides following its moves.

Each question kills every process that it does not spare and lets one fresh process run alone: a further one,
which has the highest pid, and then each one of the cast with that life that has not had its first turn. What
it meets depends only on the shared state, on the spared processes and on its letter, so each question is
asked once per combination of these.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import islice
from math import inf
from typing import Final, NamedTuple

from stateful.kernel.state import SharedState
from stateful.model.call import Call
from stateful.model.disk import NO_DISK
from stateful.model.faults import DISK_WELL
from stateful.model.invariants import all_broken
from stateful.model.life import plain
from stateful.model.lifecycle import OWNER
from stateful.model.moment import LONGEST_LIFE_STEPS
from stateful.model.questions import Question, questions_of
from stateful.model.schedule import LETTERS, STEP, Move
from stateful.search.disk_memo import UNKNOWN, Broken, DiskMemo, Look, looks_of
from stateful.search.memory import Memory
from stateful.search.moments import alive, as_seen_alone, calls_left, company, moment_of, waits_in
from stateful.search.search_state import NOT_STARTED, Numbering, State

REMEMBERED_BETWEEN_CHECKS: Final = 64
Met = tuple[bool, bool, bool, bool, tuple[str, ...]]


class Asked(NamedTuple):
    """What determines the answer to a question.

    Attributes:
        letter: the process that is asked.
        shared: the shared state in which it is asked.
        files_changed: whether the world has changed files while one of the processes lived.
        is_over: whether all processes have ended, and none of them was killed or hindered.
        inside: whether any of them ended after a signal inside its claim.
        killed: whether any was killed.
        contended: the homes in which a process has contended, if there are several.
    """

    question: Question
    letter: str
    shared: int
    files_changed: bool
    is_over: bool
    inside: bool
    killed: bool
    contended: tuple[str, ...]


class Questions:
    """Asks the questions of ``stateful.model.questions``, once per state that makes a difference.

    Attributes:
        cut_short: whether an answer was not followed to its end.
    """

    def __init__(
        self,
        memory: Memory,
        lives: Sequence[str],
        not_offered: frozenset[str],
        *,
        look: Callable[[str, Call], None] = lambda letter, call: None,
        meet: Callable[[int], object] = lambda local: None,
        memo: bool = True,
        referee: bool = False,
    ) -> None:
        self.memory = memory
        self.cut_short = False
        self._offered = lives
        self._not_offered = not_offered
        self._look = look
        self._meet = meet
        # Where inode numbers are reused, the number of a new file depends on all files.
        self._memoises = memo and not memory.machine.reuses_inodes
        self._most = None if referee else 1  # invariants noted per answer
        self._skips = memo
        self._facts: dict[int, int] = {}  # by local state: the number of what matters of it
        self._held: set[tuple[int, tuple[int, ...]]] = set()  # states in which no answer breaks anything
        self._number = Numbering()
        self._asked: dict[Asked, Broken] = {}
        self._remembered = 0
        self._memos: dict[tuple[str, str, SharedState, Met], DiskMemo] = {}

    def ask(self, state: State, broken: Collection[str] = ()) -> Iterator[tuple[str, list[Move]]]:
        """The invariants that the answers in a state break, and the moves from there that show it.

        Args:
            broken: invariants that need no further violation.
        """
        matters = state.shared, tuple(map(self._facts_of, state.locals))
        if matters in self._held:
            return
        held, met = True, self._met(state)
        for question in self._of(state):
            for letter in self._letters(state, question.life):
                asked = Asked(question, letter, state.shared, *met)
                if self._is_worth_asking(asked, broken):
                    invariants, moves = self._answer(state, question, letter, broken)
                    self._asked[asked] = invariants
                    if moves:
                        yield from ((invariant, moves) for invariant in invariants)
                held = held and not self._asked[asked]
        if held and self._skips:
            self._held.add(matters)

    def _facts_of(self, local: int) -> int:
        """The number of what decides, of a process, which questions are asked and what is answered."""
        facts = self._facts.get(local)
        if facts is None:
            value, owns = self.memory.local(local), self.memory.view(local).owns
            begins = value.life if value.history == NOT_STARTED else ""
            view = self.memory.view(local)
            how = (
                view.outcome is not None,
                view.ended_itself,
                view.ended_inside,
                view.was_killed,
                view.contends,
            )
            facts = self._number((value.letter, owns, begins, value.excuse.is_of_files, how))
            self._facts[local] = facts
        return facts

    def _letters(self, state: State, life: str) -> list[str]:
        """The processes of which a question is asked, one after the other; of the cast, those yet to begin.

        Before the first turn of any, A alone if it has that life: its schedules are the shortest.
        """
        further = LETTERS[len(state.locals)]
        yet_to_begin = [
            value.letter
            for value in map(self.memory.local, state.locals)
            if value.life == life and value.history == NOT_STARTED
        ]
        untouched = all(self.memory.has_not_started(local) for local in state.locals)
        return ["A"] if untouched and "A" in yet_to_begin else [further, *yet_to_begin]

    def _is_worth_asking(self, asked: Asked, broken: Collection[str]) -> bool:
        if asked not in self._asked:
            return True
        return not set(self._asked[asked]).issubset(broken)

    def _met(self, state: State) -> Met:
        """What decides an answer, of the processes that are there: see ``Asked``."""
        views = [self.memory.view(each) for each in state.locals if not self.memory.has_not_started(each)]
        changed, killed = any(v.excuse.is_of_files for v in views), any(v.was_killed for v in views)
        units = {view.unit for view in views if view.contends} if self.memory.machine.homes else ()
        is_over, inside = all(v.ended_itself for v in views), any(v.ended_inside for v in views)
        return changed, is_over, inside, killed, tuple(sorted(units))

    def _of(self, state: State) -> Iterator[Question]:
        views = (self.memory.view(local) for local in state.locals)
        owners = [view.letter for view in views if view.owns]
        stopped = len(owners) == 1 and self.memory.entry(state, owners[0]).stopped
        fails = self.memory.disk_fails(state)
        return questions_of(self._offered, owners, stopped=stopped, disk_fails=fails)

    def _answer(
        self, state: State, question: Question, letter: str, broken: Collection[str]
    ) -> tuple[Broken, list[Move]]:
        """Kill every process that a question does not spare, repair the disk, and run one process.

        There are no moves if the question was answered in another state with the same effect; its violations
        were reported there.
        """
        memory = self.memory
        moves = [Move("crash", each) for each in alive(memory, state) if each not in question.spared]
        if memory.disk_fails(state) and not question.disk_fails:
            moves.append(Move(DISK_WELL))
        for move in moves:
            effect = memory.effect(state, move)
            assert effect is not None
            state = effect.after
        met = Asked(question, letter, state.shared, *self._met(state))
        if moves and not self._is_worth_asking(met, broken):
            return self._asked[met], []
        memoised = memory.after_power_loss(state.shared) or not (question.spared or question.disk_fails)
        if self._memoises and memoised:
            invariants = self._live_alone(state, question, letter, moves, broken)
        else:
            invariants = self._live(state, question, letter, moves)
        self._asked[met] = invariants
        return invariants, moves

    def _live_alone(
        self, state: State, question: Question, letter: str, moves: list[Move], broken: Collection[str]
    ) -> Broken:
        """As ``_live``, but use the answer from a disk that looks the same to the process, if known."""
        shared = self.memory.shared_state(state.shared)
        key = question.life, letter, shared._replace(disk=NO_DISK), self._met(state)
        memo = self._memos.setdefault(key, DiskMemo())
        known = memo.answer(shared.disk)
        # A violation is shown again, because the other of two subjects may be to blame for it here; after a
        # power loss, which leaves many disks, one is enough.
        told = known is not UNKNOWN and set(known).issubset(broken)
        if told and (not known or self.memory.after_power_loss(state.shared)):
            self._remembered += 1
            if self._remembered % REMEMBERED_BETWEEN_CHECKS == 0:
                assert self._live(state, question, letter, list(moves)) == known, (
                    f"the memo gave a wrong answer to {question}"
                )
            return known
        looks: list[Look] = []
        invariants = self._live(state, question, letter, moves, looks)
        memo.learn(shared.disk, list(dict.fromkeys(looks)), invariants)
        return invariants

    def _live(
        self,
        state: State,
        question: Question,
        letter: str,
        moves: list[Move],
        looks: list[Look] | None = None,
    ) -> Broken:
        """Run one process; the first invariant that it breaks, for a referee all that it breaks.

        Its moves are appended to ``moves``, and its looks at the disk to ``looks``.
        """
        found = self.memory.disk(state)
        memory = self.memory
        beside = company(memory, state)
        frozen = plain(question.life) == "replace"
        index, steps = LETTERS.index(letter), 0
        move = Move(STEP, letter)
        if index == len(state.locals):
            move = Move(question.life, letter)
            state = State(state.shared, (*state.locals, memory.not_started(letter, question.life)))
        found_broken: dict[str, None] = {}
        effect = memory.effect(state, move)
        while effect is not None and steps <= LONGEST_LIFE_STEPS:
            moves.append(move)
            steps += move.steps
            self._meet(effect.after.locals[index])
            if effect.call is not None:
                self._look(letter, effect.call)
            if effect.call is not None and looks is not None:
                looks += looks_of(effect.call, effect.answer, found, memory.disk(state))
            moment = moment_of(memory, state, move, effect)
            state, move = effect.after, Move(STEP, letter)
            is_over = moment.actor is None or moment.actor.outcome is not None or moment.actor.phase == OWNER
            left = 0 if is_over else calls_left(memory, state.locals[index])
            is_cut = LONGEST_LIFE_STEPS < left < inf
            self.cut_short = self.cut_short or is_cut
            effect = None if is_over or left > LONGEST_LIFE_STEPS else memory.effect(state, move)
            is_stuck = effect is None and not is_over and not is_cut
            waits = waits_in(memory, state.locals[index]) if is_stuck else ""
            moment = as_seen_alone(moment, letter, steps, beside, frozen, waits)
            broken = islice(all_broken(moment, self._not_offered), self._most)
            found_broken |= {name: None for name, _ in broken}
            if self._most and found_broken:
                break
        return tuple(found_broken)
