"""Exhaustive search: every state that a scenario can reach, breadth first.

Two schedules that lead to the same state are followed only once, so the first violation of an invariant
that is found is reached by a shortest schedule. From every state questions are asked as well
(``stateful.search.answers``). Killed now, could the gateway be started again? While one process owns,
does a query find it, and is a further start kept out? Moves that break an invariant are not followed.

The scenarios of a cast differ only in their plans of faults, and are searched together, layer by layer:
all states without a fault, then those that one kill adds, those that one more adds, and so on; a plan
goes on from the states of the plan that it prolongs.

Reductions: steps that no other process can see do not branch (``stateful.search.partial_order_reduction``);
identical processes are interchangeable (``stateful.search.symmetry``).

With ``referee`` every broken invariant of every move is noted, and the search goes on beyond it: what is
broken does then not depend on what was met first, so that searches with other reductions can be compared.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from stateful.model.families import fault_moves, recoveries
from stateful.model.faults import JUDGED, POWER_LOSS
from stateful.model.goals import GOALS
from stateful.model.invariants import all_broken
from stateful.model.lifecycle import OWNER
from stateful.model.moment import Moment
from stateful.model.scenario import Scenario
from stateful.model.schedule import LETTERS, STEP, Move
from stateful.protocol.subject import Offer
from stateful.run.replay import Nondeterminism, replay
from stateful.search.answers import Questions
from stateful.search.digest import Digests
from stateful.search.fault_plan import LONGEST_HISTORY, Layer, Place, families_after
from stateful.search.memory import Memory
from stateful.search.moments import breaks_nothing, moment_of
from stateful.search.part import WHOLE, Deal, Part, seen
from stateful.search.partial_order_reduction import Exposed, Signalled, Unseen, exposes
from stateful.search.power_losses import profile_of
from stateful.search.predecessors import Node
from stateful.search.result import Result
from stateful.search.search_goals import anybody_claims, goals_of, is_kept_waiting
from stateful.search.search_state import State
from stateful.search.state_world import StateWorld
from stateful.search.symmetry import Asymmetric, Exchange, Symmetry
from stateful.search.violations import note_broken, note_violation

NODES_BETWEEN_LOOKS_AT_THE_CLOCK: Final = 64
NODES_BETWEEN_CHECKS: Final = 100
SECONDS_BETWEEN_LOOKS: Final = 0.5


class Explorer:
    """The search of the scenarios of one cast on one disk, which differ in their plans of faults."""

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
        alike: bool = True,
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
        self.reduced = reduced and memory.machine.interchangeable
        self.symmetric = symmetric and self.reduced
        self.hurries = partial_order and self.reduced
        self.alike = alike
        self.referee = referee
        self.signalled = False
        self.exposed = any(map(exposes, scenarios))
        self._scenario = scenarios[0]
        self._goals = frozenset(goal for scenario in scenarios for goal in scenario.goals())
        self._layer = Layer(self._goals)
        self._recoveries: dict[int, list[Move]] = {}  # by shared state
        self._begin()

    def _begin(self) -> None:
        self._shown = time.perf_counter()
        self._not_offered = self._scenario.not_guaranteed(self.offer.invariants_not_offered)
        self._unseen = Unseen(self.memory, exposed=self.exposed, signalled=self.signalled)
        self._questions = Questions(
            self.memory,
            self.offer.lives,
            self._not_offered,
            look=self._unseen.look,
            alike=self.alike,
            referee=self.referee,
        )
        self._symmetry = Symmetry(self.memory, self.digests, self.cast.lives)
        self._deal = Deal(self.part, self._role)

    @property
    def _exchanges(self) -> bool:
        """Whether states are exchanged: an image of a power loss has a number, which another one has then."""
        return self.symmetric and not self.memory.loses_power

    def run(self) -> Iterator[Result]:
        """The result of each scenario, in the order in which plans prolong each other."""
        while True:
            try:
                yield from self._search(Layer(self._goals))
                return
            except Asymmetric:
                self.symmetric = False
            except Exposed:
                self.exposed = True
            except Signalled:
                self.signalled = True
            self._begin()

    def close(self) -> None:
        """Give the memory back."""
        self.memory.close()

    def so_far(self) -> Result:
        """The result as it stands."""
        layer = self._layer
        layer.measure(self.memory.calls.made - self._calls)
        return Result(
            self._scenario,
            len(layer.ways),
            layer.calls,
            False,
            layer.seconds,
            dict(layer.violations),
            tuple(goal for goal in goals_of(self._scenario, self._not_offered) if goal in layer.missing),
            faults=dict(layer.faults),
            power_losses=layer.power.result(),
            broken=dict(layer.broken),
        )

    def _search(self, layer: Layer) -> Iterator[Result]:
        """Search a layer, and all that go on from it."""
        self._layer = layer
        self._calls = self.memory.calls.made
        self._scenario = self.scenarios.get(layer.plan, replace(self._scenario, plan=layer.plan))
        if layer.finished:
            layer.finished = self._search_layer()
        if "a_crash_fell_inside_a_claim" in layer.missing and not anybody_claims(self.memory, layer.ways):
            layer.missing.discard("a_crash_fell_inside_a_claim")
        result = self.so_far()
        self._check_a_sample()
        if layer.plan in self.scenarios:
            result.exhaustive = layer.finished and not (layer.cut_short or layer.power.cut_short)
            result.reason = layer.why_unknown(result.unreached)
            if self.part != WHOLE:
                result.seen = seen(layer, self.digests, self._reductions())
            yield result
        for family in families_after(layer.plan, self.scenarios):
            yield from self._search(Layer(self._goals, (*layer.plan, family), layer))

    def _reductions(self) -> tuple[str, ...]:
        """In which way the states are reduced, which may have turned out on the way."""
        ways = {"symmetric": self.symmetric, "exposed": self.exposed, "signalled": self.signalled}
        return tuple(way for way, holds in ways.items() if holds)

    def _search_layer(self) -> bool:
        """Visit every state of the layer; whether the time was enough."""
        layer = self._layer
        struck = deque(layer.earlier.places if layer.earlier else ())
        queue = deque([] if layer.earlier else self._settled())
        looks = 0
        while queue or struck:
            looks += 1
            if looks % NODES_BETWEEN_LOOKS_AT_THE_CLOCK == 0 and self._out_of_time():
                return False
            if struck and (not queue or layer.ways.depth(struck[0].node) <= layer.ways.depth(queue[0])):
                place = struck.popleft()
                node = place.node
                moves = self._faults(place)
            else:
                node = queue.popleft()
                moves, hurried = self._moves(node)
                layer.places.append(Place(node, hurried))
            for move in moves:
                after = self._follow(node, move)
                if after is not None:
                    queue.append(after)
        return True

    def _check_a_sample(self) -> None:
        """Of some nodes: without exchanges they are reached too, and their moves do what they did."""
        ways = self._layer.ways
        for node in ways.some(NODES_BETWEEN_CHECKS):
            if self._exchanges:
                self._symmetry.check(node, ways.moves(node, []))
            for move in self._moves(node)[0]:
                self.memory.check(node.state, move)

    def _out_of_time(self) -> bool:
        now = time.perf_counter()
        if now - self._shown > SECONDS_BETWEEN_LOOKS:
            self._shown = now
            self.watch(self.so_far())
        return self.deadline is not None and now > self.deadline

    def _settled(self) -> list[Node]:
        """The node in which those processes own that are to own from the beginning, if they get there."""
        # A disk that names somebody's pid is not exchanged: a schedule begins with the one that is there.
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
        return [] if node is None else [node]

    # -- moves ------------------------------------------------------------------------------------------

    def _moves(self, node: Node) -> tuple[list[Move], str | None]:
        """Every move that may be possible but a fault; or one that nobody else sees, and whose it is."""
        moves = self._recoveries.get(node.state.shared)
        if moves is None:
            moves = self._recoveries[node.state.shared] = recoveries(self._world(node))
        moves = moves[:]
        unborn: set[str] = set()
        for local in node.state.locals:
            view = self.memory.view(local)
            move = Move(STEP, view.letter)
            if self.memory.is_unborn(local):
                life = self.memory.local(local).life
                if life not in unborn:
                    moves.append(move)
                unborn.add(life)
            elif view.outcome is not None or self.memory.entry(node.state, view.letter).stopped:
                continue
            elif view.phase == OWNER and not self.memory.entry(node.state, view.letter).signals:
                if node.exits:
                    moves.append(Move("exit", view.letter))
            else:
                if self.memory.behaviour.length(self.memory.local(local).history) >= LONGEST_HISTORY:
                    self._layer.cut_short = True
                    continue
                if self.hurries and self._unseen.hides(node.state, move):
                    return [move], view.letter
                moves.append(move)
        return moves, None

    def _follow(self, node: Node, move: Move, *, exchange: bool = True) -> Node | None:
        """Make a move; the node it leads to, if that is new and nothing is broken there."""
        effect = self.memory.effect(node.state, move)
        if effect is None:
            missing = self._layer.missing
            if "a_contender_was_refused" in missing and is_kept_waiting(self.memory, node.state, move):
                missing.discard("a_contender_was_refused")
            return None
        if effect.call is not None:
            self._unseen.check(move.letter, effect.call)
        if move.is_fault and self._layer.plan:
            self._layer.faults[self._layer.plan[-1]] += 1
            if self.part != WHOLE:
                self._layer.tried.append((node, move))
        if self.referee or self._layer.missing or not breaks_nothing(self.memory, move, effect):
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
        if node in self._layer.ways:
            return None
        self._layer.ways.add(node, came, how)
        self.observe(state)
        known = self._layer.broken if self.referee else self._layer.violations
        for invariant, moves in self._questions.ask(state, known):
            self._violated(invariant, node, moves)
        return node

    def _faults(self, place: Place) -> list[Move]:
        family = self._layer.plan[-1]
        world = self._world(place.node)
        if family == POWER_LOSS:  # Any step may change what one leaves; and these are not dealt out.
            return fault_moves(family, world)
        moves = fault_moves(family, world, place.letter)
        if self.part == WHOLE or len(self._layer.plan) > 1:
            return moves
        return [move for move in moves if self._deal.is_mine(place.node, move)]

    def _world(self, node: Node) -> StateWorld:
        return StateWorld(self.memory, node.state, self._layer.power)

    def _role(self, local: int) -> bytes:
        """What a process is doing, whoever of those that are interchangeable it is."""
        return self._symmetry.role(local) if self.symmetric else self.digests.locals([local])[0]

    def _lose_power(self, node: Node, move: Move, after: State) -> None:
        """Ask what a start makes of what is left. Nothing more is followed: there are disks like these."""
        power = self._layer.power
        profile = profile_of(move)
        if power.note(profile, after.shared):
            self._layer.ways.add(Node(after, node.exits), (node, move), tuple(range(len(after.locals))))
        for invariant, moves in self._questions.ask(after, power.broken[profile]):
            way = self._layer.ways.moves(node, [move, *moves])
            if not self.referee:
                power.broken[profile][invariant] = replay(self.memory.subject, self._scenario, way)
            if profile in JUDGED:
                self._violated(invariant, node, [move, *moves])

    def _note_goals(self, moment: Moment) -> None:
        self._layer.missing -= {name for name in self._layer.missing if GOALS[name](moment)}

    def _violated(self, invariant: str, node: Node, more: list[Move]) -> None:
        if self.referee and invariant in self._layer.broken:
            return
        note = note_broken if self.referee else note_violation
        try:
            note(self.memory, self._scenario, self._layer, invariant, node, more)
        except Nondeterminism:
            if self._exchanges:
                raise Asymmetric from None
            raise
