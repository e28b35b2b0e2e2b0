"""The next step of a player, which follows a step of the simulation."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from stateful.explain.words import call_text
from stateful.host.inject import short_size
from stateful.host.players import Player
from stateful.kernel.locks import BEGINS
from stateful.model.call import BLOCKED, Call, Delivery, Errno
from stateful.model.confirmation import Unplayable
from stateful.model.disk import Disk
from stateful.model.faults import ERRNOS, FAULTS, INTERRUPTIONS, SHORT
from stateful.model.schedule import STEP, Move
from stateful.model.signal_target import PIDFD, named_by
from stateful.model.syscalls import Kind, Use
from stateful.model.trace import Step
from stateful.model.usage import argument_of, paths, pid, row

if TYPE_CHECKING:
    from stateful.host.play import HostPlay


class PlayerStepper:
    """A player about to make a step; a ``Stepper``.

    Which signals have arrived and whether a call blocks is known from the simulation: a real signal may take
    its time, and a real process that blocks makes no report.

    Args:
        signals: the signals that have arrived at the process before the step.
        ends: whether the step ends the process.
        disk: the simulated disk before the step.

    Attributes:
        call, path: the call that it has made, and the path of its descriptor; None if it has made none.
    """

    def __init__(
        self, play: HostPlay, step: Step, player: Player, signals: tuple[int, ...], ends: bool, disk: Disk
    ) -> None:
        self._play = play
        self._step = step
        self._player = player
        self._signals = signals
        self._ends = ends
        self._disk = disk
        self.call: Call | None = None
        self.path: str | None = None

    @property
    def pending(self) -> Call:
        assert self._player.report.call is not None
        return self._player.report.call

    def deliver(self) -> Delivery | None:
        if not self._signals:
            return None
        delivery = Delivery(self._signals[0])
        self._play.send(self._step, "deliver")
        self._play.receive(self._step)
        self._play.same(self._step, delivery, self._player.report.answer)
        return delivery

    def perform(self, call: Call, fault: str) -> Any:
        path = self._player.report.path
        self._play.same_call(self._step, call, path)
        if isinstance(self._step.answer, Delivery):
            return BLOCKED
        if self._step.answer == Errno(errno.EDEADLK):
            raise Unplayable("two processes wait for each other in lockf, and a player cannot be held there.")
        self._refuse_others(call, path)
        self.call, self.path = call, path
        self._play.send(self._step, *self._command(call, fault))
        if not self._ends:
            self._play.receive(self._step)
        self._refuse_part(call, self._player.report.answer)
        return self._player.report.answer

    def proceed(self, call: Call, answer: Any) -> None:
        """The player has gone on by itself."""

    def handles(self, kind: str) -> bool:
        """Whether it matters is known to the player: it sends the signal to itself."""
        return True

    def send(self, kind: str) -> None:
        """The player has sent itself the signal."""

    def note_told(self, kind: str) -> None:
        """The simulation has noted it."""

    def _command(self, call: Call, fault: str) -> tuple[str, int]:
        """The verb and value of the command to make a call."""
        if self._step.move.kind in INTERRUPTIONS:
            return "interrupt", FAULTS[self._step.move.kind].number
        if fault == SHORT:
            return "short", short_size(self._play, self._step, call, self._disk, self._player.pid)
        if fault:
            return "deny", ERRNOS[fault]
        if self._play.denial is not None and self._step.answer == Errno(self._play.denial):
            return "deny", self._play.denial
        return ("wait" if self._step.answer in BEGINS.values() else "go"), 0

    def _refuse_part(self, call: Call, answer: Any) -> None:
        """Refuse a read that ends inside a content, at another place of the text here. Raises Unplayable."""
        simulated = self._step.answer
        if not isinstance(simulated, bytes) or not isinstance(answer, bytes) or not row(call).has(Kind.SIZE):
            return
        translation = self._play.translation
        is_full = len(simulated) == argument_of(call, Kind.SIZE) == len(answer)
        if is_full and not translation.agree(simulated, answer) and translation.begins(simulated, answer):
            raise Unplayable(
                f"{call.name} takes {len(answer)} bytes of a content whose pids are longer here."
            )

    def _refuse_others(self, call: Call, path: str | None) -> None:
        """Refuse a call that signals or inspects a process outside the play. Raises Unplayable."""
        if row(call).lists_processes or "/proc" in paths(call, Use.LISTS):
            raise Unplayable("it lists /proc, where all processes of this machine are.")
        number = named_by(path)[0] if path and path.startswith(PIDFD) else pid(call)
        if number == -1:
            shown = call_text(Step(Move(STEP), call, path, None, "", None))
            raise Unplayable(f"{shown} is for every process of the machine.")
        if number and not self._play.players.belongs_to_play(abs(number)):
            raise Unplayable(
                f"{call.name} is about pid {number}, a process of this machine outside the play."
            )
