"""Asks the questions of the state of an execution aside, so that the execution goes on as if nobody asked.

The exhaustive search answers (``stateful.search.answers``): its memory is put into that state. What it has
learnt in one state is remembered for all executions of a subject on a machine.
"""

from __future__ import annotations

import re
from operator import sub
from typing import Any, Final, NamedTuple

from stateful.model.clock import START, Clock
from stateful.model.disk import NO_DISK
from stateful.model.images import DiskImage
from stateful.model.life import plain
from stateful.model.machine import BOOT_ID, Machine
from stateful.model.schedule import LETTERS, Move
from stateful.protocol.subject import Offer, Subject
from stateful.run.execution import Execution
from stateful.run.presence import owners, running
from stateful.search.answers import Questions
from stateful.search.behaviour import STARTED
from stateful.search.memory import Memory
from stateful.search.search_state import NOT_STARTED, Local, State

MOST_HELD: Final = 50_000  # looks of states in which nothing is broken
MOST_STATES: Final = 10_000  # of all memories: a few hundred megabytes
_NUMBER: Final = re.compile(rb"[0-9]+")


class _Answers(NamedTuple):
    """What answers on a machine: all questions, and only those whether the gateway can start again."""

    memory: Memory
    questions: Questions
    starts: Questions


class Aside:
    """Asks the questions of the states of executions of one subject."""

    def __init__(self, subject: Subject, offer: Offer) -> None:
        self._subject = subject
        self._offer = offer
        self._memories: dict[Machine, _Answers] = {}
        self._open: Memory | None = None
        self._held: set[Any] = set()

    def ask(self, execution: Execution) -> dict[str, list[Move]]:
        """The invariants that an answer breaks, each with the moves that show it.

        Nothing is asked again where nothing was broken and everything that matters looks the same.
        """
        looks = _looks(execution)
        if looks in self._held:
            return {}
        memory, questions, starts = self._opened(execution.scenario.disk.machine)
        # With nobody to find, a query is asked when nothing moves any more: a kill leads there.
        asks = questions if owners(execution) or not running(execution) else starts
        broken = dict(reversed(list(asks.ask(_state(memory, execution)))))
        if not broken:
            if len(self._held) >= MOST_HELD:
                self._held.clear()
            self._held.add(looks)
        return broken

    def close(self) -> None:
        """Release what the open memory holds; it is opened again when something is asked."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _remembers_too_much(self) -> bool:
        return sum(len(each.memory.numbers.shared.values) for each in self._memories.values()) > MOST_STATES

    def _opened(self, machine: Machine) -> _Answers:
        known = self._memories.get(machine)
        if known is None or self._remembers_too_much():
            self.close()
            if self._remembers_too_much():
                self._memories.clear()
            memory = self._open = Memory(
                self._subject, DiskImage("", "", machine=machine), one_per=self._offer.one_per
            )
            memory.date()  # as the states of an execution have all times of files
            starts = [life for life in self._offer.lives if plain(life) == "start"]
            known = self._memories[machine] = _Answers(
                memory,
                Questions(memory, self._offer.lives, self._offer.invariants_not_offered),
                Questions(memory, starts, self._offer.invariants_not_offered),
            )
        elif known.memory is not self._open:
            self.close()
            known.memory.open()
            self._open = known.memory
        return known


def _looks(execution: Execution) -> Any:
    """What a fresh process could tell the state of an execution by.

    Times of files and inode numbers are left out. What no file speaks of counts roughly: how far the clock is
    off by its order of magnitude, a stranger by its command line, a boot by whether it is the first.
    """
    shared = execution.kernel.shared_state()
    files = shared.disk.visible()
    said = {number for path, *_, content in files for number in _NUMBER.findall(path.encode() + content)}
    is_boot_told = any(BOOT_ID.encode() in content for *_, content in files)
    strangers = {
        each if str(each.pid).encode() in said else each._replace(pid=0, start_ticks=0)
        for each in shared.strangers
    }
    shared = shared._replace(
        disk=NO_DISK,
        persistence=None,
        labels=0,
        clock=Clock(*map(_magnitude, map(sub, shared.clock, START))),
        boots=shared.boots if is_boot_told else min(shared.boots, 2),
        strangers=tuple(sorted(strangers)),
    )
    if not owners(execution):  # Then no process is spared.
        shared = shared._replace(table=(), opens=(), flocks=(), record_locks=())
    views = execution.views()
    changed, is_over = any(view.excuse.is_of_files for view in views), all(v.ended_itself for v in views)
    killed, inside = any(view.was_killed for view in views), any(view.ended_inside for view in views)
    machine, asked = execution.scenario.disk.machine, execution.next_letter()
    contended = frozenset(view.unit for view in views if view.contends) if machine.homes else None
    placed = asked in machine.homes, asked in machine.elsewhere, contended
    return machine, files, shared, changed, is_over, killed, inside, placed


def _magnitude(microseconds: int) -> int:
    """The order of magnitude of a time, and its sign."""
    size = len(str(abs(microseconds) // 1_000_000 // 60)) if microseconds else 0
    return size if microseconds > 0 else -size


def _state(memory: Memory, execution: Execution) -> State:
    """The state of an execution, in which no process moves any more: histories are left out."""
    kernel, numbers = execution.kernel, memory.numbers
    locals_ = []
    for view, process in zip(execution.views(), execution.processes().values(), strict=True):
        own = numbers.own(kernel.own_state(process)) if process.alive else NOT_STARTED
        local = Local(
            view.letter,
            process.life,
            STARTED,
            own,
            view.phase,
            view.owned,
            view.outcome,
            view.asked,
            view.excuse,
        )
        locals_.append(numbers.local(local))
    assert [memory.local(local).letter for local in locals_] == [*LETTERS[: len(locals_)]]
    return State(numbers.shared(kernel.shared_state()._replace(persistence=None)), tuple(locals_))
