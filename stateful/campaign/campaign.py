"""A campaign: hands slices to workers until its time is over, starting from the corpus of earlier ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from stateful.campaign.corpus import Corpus, Kept
from stateful.campaign.messages import MINIMISE, REVISIT, Message, Slice
from stateful.campaign.session import work
from stateful.campaign.tally import Tally
from stateful.explain.case_player import VIOLATED, recall
from stateful.explain.minimise import weigh
from stateful.protocol.subject import Subject
from stateful.run.examine import examine, steps_of_a_start
from stateful.run.workers import in_parallel
from stateful.sample.scheduler import MEMBERS

LONGEST_SLICE_S: Final = 6.0
SHORTEST_SLICE_S: Final = 0.5
LONGEST_START_STEPS: Final = 400
SECONDS_BETWEEN_MOMENTS: Final = 2.0

Show = Callable[[Tally, Message | None], None]


def show_nothing(tally: Tally, message: Message | None) -> None:
    """Show nothing."""


def fuzz(
    subject: Subject,
    corpus: Corpus,
    *,
    seconds: float,
    workers: int,
    seed: str,
    show: Show = show_nothing,
) -> Tally:
    """Run a campaign and return its tally, even if it was interrupted or the corpus could not be written.

    Args:
        seed: the seed of everything that is drawn.
        show: called with each message of a worker, and now and then without one.

    Raises:
        SubjectError: the subject cannot be used.
        UnmodelledSyscall: the subject did something that the kernel does not model.
        Nondeterminism: the subject behaved differently when a schedule was repeated.
    """
    campaign = Campaign(subject, corpus, seconds, workers, seed, show)
    campaign.recheck()
    campaign.run()
    return campaign.tally


class Campaign:
    """A campaign, and its tally.

    Args:
        is_over: whether the campaign is to end before its time.
    """

    def __init__(
        self,
        subject: Subject,
        corpus: Corpus,
        seconds: float,
        workers: int,
        seed: str,
        show: Show,
        is_over: Callable[[], bool] = lambda: False,
    ) -> None:
        self.tally = Tally(subject.name, workers, seconds)
        self._subject = subject
        self._corpus = corpus
        self._seed = seed
        self._show = show
        self._stop = is_over
        self._started = time.monotonic()

    def recheck(self) -> None:
        """Play the cases of the corpus again: each has a verdict such as FIXED or VIOLATED."""
        with self._ended_in_order():
            for path, case in self._corpus.cases(self._subject.name).items():
                became = recall(case)
                self.tally.rechecked.append((path.name, became.verdict, became.why))
                if became.verdict == VIOLATED and became.trace and became.trace.violation:
                    invariant = became.trace.violation.invariant
                    weight = weigh(became.trace.moves)
                    self.tally.known[invariant] = min(weight, self.tally.known.get(invariant, weight))
                self._look()

    def run(self) -> None:
        """Run until the time is over, an interrupt comes, or the corpus can no longer be written."""
        tally = self.tally
        if tally.interrupted:
            return
        with self._ended_in_order():
            tally.offered = examine(self._subject).lives
            arguments = (self._subject, tally.offered, steps_of_a_start(self._subject), self._corpus)
            in_parallel(work, arguments, self._slices(), tally.workers, self._look, self._lost, self._is_over)

    @contextmanager
    def _ended_in_order(self) -> Iterator[None]:
        """Record an interrupt or a failed write in the tally, and end the campaign in order."""
        try:
            yield
        except KeyboardInterrupt:
            self.tally.interrupted = True
        except OSError as error:
            if error.errno is None:
                raise
            self.tally.trouble = f"ended early: {error.strerror}"
        finally:
            self.tally.seconds = time.monotonic() - self._started
            self.tally.note_moment()

    def _slices(self) -> Iterator[Slice]:
        """Yield one slice after another, each with what is known by then."""
        tally, name = self.tally, self._subject.name
        found, kept = self._corpus.found(name), self._corpus.kept(name)
        if found:
            yield self._slice(MINIMISE, "", tuple(found))
        if kept:
            yield self._slice(REVISIT, "", tuple(kept))
        # If the time is short, slices are short too, so that each member gets a turn on each worker.
        share = tally.planned_s / len(MEMBERS)
        longest = min(LONGEST_SLICE_S, max(SHORTEST_SLICE_S, share))
        number = 0
        while (left := self._left()) > 0:
            member = MEMBERS[number % len(MEMBERS)]
            orderings = len(tally.orderings)
            yield self._slice(member, f"{self._seed}-{number}", tuple(tally.inputs), min(left, longest))
            tally.widen_where_nothing_is_new(orderings)
            number += 1

    def _slice(self, member: str, seed: str, inputs: tuple[Kept, ...], seconds: float = 0.0) -> Slice:
        tally = self.tally
        return Slice(
            member,
            seed,
            seconds,
            tally.width,
            inputs,
            frozenset(tally.orderings),
            frozenset(tally.goals),
            tally.smallest(),
        )

    def _left(self) -> float:
        return self.tally.planned_s - (time.monotonic() - self._started)

    def _is_over(self) -> bool:
        self._look()
        return self._left() <= 0 or self._stop()

    def _look(self, message: Message | None = None) -> None:
        tally = self.tally
        tally.seconds = time.monotonic() - self._started
        if message is not None:
            tally.hear(message)
        if not tally.history or tally.seconds - tally.history[-1][0] > SECONDS_BETWEEN_MOMENTS:
            tally.note_moment()
        self._show(tally, message)

    def _lost(self, job: Slice, status: int | None) -> None:
        self.tally.lost.append(f"a worker ended with exit status {status} at {job.member}")
