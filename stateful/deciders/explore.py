"""Exhaustive search: every state that a scenario can reach, breadth first.

Two schedules that lead to the same state are followed only once, so the first violation of an invariant
that is found is reached by a shortest schedule. From every state two more questions are asked. Killed
now, could the gateway be started again? While one process owns, does a query find it? Moves that break
an invariant are not followed further.

The scenarios of a cast differ only in how many kills they allow, and are searched together, layer by
layer: all states without a kill, then those that one more kill adds, and so on.

Reductions: steps that no other process can see do not branch (``stateful.deciders.unseen``); identical
processes are interchangeable (``stateful.deciders.symmetry``).
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from stateful.deciders.behaviour import Nondeterminism
from stateful.deciders.memory import Memory, State
from stateful.deciders.minimise import vary
from stateful.deciders.moment import alive, moment_of
from stateful.deciders.questions import Questions
from stateful.deciders.replay import replay
from stateful.deciders.result import Result
from stateful.deciders.symmetry import Asymmetric, Exchange, Symmetry
from stateful.deciders.unseen import Signalled, handles_signals, is_unseen, signals_somebody
from stateful.deciders.way import Node, Ways
from stateful.execution import LETTERS
from stateful.invariants import GOALS, Goal, Moment, first_broken
from stateful.scenario import Scenario
from stateful.schedule import STEP, Move, format_schedule
from stateful.subject import Offer, Subject
from stateful.trace import Trace

LONGEST_HISTORY: Final = 250  # answers; a process that needs more is not followed to its end
MOST_MASKED: Final = 8  # traces of an invariant that are tried because another is broken before it
NODES_BETWEEN_LOOKS_AT_THE_CLOCK: Final = 64
SECONDS_BETWEEN_LOOKS: Final = 0.5


class Explorer:
    """The search of the scenarios of one cast on one disk, which differ in their kills."""

    def __init__(
        self,
        subject: Subject,
        offer: Offer,
        scenarios: list[Scenario],
        memory: Memory,
        deadline: float | None = None,
        watch: Callable[[Result], None] = lambda result: None,
        *,
        reduced: bool = True,
    ) -> None:
        self.subject = subject
        self.offer = offer
        self.scenarios = {scenario.kills: scenario for scenario in scenarios}
        self.cast = scenarios[0].cast
        self.memory = memory
        self.deadline = deadline
        self.watch = watch
        self.reduced = reduced
        self.signalled = False
        self._begin()

    def _begin(self) -> None:
        self._started = self._shown = time.perf_counter()
        self._calls = self.memory.calls_made
        self._ways = Ways()
        self._questions = Questions(self.memory, self.offer)
        self._violations: dict[str, Trace] = {}
        self._reached: set[str] = set()
        self._cut_short = False
        self._masked: Counter[str] = Counter()
        self._goals: dict[str, Goal] = dict(GOALS)
        self._symmetry = Symmetry(self.memory, self.cast.lives)
        self._scenario = self.scenarios[min(self.scenarios)]

    def run(self) -> Iterator[Result]:
        """The result of each scenario, by its number of kills."""
        while True:
            try:
                yield from self._layers()
                return
            except Asymmetric:
                self.reduced = False
            except Signalled:
                self.signalled = True
            self._begin()

    def so_far(self) -> Result:
        """The result as it stands."""
        goals = self._scenario.goals()
        return Result(
            self._scenario,
            len(self._ways),
            self.memory.calls_made - self._calls,
            False,
            time.perf_counter() - self._started,
            dict(self._violations),
            tuple(goal for goal in goals if goal not in self._reached),
        )

    def _layers(self) -> Iterator[Result]:
        layer: list[Node] = []
        finished = True
        for kills in range(max(self.scenarios) + 1):
            self._scenario = self.scenarios.get(kills, replace(self._scenario, kills=kills))
            if finished:
                layer, finished = self._layer(layer, kills)
            if kills in self.scenarios:
                result = replace(self.so_far(), exhaustive=finished and not self._cut_short)
                if not finished:
                    result.reason = "the time was spent"
                elif self._cut_short:
                    result.reason = f"a process takes more than {LONGEST_HISTORY} calls"
                elif result.unreached:
                    result.reason = f"never reached: {', '.join(result.unreached)}"
                yield result

    def _layer(self, earlier: list[Node], kills: int) -> tuple[list[Node], bool]:
        """The states that take this many kills, in the order of their depth, and if these are all."""
        killed_from = deque(earlier)
        queue = deque([] if kills else self._settled())
        layer: list[Node] = []
        looks = 0
        while queue or killed_from:
            looks += 1
            if looks % NODES_BETWEEN_LOOKS_AT_THE_CLOCK == 0 and self._out_of_time():
                return layer, False
            if killed_from and (not queue or self._ways.depth(killed_from[0]) <= self._ways.depth(queue[0])):
                node = killed_from.popleft()
                moves = [Move("crash", letter) for letter in alive(self.memory, node.state)]
            else:
                node = queue.popleft()
                moves, seen = self._moves(node)
                if seen:
                    layer.append(node)
            for move in moves:
                after = self._follow(node, move)
                if after is not None:
                    queue.append(after)
        return layer, True

    def _out_of_time(self) -> bool:
        now = time.perf_counter()
        if now - self._shown > SECONDS_BETWEEN_LOOKS:
            self._shown = now
            self.watch(self.so_far())
        return self.deadline is not None and now > self.deadline

    def _settled(self) -> list[Node]:
        """The node in which those processes own that are to own from the beginning, if they get there."""
        node = self._visit(self.memory.initial(self.cast.lives), self.cast.exits, None)
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

    def _moves(self, node: Node) -> tuple[list[Move], bool]:
        """Every move but a kill that may be possible, and True; or one that nobody else sees, and False."""
        moves = []
        unborn: set[str] = set()
        for local in node.state.locals:
            view = self.memory.view(local)
            move = Move(STEP, view.letter)
            if self.memory.is_unborn(local):
                if view.life not in unborn:
                    moves.append(move)
                unborn.add(view.life)
            elif view.owns and not self.memory.entry(node.state, view.letter).signals:
                if node.exits:
                    moves.append(Move("exit", view.letter))
            elif view.outcome is None:
                if self.memory.behaviour.length(self.memory.local(local).history) >= LONGEST_HISTORY:
                    self._cut_short = True
                    continue
                if self._is_unseen(node, move):
                    return [move], False
                moves.append(move)
        return moves, True

    def _is_unseen(self, node: Node, move: Move) -> bool:
        """Whether nobody else can see a move, nor that it has been made."""
        local = node.state.locals[LETTERS.index(move.letter)]
        if not self.reduced or move.kind != STEP or self.memory.is_unborn(local):
            return False
        value, view = self.memory.local(local), self.memory.view(local)
        call, own = self.memory.pending(value), self.memory.own(value)
        if not is_unseen(call, own, view.pid, self.memory.locks_records(node.state, view.letter)):
            return False
        effect = self.memory.effect(node.state, move)
        if effect is None:
            return False
        after = self.memory.view(effect.after.locals[LETTERS.index(view.letter)])
        if (after.phase, after.outcome) != (view.phase, view.outcome):
            return False
        if not self.signalled:
            return True
        entry = self.memory.entry(node.state, view.letter)
        return entry == self.memory.entry(effect.after, view.letter) and not handles_signals(entry)

    def _follow(self, node: Node, move: Move, *, exchange: bool = True) -> Node | None:
        """Make a move; the node it leads to, if that is new and nothing is broken there."""
        effect = self.memory.effect(node.state, move)
        if effect is None:
            return None
        if not self.signalled and effect.call is not None and signals_somebody(effect.call):
            raise Signalled
        moment = moment_of(self.memory, node.state, move, effect)
        broken = first_broken(moment)
        if broken is not None:
            self._violated(broken[0], node, [move])
            return None
        self._note_goals(moment)
        exits = node.exits - (move.kind == "exit")
        return self._visit(effect.after, exits, (node, move), exchange=exchange)

    def _visit(
        self, state: State, exits: int, came: tuple[Node, Move] | None, *, exchange: bool = True
    ) -> Node | None:
        how: Exchange = tuple(range(len(state.locals)))
        if self.reduced and exchange:
            state, how = self._symmetry.canonical(state)
        node = Node(state, exits)
        if node in self._ways:
            return None
        self._ways.add(node, came, how)
        for invariant, moves in self._questions.ask(state):
            self._violated(invariant, node, moves)
        return node

    def _note_goals(self, moment: Moment) -> None:
        for name in [name for name, goal in self._goals.items() if goal(moment)]:
            del self._goals[name]
            self._reached.add(name)

    # -- violations -----------------------------------------------------------------------------------------

    def _violated(self, invariant: str, node: Node, more: list[Move]) -> None:
        if invariant in self._violations or self._masked[invariant] >= MOST_MASKED:
            return
        moves = self._ways.moves(node, more)
        trace = replay(self.subject, self._scenario, moves)
        if trace.violation is None:
            raise Nondeterminism(
                f"the search found {invariant} violated by {format_schedule(moves)!r}, and its replay did not"
            )
        if trace.violation.invariant != invariant:
            # On this way a question's answer is given, and broken, before; on another way it may not be.
            self._masked[invariant] += 1
            self._violations.setdefault(trace.violation.invariant, trace)
            varied = vary(self.subject, self._scenario, moves, invariant)
            if varied is None:
                return
            trace = replay(self.subject, self._scenario, varied)
        self._violations[invariant] = trace
