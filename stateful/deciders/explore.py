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
from typing import Final, NamedTuple

from stateful.deciders.behaviour import Nondeterminism
from stateful.deciders.memory import Effect, Memory, State
from stateful.deciders.minimise import vary
from stateful.deciders.questions import Question, as_seen_alone, questions
from stateful.deciders.replay import replay
from stateful.deciders.result import Result
from stateful.deciders.symmetry import Asymmetric, Exchange, Symmetry
from stateful.deciders.unseen import is_unseen
from stateful.execution import LETTERS
from stateful.invariants import GOALS, LONGEST_LIFE_STEPS, Goal, Moment, first_broken, needs_disk
from stateful.kernel.process import OWNER
from stateful.scenario import Scenario
from stateful.schedule import STEP, Move, format_schedule
from stateful.subject import Offer, Subject
from stateful.trace import Trace

LONGEST_HISTORY: Final = 150  # answers; a process that needs more is not followed to its end
MOST_MASKED: Final = 8  # traces of an invariant that are tried because another is broken before it
NODES_BETWEEN_LOOKS_AT_THE_CLOCK: Final = 64
SECONDS_BETWEEN_LOOKS: Final = 0.5


class Node(NamedTuple):
    """A canonical state, and how many owners may still be asked to exit."""

    state: State
    exits: int


class Origin(NamedTuple):
    """How a node was reached first: from where, by which move, after which exchange, how deep."""

    node: Node | None
    move: Move
    exchange: Exchange
    depth: int


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
        self._begin()

    def _begin(self) -> None:
        self._started = self._shown = time.perf_counter()
        self._calls = self.memory.calls_made
        self._came: dict[Node, Origin] = {}
        self._asked: set[Question] = set()
        self._violations: dict[str, Trace] = {}
        self._reached: set[str] = set()
        self._cut_short = False
        self._masked: Counter[str] = Counter()
        self._goals: dict[str, Goal] = dict(GOALS)
        self._symmetry = Symmetry(self.memory, self.cast.lives)
        self._scenario = self.scenarios[min(self.scenarios)]

    def run(self) -> Iterator[Result]:
        """The result of each scenario, by its number of kills."""
        try:
            yield from self._layers()
        except Asymmetric:
            self.reduced = False
            self._begin()
            yield from self._layers()

    def so_far(self) -> Result:
        """The result as it stands."""
        goals = self._scenario.goals()
        return Result(
            self._scenario,
            len(self._came),
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
            if killed_from and (not queue or self._depth(killed_from[0]) <= self._depth(queue[0])):
                node = killed_from.popleft()
                moves = [Move("crash", letter) for letter in self._alive(node)]
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

    def _depth(self, node: Node) -> int:
        return self._came[node].depth

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

    def _alive(self, node: Node) -> list[str]:
        views = [self.memory.view(local) for local in node.state.locals if not self.memory.is_unborn(local)]
        return [view.letter for view in views if view.outcome is None]

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
            elif view.owns:
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
        return (after.phase, after.outcome) == (view.phase, view.outcome)

    def _follow(self, node: Node, move: Move, *, exchange: bool = True) -> Node | None:
        """Make a move; the node it leads to, if that is new and nothing is broken there."""
        effect = self.memory.effect(node.state, move)
        if effect is None:
            return None
        moment = self._moment(node.state, move, effect)
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
        if node in self._came:
            return None
        origin, move = came or (None, Move(STEP, "A"))
        self._came[node] = Origin(origin, move, how, self._depth(origin) + 1 if origin else 0)
        self._ask(node)
        return node

    def _note_goals(self, moment: Moment) -> None:
        for name in [name for name, goal in self._goals.items() if goal(moment)]:
            del self._goals[name]
            self._reached.add(name)

    def _moment(self, state: State, move: Move, effect: Effect) -> Moment:
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
        )

    # -- the questions asked of every state ---------------------------------------------------------------

    def _ask(self, node: Node) -> None:
        for question in questions(self.memory, self.offer, node.state):
            if question not in self._asked:
                self._asked.add(question)
                self._answer(node, question)

    def _is_untouched(self, node: Node) -> bool:
        return all(self.memory.is_unborn(local) for local in node.state.locals)

    def _answer(self, node: Node, question: Question) -> None:
        """Kill those that a question does not spare, and let one fresh process live its life alone."""
        state = node.state
        moves = [Move("crash", letter) for letter in self._alive(node) if letter not in question.spared]
        for move in moves:
            effect = self.memory.effect(state, move)
            assert effect is not None
            state = effect.after
        if moves:
            met = question._replace(shared=state.shared)
            if met in self._asked:
                return
            self._asked.add(met)
        letter = LETTERS[len(self.cast.lives)]
        first = Move(question.life, letter)
        if question.life == "start" and self._is_untouched(node):
            letter, first = "A", Move(STEP, "A")
        else:
            state = State(state.shared, (*state.locals, self.memory.unborn(letter, question.life)))
        for steps in range(LONGEST_LIFE_STEPS + 1):
            move = Move(STEP, letter) if steps else first
            effect = self.memory.effect(state, move)
            if effect is None:
                return  # It waits for somebody who is held up here.
            moves.append(move)
            moment = self._moment(state, move, effect)
            moment = as_seen_alone(moment, letter, steps, question.spared)
            broken = first_broken(moment)
            if broken is not None:
                self._violated(broken[0], node, moves)
                return
            state = effect.after
            if moment.actor is None or moment.actor.outcome is not None or moment.actor.phase == OWNER:
                return

    # -- violations -----------------------------------------------------------------------------------------

    def _violated(self, invariant: str, node: Node, more: list[Move]) -> None:
        if invariant in self._violations or self._masked[invariant] >= MOST_MASKED:
            return
        moves = self._way(node, more)
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

    def _way(self, node: Node, more: list[Move]) -> list[Move]:
        """The moves that first led to a node, and some more, in terms of the first state's letters."""
        origins = []
        origin = self._came[node]
        while origin.node is not None:
            origins.append(origin)
            origin = self._came[origin.node]
        names = list(range(len(self.cast.lives)))  # what each canonical position is called
        moves = []
        for origin in reversed(origins):
            moves.append(_renamed(origin.move, names))
            was = list(names)
            for old, new in enumerate(origin.exchange):
                names[new] = was[old]
        return moves + [_renamed(move, names) for move in more]


def _renamed(move: Move, names: list[int]) -> Move:
    index = LETTERS.index(move.letter)
    return move._replace(letter=LETTERS[names[index]]) if index < len(names) else move
