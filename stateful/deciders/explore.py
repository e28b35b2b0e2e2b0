"""Exhaustive search: every state that a scenario can reach, breadth first.

Two schedules that lead to the same state are followed only once, so the first violation of an invariant
that is found is reached by a shortest schedule. From every state two more questions are asked. Killed
now, could the gateway be started again? While one process owns, does a query find it? Moves that break
an invariant are not followed further.

Reductions: identical processes have their first turns in the order of their letters; steps that no
other process can see do not branch (``stateful.deciders.unseen``).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from stateful.deciders.behaviour import Nondeterminism
from stateful.deciders.memory import Effect, Memory, State
from stateful.deciders.replay import replay
from stateful.deciders.unseen import is_unseen
from stateful.execution import LETTERS
from stateful.invariants import GOALS, LONGEST_LIFE_STEPS, Moment, View, first_broken, needs_disk
from stateful.kernel.process import OWNER
from stateful.scenario import Scenario
from stateful.schedule import STEP, Move, format_schedule
from stateful.subject import Offer, Subject
from stateful.trace import Trace

HOLDS, VIOLATED, UNKNOWN = "holds", "violated", "unknown"
STATES_BETWEEN_REPORTS: Final = 500


@dataclass
class Result:
    """What the search found in one scenario.

    Attributes:
        states: how many distinct states were reached.
        exhaustive: whether these are all.
        calls: how many calls were made for real; the others were remembered.
        violations: the first trace found for each invariant that is broken.
        unreached: the goals that no execution reached.
    """

    scenario: Scenario
    states: int = 0
    calls: int = 0
    exhaustive: bool = False
    seconds: float = 0.0
    violations: dict[str, Trace] = field(default_factory=dict)
    unreached: tuple[str, ...] = ()
    reason: str = ""

    @property
    def verdict(self) -> str:
        if self.violations:
            return VIOLATED
        return HOLDS if self.exhaustive and not self.unreached else UNKNOWN


Node = tuple[State, int, int]  # a state, the kills and the exits that are left


class Explorer:
    """The search of one scenario."""

    def __init__(
        self,
        subject: Subject,
        offer: Offer,
        scenario: Scenario,
        memory: Memory,
        deadline: float | None = None,
        progress: Callable[[int], None] | None = None,
        *,
        reduced: bool = True,
    ) -> None:
        self.subject = subject
        self.offer = offer
        self.scenario = scenario
        self.memory = memory
        self.deadline = deadline
        self.reduced = reduced
        self.progress = progress or (lambda states: None)
        self.lives = scenario.cast.lives
        self.result = Result(scenario)
        self._goals = {name: GOALS[name] for name in scenario.goals()}
        self._came: dict[Node, tuple[Node, Move] | None] = {}
        self._asked: set[tuple[str, int, tuple[object, ...]]] = set()
        self._truncated = False

    def run(self) -> Result:
        """Explore until every state is known or the deadline has passed."""
        started = time.perf_counter()
        calls = self.memory.calls_made
        self._search()
        self.result.states = len(self._came)
        self.result.calls = self.memory.calls_made - calls
        self.result.unreached = tuple(self._goals)
        if self._goals and self.result.exhaustive:
            self.result.reason = f"never reached: {', '.join(self._goals)}"
        self.result.seconds = time.perf_counter() - started
        return self.result

    def _search(self) -> None:
        first: Node = (self.memory.initial(self.lives), self.scenario.kills, self.scenario.cast.exits)
        self._came[first] = None
        self._ask_questions(first)
        for node in self._settled(first):
            queue = deque([node])
            while queue:
                if self._out_of_time():
                    return
                node = queue.popleft()
                for move in self._moves(node):
                    after = self._follow(node, move)
                    if after is not None:
                        queue.append(after)
        self.result.exhaustive = not self._truncated

    def _settled(self, node: Node) -> Iterator[Node]:
        """The node in which those processes own that are to own from the beginning, if they get there."""
        for letter in self.scenario.cast.settled:
            index = LETTERS.index(letter)
            while self.memory.view(node[0].locals[index]).phase != OWNER:
                after = self._follow(node, Move(STEP, letter))
                if after is None or self.memory.view(after[0].locals[index]).outcome is not None:
                    return
                node = after
        yield node

    def _out_of_time(self) -> bool:
        if len(self._came) % STATES_BETWEEN_REPORTS == 0:
            self.progress(len(self._came))
        if self.deadline is not None and time.perf_counter() > self.deadline:
            self.result.reason = "the time was spent"
            return True
        return False

    def _moves(self, node: Node) -> list[Move]:
        """Every move that may be possible: steps first, so that a shortest trace has fewest faults."""
        state, kills, exits = node
        steps, faults = [], []
        unborn: set[str] = set()
        for local in state.locals:
            view = self.memory.view(local)
            if self.memory.is_unborn(local):
                if view.life not in unborn:
                    steps.append(Move(STEP, view.letter))
                unborn.add(view.life)
            elif view.outcome is None:
                if view.phase == OWNER:
                    if exits:
                        faults.append(Move("exit", view.letter))
                else:
                    if self.reduced and self._is_unseen(node, local):
                        return [Move(STEP, view.letter)]
                    steps.append(Move(STEP, view.letter))
                if kills:
                    faults.append(Move("crash", view.letter))
        return steps + faults

    def _is_unseen(self, node: Node, local: int) -> bool:
        """Whether nobody else can see the next step of a process, nor that it has been made."""
        state = node[0]
        value, view = self.memory.local(local), self.memory.view(local)
        locks_records = self.memory.locks_records(state, view.letter)
        call, own = self.memory.pending(value), self.memory.own(value)
        if not is_unseen(call, own, view.pid, locks_records):
            return False
        effect = self.memory.effect(state, Move(STEP, view.letter))
        if effect is None:
            return False
        after = self.memory.view(effect.after.locals[LETTERS.index(view.letter)])
        return (after.phase, after.outcome) == (view.phase, view.outcome)

    def _follow(self, node: Node, move: Move) -> Node | None:
        """Make a move; the node it leads to, if that is new and nothing is broken there."""
        state, kills, exits = node
        effect = self.memory.effect(state, move)
        if effect is None:
            return None
        after: Node = (effect.after, kills - (move.kind == "crash"), exits - (move.kind == "exit"))
        moment = self._moment(state, move, effect, self.scenario.kills - after[1])
        broken = first_broken(moment)
        if broken is not None:
            self._violated(broken[0], [*self._way(node), move])
            return None
        if self._goals:
            for name in [name for name, goal in self._goals.items() if goal(moment)]:
                del self._goals[name]
        if after in self._came:
            return None
        self._came[after] = (node, move)
        self._ask_questions(after)
        return after

    def _moment(self, state: State, move: Move, effect: Effect, crashes: int) -> Moment:
        locals_ = effect.after.locals
        index = LETTERS.index(move.letter)
        was = self.memory.view(state.locals[index])
        views = [self.memory.view(local) for local in locals_ if not self.memory.is_unborn(local)]
        before = after = None
        if needs_disk(was.life, was.phase):
            before, after = self.memory.disk(state), self.memory.disk(effect.after)
        return Moment(
            move,
            self.memory.view(locals_[index]),
            effect.call,
            effect.answer,
            before,
            after,
            views,
            len(locals_) - len(views),
            crashes,
        )

    # -- the questions asked of every state -----------------------------------------------------------

    def _ask_questions(self, node: Node) -> None:
        state = node[0]
        living, owners = [], []
        for local in state.locals:
            view = self.memory.view(local)
            if view.outcome is None and not self.memory.is_unborn(local):
                living.append(view.letter)
                if view.phase == OWNER:
                    owners.append(view.letter)
        others = [letter for letter in living if letter not in owners]
        self._ask(node, "start", living, ())
        if self.offer.can_query and owners:
            self._ask(node, "status", others, tuple(owners))
        if self.offer.can_peek:
            self._ask(node, "peek", others, tuple(owners))

    def _ask(self, node: Node, life: str, victims: list[str], spared: tuple[str, ...]) -> None:
        """Kill the victims and let one fresh process live its life alone.

        What it meets is decided by the shared state and by whom the kills spare.
        """
        state = node[0]
        question = (life, state.shared, tuple(state.locals[LETTERS.index(letter)] for letter in spared))
        if question in self._asked:
            return
        self._asked.add(question)
        untouched = state.shared == self.memory.start
        moves = [Move("crash", letter) for letter in victims]
        for move in moves:
            effect = self.memory.effect(state, move)
            assert effect is not None
            state = effect.after
        letter = "A" if life == "start" and untouched else LETTERS[len(self.lives)]
        if letter != "A":
            state = State(state.shared, (*state.locals, self.memory.unborn(letter, life)))
            moves.append(Move(life, letter))
        meeting = (life, state.shared, (letter, *spared))
        if meeting not in self._asked:
            self._asked.add(meeting)
            self._lives_alone(node, state, moves, letter)

    def _lives_alone(self, node: Node, state: State, moves: list[Move], letter: str) -> None:
        """Let one process live its life, and look at every moment of it."""
        first = moves.pop() if moves and moves[-1].letter == letter else Move(STEP, letter)
        company = tuple(view.letter for view in map(self.memory.view, state.locals) if view.owns)
        crashes = len(moves)
        for steps in range(LONGEST_LIFE_STEPS + 1):
            move = Move(STEP, letter) if steps else first
            effect = self.memory.effect(state, move)
            if effect is None:
                return  # It waits for somebody who is held up here.
            moves.append(move)
            moment = _alone(self._moment(state, move, effect, crashes), letter, steps, company)
            broken = first_broken(moment)
            if broken is not None:
                self._violated(broken[0], [*self._way(node), *moves])
                return
            state = effect.after
            view = moment.actor
            if view is None or view.outcome is not None or view.owns:
                return

    # -- violations -------------------------------------------------------------------------------------

    def _violated(self, invariant: str, moves: list[Move]) -> None:
        if invariant in self.result.violations:
            return
        trace = replay(self.subject, self.scenario, moves)
        if trace.violation is None:
            raise Nondeterminism(
                f"the search found {invariant} violated by {format_schedule(moves)!r}, and its replay did not"
            )
        # Another invariant may be broken earlier on the way, by a question's answer that ended there.
        self.result.violations.setdefault(trace.violation.invariant, trace)

    def _way(self, node: Node) -> list[Move]:
        """The moves that first led to a node."""
        moves = []
        came = self._came[node]
        while came is not None:
            moves.append(came[1])
            came = self._came[came[0]]
        return moves[::-1]


def _alone(moment: Moment, letter: str, steps: int, company: tuple[str, ...]) -> Moment:
    """The moment as seen when one process runs alone, which the states of the search do not record."""

    def mark(view: View) -> View:
        if view.letter != letter:
            return view
        return view._replace(alone=True, steps=steps, company=company)

    actor = mark(moment.actor) if moment.actor else None
    return moment._replace(actor=actor, processes=[mark(view) for view in moment.processes])
