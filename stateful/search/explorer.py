"""Exhaustive search: every state that a scenario can reach, breadth first.

Each state is followed only once, so the first violation found of an invariant has a shortest schedule. The
search also asks questions of every state (``stateful.search.answers``): if every process were killed now,
could the gateway be started again? While one process owns, does a query find it, and is another start kept
out? Moves that break an invariant are not followed.

The scenarios of a cast differ only in their plans of faults and are searched together: first all states
without a fault, then those that one kill adds, then those that a second kill adds, and so on. A plan
continues from the states of the plan that it extends.

Reductions: invisible steps do not branch (``stateful.search.partial_order_reduction``); a process that
polls for ever, with nothing in it that changes from round to round, waits (``stateful.run.polling``);
processes with the same life are interchangeable (``stateful.search.symmetry``).

With ``referee`` the search notes every invariant that a move breaks and continues beyond it. The result then
does not depend on what was found first, so that searches with different reductions can be compared.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from stateful.model.families import fault_moves
from stateful.model.faults import JUDGED, POWER_LOSS
from stateful.model.goals import GOALS
from stateful.model.invariants import TOLD_APART, all_broken
from stateful.model.moment import Moment
from stateful.model.scenario import Scenario
from stateful.model.schedule import LETTERS, STEP, Move
from stateful.protocol.subject import Offer
from stateful.run.replay import Nondeterminism, replay
from stateful.search.answers import Questions
from stateful.search.behaviour import Dated
from stateful.search.digest import Digests
from stateful.search.fault_plan import FaultPlan, FaultPoint, families_after
from stateful.search.memory import Memory
from stateful.search.moments import breaks_nothing, moment_in, moment_of
from stateful.search.moves import Moves
from stateful.search.part import WHOLE, Deal, Part, seen
from stateful.search.partial_order_reduction import Exposed, PartialOrderReduction, Signalled, exposes
from stateful.search.power_losses import profile_of
from stateful.search.predecessors import Node
from stateful.search.result import Result
from stateful.search.search_goals import GOALS_INSIDE_CLAIMS, any_claims, goals_of, is_refused
from stateful.search.search_state import State
from stateful.search.state_world import StateWorld
from stateful.search.symmetry import Asymmetric, Exchange, Symmetry
from stateful.search.violations import note_broken, note_violation

NODES_BETWEEN_CHECKS: Final = 100
SECONDS_BETWEEN_LOOKS: Final = 0.5


class _OutOfTime(Exception):
    """The deadline of a search is over."""


class Explorer:
    """Searches the scenarios of one cast on one disk; they differ in their plans of faults."""

    def __init__(
        self,
        offer: Offer,
        scenarios: list[Scenario],
        memory: Memory,
        deadline: float | None = None,
        watch: Callable[[Result], None] = lambda result: None,
        *,
        part: Part = WHOLE,
        reduced: bool = True,
        symmetric: bool = True,
        partial_order: bool = True,
        memo: bool = True,
        referee: bool = False,
        observe: Callable[[State], None] = lambda state: None,
    ) -> None:
        self.offer = offer
        self.scenarios = {scenario.plan: scenario for scenario in scenarios}
        self.cast = scenarios[0].cast
        self.memory = memory
        self.digests = Digests(memory)
        self.deadline = deadline
        self.watch = watch
        self.observe = observe
        self.part = part
        self.symmetric = symmetric and reduced and memory.machine.interchangeable
        self.partial_order = partial_order and reduced
        self.memo = memo
        self.referee = referee
        self.signalled: frozenset[int] = frozenset()
        self.exposed = any(map(exposes, scenarios))
        self._scenario = scenarios[0]
        self._goals = frozenset(goal for scenario in scenarios for goal in scenario.goals())
        self._plan = FaultPlan(self._goals)
        self._begin()

    def _begin(self) -> None:
        self._shown = time.perf_counter()
        self._not_offered = self._scenario.not_guaranteed(self.offer.invariants_not_offered)
        self._reduction = PartialOrderReduction(
            self.memory, self.scenarios, exposed=self.exposed, signalled=self.signalled
        )
        self._symmetry = Symmetry(self.memory, self.digests, self.cast.lives)
        self._questions = Questions(
            self.memory,
            self.offer.lives,
            self._not_offered,
            look=self._reduction.look,
            meet=self._symmetry.meet if self._exchanges else lambda local: None,
            memo=self.memo,
            referee=self.referee,
        )
        self._moves = Moves(self.memory, self._reduction if self.partial_order else None)
        self._deal = Deal(self.part, self._role)

    @property
    def _exchanges(self) -> bool:
        """Whether states are exchanged. Not with power losses: that would renumber their disk images."""
        return self.symmetric and not self.memory.loses_power

    def run(self) -> Iterator[Result]:
        """The result of each scenario; a plan comes before the plans that extend it."""
        while True:
            try:
                yield from self._search(FaultPlan(self._goals))
                return
            except Asymmetric:
                self.symmetric = False
            except Exposed:
                self.exposed = True
            except Signalled as found:
                self.signalled |= {found.number}
            except Dated:
                self.memory.date()
            self._begin()

    def close(self) -> None:
        """Give the memory back."""
        self.memory.close()

    def so_far(self) -> Result:
        """The result of the current scenario so far."""
        plan = self._plan
        plan.measure(self.memory.calls.made - self._calls)
        return Result(
            self._scenario,
            len(plan.predecessors),
            plan.calls,
            False,
            plan.seconds,
            {name: trace for name, trace in plan.violations.items() if name not in TOLD_APART},
            tuple(goal for goal in goals_of(self._scenario, self._not_offered) if goal in plan.missing),
            faults=dict(plan.faults),
            power_losses=plan.power.result(),
            broken=dict(plan.broken),
            apart={name: trace for name, trace in plan.violations.items() if name in TOLD_APART},
        )

    def _search(self, plan: FaultPlan) -> Iterator[Result]:
        """Search a plan of faults, then every plan that extends it."""
        self._plan = plan
        self._calls = self.memory.calls.made
        self._scenario = self.scenarios.get(plan.families, replace(self._scenario, plan=plan.families))
        if plan.finished:
            try:
                self._search_plan()
            except _OutOfTime:
                plan.finished = False
        if GOALS_INSIDE_CLAIMS & plan.missing and not any_claims(self.memory, plan.predecessors):
            plan.missing -= GOALS_INSIDE_CLAIMS
        result = self.so_far()
        self._check_a_sample()
        if plan.families in self.scenarios:
            result.exhaustive = plan.finished and not (plan.cut_short or plan.power.cut_short)
            result.needs = plan.needs() if result.exhaustive and not result.violations else ""
            result.unreached = () if result.needs else result.unreached
            result.reason = plan.why_unknown(result.unreached)
            if self.part != WHOLE:
                result.seen = seen(plan, self.digests, self._reductions())
            yield result
        for family in families_after(plan.families, self.scenarios):
            yield from self._search(FaultPlan(self._goals, (*plan.families, family), plan))

    def _reductions(self) -> tuple[str, ...]:
        """The names of the reductions in use; the search may have changed them while running."""
        flags = {"symmetric": self.symmetric, "exposed": self.exposed}
        names = (name for name, holds in flags.items() if holds)
        return (*names, *(f"signal {number}" for number in sorted(self.signalled)))

    def _search_plan(self) -> None:
        """Visit every state of the plan."""
        plan = self._plan
        self._moves.cut_short = plan.cut_short
        points = deque(plan.earlier.points if plan.earlier else ())
        queue = deque([] if plan.earlier else self._settled())
        while queue or points:
            if points and (not queue or points[0].depth <= queue[0][1]):
                point = points.popleft()
                node, depth = point.node, point.depth
                moves = self._faults(point)
            else:
                node, depth = queue.popleft()
                moves, invisible = self._moves.of(node)
                plan.points.append(FaultPoint(node, depth, invisible))
                self._check_wait(node)
            for move in moves:
                after = self._follow(node, move)
                if after is not None:
                    queue.append((after, depth + 1))
            plan.cut_short = plan.cut_short or self._moves.cut_short or self._questions.cut_short

    def _check_wait(self, node: Node) -> None:
        """Note who waits for an owner; check a state in which every live process waits."""
        waiting, missing = self._moves.waiting, self._plan.missing
        if "a_contender_was_refused" in missing and is_refused(self.memory, node.state, waiting):
            missing.discard("a_contender_was_refused")
        if self._moves.all_wait:
            polls = [Move(STEP, letter) for letter, steps in waiting.items() for _ in range(steps)]
            for invariant, _ in all_broken(moment_in(self.memory, node.state), self._not_offered):
                self._violated(invariant, node, polls)

    def _check_a_sample(self) -> None:
        """Of some nodes: they are reached without exchanges, too; of fewer: their moves do what they did."""
        predecessors = self._plan.predecessors
        for number, node in enumerate(predecessors.some(NODES_BETWEEN_CHECKS)):
            if self._exchanges:
                self._symmetry.check(node, predecessors.moves(node, []))
            for move in self._moves.of(node)[0] if number % 10 == 0 else ():
                self.memory.check(node.state, move)

    def _look_at_the_clock(self) -> None:
        """Show how far the search is now and then; raises ``_OutOfTime`` after the deadline."""
        now = time.perf_counter()
        if now - self._shown > SECONDS_BETWEEN_LOOKS:
            self._shown = now
            self.watch(self.so_far())
        if self.deadline is not None and now > self.deadline:
            raise _OutOfTime

    def _settled(self) -> list[tuple[Node, int]]:
        """Run the settled processes until each owns; the node that this leads to, if none of them ends.

        Its depth is 0.
        """
        # No exchange here: the disk may name the pid of a particular process, and schedules start from it.
        node = self._visit(self.memory.initial(self.cast.lives), self.cast.exits, None, exchange=False)
        for letter in self.cast.settled:
            index = LETTERS.index(letter)
            while node is not None:
                view = self.memory.view(node.state.locals[index])
                if view.owns:
                    break
                if view.outcome is not None:
                    return []
                node = self._follow(node, Move(STEP, letter), exchange=False)
        return [] if node is None else [(node, 0)]

    # -- moves ------------------------------------------------------------------------------------------

    def _follow(self, node: Node, move: Move, *, exchange: bool = True) -> Node | None:
        """Make a move; the node that it leads to, None if that is known or the move broke an invariant."""
        self._look_at_the_clock()  # at each move: one alone may take a second
        effect = self.memory.effect(node.state, move)
        if effect is None:
            return None
        if effect.call is not None:
            self._reduction.check(move.letter, effect.call)
        if move.is_fault and self._plan.families:
            self._plan.faults[self._plan.families[-1]] += 1
            if self.part != WHOLE:
                self._plan.tried.append((node, move))
        if self.referee or self._plan.missing or not breaks_nothing(self.memory, move, effect):
            moment = moment_of(self.memory, node.state, move, effect)
            for invariant, _ in all_broken(moment, self._not_offered):
                self._violated(invariant, node, [move])
                if not self.referee:
                    return None
            self._note_goals(moment)
        if move.kind == POWER_LOSS:
            self._lose_power(node, move, effect.after)
            return None
        exits = node.exits - (move.kind == "exit")
        return self._visit(effect.after, exits, (node, move), exchange=exchange)

    def _visit(
        self, state: State, exits: int, came: tuple[Node, Move] | None, *, exchange: bool = True
    ) -> Node | None:
        how: Exchange = tuple(range(len(state.locals)))
        if self._exchanges and exchange:
            state, how = self._symmetry.canonical(state)
        node = Node(state, exits)
        if node in self._plan.predecessors:
            return None
        self._plan.predecessors.add(node, came, how)
        self.observe(state)
        known = self._plan.broken if self.referee else self._plan.violations
        for invariant, moves in self._questions.ask(state, known):
            self._violated(invariant, node, moves)
        return node

    def _faults(self, point: FaultPoint) -> list[Move]:
        family = self._plan.families[-1]
        world = self._world(point.node)
        if family == POWER_LOSS:  # Any step may change what it leaves; and power losses are not dealt out.
            return fault_moves(family, world)
        moves = fault_moves(family, world, point.letter)
        if self.part == WHOLE or len(self._plan.families) > 1:
            return moves
        return [move for move in moves if self._deal.is_mine(point.node, move)]

    def _world(self, node: Node) -> StateWorld:
        return StateWorld(self.memory, node.state, self._plan.power)

    def _role(self, local: int) -> bytes:
        """What a process is doing: the same value for all interchangeable processes."""
        return self._symmetry.role(local) if self.symmetric else self.digests.locals([local])[0]

    def _lose_power(self, node: Node, move: Move, after: State) -> None:
        """Ask the questions of the disk that is left. No moves are followed: odd disks have own scenarios."""
        power, predecessors = self._plan.power, self._plan.predecessors
        profile = profile_of(move)
        if power.note(profile, after.shared):
            predecessors.add(Node(after, node.exits), (node, move), tuple(range(len(after.locals))))
        for invariant, moves in self._questions.ask(after, power.broken[profile]):
            path = predecessors.moves(node, [move, *moves])
            if not self.referee:
                power.broken[profile][invariant] = replay(self.memory.subject, self._scenario, path)
            if profile in JUDGED:
                self._violated(invariant, node, [move, *moves])

    def _note_goals(self, moment: Moment) -> None:
        self._plan.missing -= {name for name in self._plan.missing if GOALS[name](moment)}

    def _violated(self, invariant: str, node: Node, more: list[Move]) -> None:
        if self.referee and invariant in self._plan.broken:
            return
        note = note_broken if self.referee else note_violation
        try:
            note(self.memory, self._scenario, self._plan, invariant, node, more)
        except Nondeterminism:
            if self._exchanges:
                raise Asymmetric from None
            raise
