"""A moment: a move, the disk before and after it, and all processes. Invariants and goals look at it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from stateful.model.call import Call
from stateful.model.disk import Disk
from stateful.model.excuses import NO_EXCUSE, Excuse, Reason
from stateful.model.faults import ASK_TO_GO, INSIDE, INTERRUPTIONS, MACHINE_FAULTS, SERVE_FAULTS
from stateful.model.lifecycle import LEAVING, OWNER, STARTING, Outcome
from stateful.model.machine import ROOT, USER
from stateful.model.schedule import Move
from stateful.model.signal_target import Target
from stateful.model.usage import sends_signal

LONGEST_LIFE_STEPS: Final = 2_000


class View(NamedTuple):
    """A process as an invariant sees it.

    Attributes:
        asked: what told it to go: ``signal`` (another process sent one that it handles); ``exit``, ``raise``,
            ``term`` or ``int`` (the world did), or ``inside``: a signal inside the claim, or a second one; or
            None.
        excuse: which guarantees do not hold for it, because of faults other than signals.
        alone: it has company, if any, of owners only (``company_of``), and since its first step nothing has
            happened but its own steps.
        company: the letters of the owners that were alive when it took its first step.
        frozen: it has company, and all of it was stopped.
        namespace: its pid namespace; in others its pid means nothing.
        uid: its user, whose processes it may signal; root may signal all.
        unit: the home, user or machine of which it may be the one owner, as the subject says by ``one_per``.
        waits_in: the call in which it waits until another process does something, or the loop in which it
            polls until then; empty if it can go on.
    """

    letter: str
    life: str
    pid: int
    phase: str
    owned: bool
    outcome: Outcome | None
    asked: str | None = None
    excuse: Excuse = NO_EXCUSE
    steps: int = 0
    alone: bool = False
    company: tuple[str, ...] = ()
    frozen: bool = False
    namespace: str = ""
    uid: int = USER
    waits_in: str = ""
    unit: str = ""

    def may_signal(self, other: View) -> bool:
        """Whether it can send another process a signal."""
        return self.namespace == other.namespace and self.uid in (ROOT, other.uid)

    @property
    def owns(self) -> bool:
        return self.phase == OWNER and self.outcome is None and self.excuse.reason is not Reason.HOMELESS

    @property
    def hindered(self) -> bool:
        return self.excuse.hinders

    @property
    def ended_itself(self) -> bool:
        """Whether it ended without being killed, and no fault kept it from its task."""
        return self.outcome is not None and not self.was_killed and not self.hindered

    @property
    def ended_inside(self) -> bool:
        """Whether it ended itself after a signal inside its claim, or a second one."""
        return self.ended_itself and self.asked == INSIDE

    @property
    def was_killed(self) -> bool:
        return self.outcome is not None and self.outcome.kind == "killed"

    @property
    def contends(self) -> bool:
        return self.life in ("start", "replace")


def told_by(kind: str, asked: str | None, *, starting: bool) -> str | None:
    """What has told a process to go, after a signal of the world or an interruption.

    A request to exit stays what it is, whatever signal arrives while the process cleans up.
    """
    signal = INTERRUPTIONS.get(kind, kind)
    if signal not in ASK_TO_GO or asked in ("exit", *SERVE_FAULTS):
        return asked
    again = asked in (*ASK_TO_GO, INSIDE)
    return INSIDE if again or (starting and kind in INTERRUPTIONS) else signal


def company_of(views: Iterable[View]) -> tuple[str, ...] | None:
    """The company of a process that begins now: the live processes, if all of them own; None if one does not.

    A process that does not own, and does not move, is no company beside which another one runs alone: it may
    hold a lock for a few steps that a query or a start then rightly waits for.
    """
    living = [view for view in views if view.outcome is None]
    return tuple(view.letter for view in living) if all(view.owns for view in living) else None


def names(views: Sequence[View]) -> str:
    """The letters of some processes, in words."""
    letters = [view.letter for view in views]
    return " and ".join([", ".join(letters[:-1]), letters[-1]] if letters[1:] else letters)


class Moment(NamedTuple):
    """A move and its surroundings.

    Attributes:
        actor: the process that moved, after its move; None if none did.
        before, after: the disk; None if it is not needed: see ``needs_disk``.
        processes: every process that has had a turn.
        waiting: how many processes of the scenario have not had a turn yet.
        target: the target of the call, if it sends a signal.
        locked: the serials of the files that the actor has locked; only where a link leads to the diary.
    """

    move: Move
    actor: View | None
    call: Call | None
    answer: Any
    before: Disk | None
    after: Disk | None
    processes: Sequence[View]
    waiting: int
    target: Target | None
    locked: tuple[int, ...] = ()

    @property
    def some_ended_inside(self) -> bool:
        """Whether a process ended after a signal inside its claim, or a second one."""
        return any(view.ended_inside for view in self.processes)

    @classmethod
    def just_after(
        cls,
        move: Move,
        call: Call | None,
        answer: Any,
        processes: Sequence[View],
        waiting: int,
        *,
        disks: tuple[Disk, Disk] | None = None,
        target: Target | None = None,
        locked: tuple[int, ...] = (),
    ) -> Moment:
        """The moment just after a move, which one of the processes made, or the machine."""
        actor = None
        if move.letter and move.kind not in MACHINE_FAULTS:
            actor = next((view for view in processes if view.letter == move.letter), None)
        before, after = disks or (None, None)
        return cls(move, actor, call, answer, before, after, processes, waiting, target, locked)


def needs_disk(life: str, phase: str, is_planted: bool) -> bool:
    """Whether any invariant compares the disk before and after a step of such a process.

    ``is_planted``: a link leads to a file that no process of the gateway has made.
    """
    return life in ("status", "peek") or phase == LEAVING or is_planted


def is_quiet(call: Call | None, actor: View) -> bool:
    """Whether a move of a process can break no invariant: it is still starting, and may change the disk.

    Where a link leads to a file that no process of the gateway has made, no change of the disk is quiet.

    ``actor`` is the process after the move. What other processes do meanwhile breaks no invariant either.
    """
    if (call is not None and sends_signal(call)) or actor.excuse.reason is Reason.LINK:
        return False
    starting = actor.life in ("start", "replace", "stop") and actor.phase == STARTING
    return starting and actor.outcome is None and actor.steps < LONGEST_LIFE_STEPS
