"""Why an invariant is broken: at most a few sentences, each pointing at a step of the trace."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Final

from stateful.explain.disk_words import shown_path
from stateful.explain.words import (
    answer_text,
    call_text,
    changes_names,
    claimed_path,
    is_claim,
    world_text,
)
from stateful.model.call import Delivery, Errno
from stateful.model.faults import CALL_FAULTS, POWER_LOSS, SHORT
from stateful.model.life import plain
from stateful.model.lifecycle import OWNER
from stateful.model.signal_target import pid_of
from stateful.model.syscalls import LOOKS, Answer, Kind, Use
from stateful.model.trace import Step, Trace
from stateful.model.usage import row, sends_signal, takes_lock, use_of


class Story:
    """A trace with numbered steps, and queries on it."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.numbered: list[tuple[int, Step]] = []
        number = 0
        for step in trace.steps:
            number += step.move.steps
            self.numbered.append((number, step))

    def moves(self, letter: str) -> list[tuple[int, Step]]:
        """The steps and events of a process."""
        return [(number, step) for number, step in self.numbered if step.move.letter == letter]

    def of(self, letter: str) -> list[tuple[int, Step]]:
        """The steps of a process."""
        return [(number, step) for number, step in self.moves(letter) if step.move.steps]

    def power_loss(self) -> tuple[int, Step] | None:
        """The power loss, and after how many steps it happened."""
        return next(((n, step) for n, step in self.numbered if step.move.kind == POWER_LOSS), None)

    def owned_from(self, letter: str) -> int | None:
        """The step with which a process became owner; the step before its start if it owned at once."""
        return next((number for number, step in self.moves(letter) if step.phase == OWNER), None)

    def claim(self, letter: str, among: Collection[str] = ()) -> tuple[int, Step] | None:
        """The last claiming step of a process before it owned; of one of these paths, if it claimed any."""
        until = self.owned_from(letter) or 0
        claims = [entry for entry in self.of(letter) if entry[0] <= until and is_claim(entry[1])]
        claims = [entry for entry in claims if claimed_path(entry[1]) in among] or claims
        return claims[-1] if claims else None

    def claimed(self, letter: str) -> dict[str, int]:
        """The paths that a process claimed before it owned and still claims, with the step of each claim.

        A lock counts from when its file is opened: it is useless once another file has that name.
        """
        until = self.owned_from(letter)
        claimed: dict[str, int] = {}
        opened: dict[str, int] = {}
        locked: set[str] = set()
        for number, step in self.of(letter):
            if step.call is None or isinstance(step.answer, Errno):
                continue
            releases = use_of(step.call) & Use.RELEASES
            left = {step.path} & locked if releases else {*changes_names(step.call)}
            if until is None or number <= until:
                claimed = {path: at for path, at in claimed.items() if path not in left}
                if row(step.call).has(Kind.FLAGS):
                    opened |= {path: number for path, _ in step.uses()}
                if is_claim(step) and (path := claimed_path(step)) is not None:
                    if takes_lock(step.call) and path not in claimed:
                        locked.add(path)
                    claimed[path] = opened.get(path, number) if path in locked else number
        return claimed

    def removals(self, letter: str, among: Collection[str] = ()) -> list[tuple[int, Step, str]]:
        """The steps with which other processes took away names that a process claimed; the first per path.

        If some of the names are among those given, only for these.
        """
        claimed = self.claimed(letter)
        claimed = {path: number for path, number in claimed.items() if path in among} or claimed
        removals = []
        for number, step in self.numbered:
            if step.move.letter == letter or step.call is None or isinstance(step.answer, Errno):
                continue
            for path in changes_names(step.call):
                if number > claimed.get(path, number):
                    del claimed[path]
                    removals.append((number, step, path))
        return removals

    def owners(self) -> list[str]:
        """The processes that own in the end, in the order in which they became owners."""
        letters = [letter for letter in self.trace.lives if _still_owns(self, letter)]
        return sorted(letters, key=lambda letter: self.owned_from(letter) or 0)

    def with_subject(self, letter: str, after: str = ",") -> str:
        """A process, and its subject if two subjects run in one home."""
        return f"{letter}, which runs {self.trace.subject_of(letter)}{after}" if self.trace.other else letter

    def observed_before(self, letter: str, number: int, path: str | None) -> int | None:
        """The last step before a number with which a process looked at a path or at another process."""
        seen = [
            at
            for at, step in self.of(letter)
            if at < number and not is_claim(step) and self._looks_at(step, path)
        ]
        return seen[-1] if seen else None

    def _looks_at(self, step: Step, path: str | None) -> bool:
        """Whether a step looks at a path or at another process."""
        if step.call is None:
            return False
        said, pid = row(step.call), pid_of(step.call, step.path)
        if pid is not None and (said.has(Kind.PID) or said.sends_signal):
            return pid != self.trace.pids[step.move.letter]
        tells = takes_lock(step.call) or said.answer is Answer.VALUE
        looked_at = [each for each, use in step.uses() if tells or use & LOOKS]
        return said.lists_processes or path in looked_at

    def ended(self, letter: str) -> int | None:
        """The step with which a process ended; None if it lives."""
        return next(
            (number for number, step in self.numbered if step.move.letter == letter and step.outcome), None
        )

    def killed(self) -> list[tuple[str, int]]:
        """The killed processes, and after which step each was killed."""
        return [(step.move.letter, number) for number, step in self.numbered if step.move.kind == "crash"]

    def told(self, letter: str) -> int | None:
        """The step with which a process first ran a signal handler."""
        return next((number for number, step in self.of(letter) if isinstance(step.answer, Delivery)), None)

    def signals(self) -> list[tuple[int, Step]]:
        """The steps with which any process sent a signal."""
        return [entry for entry in self.numbered if entry[1].call and sends_signal(entry[1].call)]


def reasons(trace: Trace) -> list[str]:
    """The sentences under a counterexample."""
    if trace.violation is None:
        return []
    story = Story(trace)
    explain = _REASONS.get(trace.violation.invariant)
    return [*_failed(story), *(explain(story) if explain else ())]


def _failed(story: Story) -> Iterator[str]:
    """A sentence for each call that a fault made fail."""
    for number, step in story.numbered:
        if step.move.kind in CALL_FAULTS:
            done = "wrote half" if step.move.kind == SHORT else f"failed with {step.move.kind.upper()}"
            yield f"Step {number} of {step.move.letter}, {call_text(step)}, {done}: a fault."


def _owns(story: Story, letter: str, among: Collection[str] = ()) -> str:
    number, claim = story.owned_from(letter), story.claim(letter, among)
    if not story.of(letter):
        return f"{letter} owns the gateway as soon as it is started."
    because = f", because step {claim[0]}, {call_text(claim[1])}, succeeded" if claim else ""
    return f"{letter} owns the gateway from step {number}{because}."


def _two_owners(story: Story) -> Iterator[str]:
    first, second = story.owners()[:2]
    yield _owns(story, first, story.claimed(second))
    removals = story.removals(first, story.claimed(second))
    since = story.owned_from(second)
    if not removals:
        owns = _owns(story, second, story.claimed(first))[:-1].replace(second, story.with_subject(second), 1)
        for number, step, path in story.removals(second, story.claimed(first))[:1]:
            wrong = f"step {number}, {call_text(step)}, the first wrong one"
            owns += f", on a file that {shown_path(path)} did not name since {wrong}"
        yield f"However, {owns}: a contradiction."
        return
    number, step, path = removals[0]
    claim = story.claim(first, story.claimed(second))
    saw = story.observed_before(step.move.letter, min(number, claim[0] if claim else number), path)
    strength = f", on the strength of what step {saw} saw" if saw else ""
    whose = f" of {story.with_subject(step.move.letter, '')}" if story.trace.other else ""
    yield (
        f"However, {second} owns it from step {since}, because step {number}{whose}, the first "
        f"wrong one, took away {first}'s {shown_path(path)}{strength}: a contradiction."
    )


def _still_owns(story: Story, letter: str) -> bool:
    steps = [step for _, step in story.moves(letter)]
    return bool(steps) and steps[-1].phase == OWNER and steps[-1].outcome is None


def _stuck(story: Story) -> Iterator[str]:
    actor = story.trace.steps[-1].move.letter
    for letter, number in story.killed():
        owned = story.owned_from(letter)
        state = "while it owned the gateway" if owned else "before it owned the gateway"
        yield f"{letter} was killed after step {number}, {state}; nothing of it ran after that."
    lost = story.power_loss()
    if lost is not None:
        number, step = lost
        yield f"After step {number} {world_text(step.move, step.answer)}; not all of it had been synced."
    elif not story.killed():
        yield f"The disk is as the scenario leaves it: {story.trace.title}."
    if story.trace.waits:
        yield f"However, {_waits(story, actor)} Every start after it meets the same disk."
        return
    gave_up = f"{story.with_subject(actor)} started alone and gave up{_after_failure(story, actor)}"
    yield f"However, {gave_up}. Every start after it meets the same disk: a crash loop."


def _after_failure(story: Story, letter: str) -> str:
    """The last call of a process that failed, as an afterthought; empty if none did."""
    failed = [(n, s) for n, s in story.of(letter) if isinstance(s.answer, Errno)]
    return f" after step {failed[-1][0]}, {call_text(failed[-1][1])}, failed" if failed else ""


def _not_free(story: Story) -> Iterator[str]:
    actor = story.trace.steps[-1].move.letter
    for letter in story.trace.lives:
        if letter != actor:
            number, step = next(each for each in story.moves(letter) if each[1].outcome)
            owned = "after it had owned the gateway" if story.owned_from(letter) else "without having owned"
            yield f"{letter} ended at step {number} ({answer_text(step)}), {owned}."
    gave_up = f"{story.with_subject(actor)} started alone and gave up{_after_failure(story, actor)}."
    yield f"However, {_waits(story, actor) if story.trace.waits else gave_up}"


def _waits(story: Story, letter: str) -> str:
    """The sentence that says for what a process waits."""
    step, who = story.trace.waits[letter], story.with_subject(letter)
    if step.answer:
        return f"{who} repeats {step.answer} for ever."
    path = claimed_path(step)
    claims = [(number, other) for number, other in story.numbered if other.call and is_claim(other)]
    locked = [(n, s) for n, s in claims if s.call and takes_lock(s.call) and claimed_path(s) == path]
    waits = f"{who} waits in {call_text(step)} for ever"
    if not locked:
        return f"{waits}."
    # Another one that lives, if any: a process waits for itself only in flock, by a second descriptor.
    others = [(n, s) for n, s in locked if s.move.letter != letter and story.ended(s.move.letter) is None]
    number, taken = (others or locked)[-1]
    whose = "it has that lock itself" if taken.move.letter == letter else f"{taken.move.letter} has that lock"
    return f"{waits}: {whose} since step {number}."


def _all_wait(story: Story) -> Iterator[str]:
    yield from (_waits(story, letter) for letter in story.trace.waits)


def _no_winner(story: Story) -> Iterator[str]:
    for letter, life in story.trace.lives.items():
        told = [number for number, step in story.of(letter) if isinstance(step.answer, Delivery)]
        if told:
            yield f"{letter} was told to go, as it saw at step {told[0]}, and went."
        elif plain(life) in ("start", "replace"):
            number = story.of(letter)[-1][0]
            yield f"{story.with_subject(letter)} gave up at step {number}{_after_failure(story, letter)}."


def _undiscovered(story: Story) -> Iterator[str]:
    actor = story.trace.steps[-1].move.letter
    owner = next(letter for letter in story.trace.lives if _still_owns(story, letter))
    yield _owns(story, owner)
    for number, step, _ in story.removals(owner)[:1]:
        actor_text = story.with_subject(step.move.letter, "")
        yield f"Step {number}, {call_text(step)} of {actor_text}, took away what it claimed."
    asked = f"{story.with_subject(actor)} asked, alone, and its answer does not name {owner}."
    yield f"However, {_waits(story, actor) if story.trace.waits else asked}"


def _changed(story: Story) -> Iterator[str]:
    number, step = story.numbered[-1]
    owner = next((letter for letter in story.trace.lives if _still_owns(story, letter)), None)
    if owner is not None:
        yield _owns(story, owner)
        claim = story.claim(owner)
        path = claimed_path(claim[1]) if claim else None
        saw = story.observed_before(step.move.letter, claim[0] if claim else number, path)
        if saw:
            yield f"{step.move.letter} looked at step {saw}, before that."
    actor = story.with_subject(step.move.letter, "")
    yield f"However, step {number} of {actor}, {call_text(step)}, changed the disk."


def _signalled(story: Story) -> Iterator[str]:
    number, step = story.signals()[-1]
    actor, call = step.move.letter, step.call
    assert call is not None
    pid = pid_of(call, step.path)
    if pid is not None:
        named = str(abs(pid)).encode()
        read = [n for n, s in story.of(actor) if isinstance(s.answer, bytes) and named in s.answer]
        if read:
            yield f"Step {read[-1]} of {actor} read that pid: {story.trace.title}."
    yield f"However, step {number}, {call_text(step)}, went to the process that has that pid now."


def _exits_wrongly(story: Story) -> Iterator[str]:
    number, step = story.numbered[-1]
    actor = step.move.letter
    told = story.told(actor)
    senders = [entry for entry in story.signals() if entry[1].move.letter != actor and entry[0] < (told or 0)]
    if senders:
        at, sent = senders[-1]
        how = f"{call_text(sent)}, told {actor} to go"
        yield f"Step {at} of {sent.move.letter}, {how}, as it saw at step {told}."
    else:
        yield f"The world sent {actor} SIGTERM, as it saw at step {told}."
    status = step.outcome.status if step.outcome else None
    why = "does not start it again" if status == 0 else "starts it again, beside its successor"
    yield f"However, it exited with {status} at step {number}: its supervisor {why}."


def _not_replaced(story: Story) -> Iterator[str]:
    number, step = story.numbered[-1]
    owner = next(letter for letter in story.trace.lives if story.owned_from(letter) is not None)
    stopped = [n for n, s in story.numbered if s.move.kind == "sigstop" and s.move.letter == owner]
    yield _owns(story, owner)
    yield f"It was stopped after step {stopped[-1]}, as one that hangs."
    how = "gave up" if step.outcome is not None else "has not become owner"
    failed = f"{step.move.letter}, which is to replace it, {how} at step {number}."
    yield f"However, {_waits(story, step.move.letter) if story.trace.waits else failed}"


_REASONS: Final[dict[str, Callable[[Story], Iterator[str]]]] = {
    "at_most_one_owner": _two_owners,
    "a_dead_owner_can_be_replaced": _stuck,
    "an_end_leaves_the_home_free": _not_free,
    "some_contender_wins": _no_winner,
    "nobody_waits_for_ever": _all_wait,
    "a_start_always_ends": _all_wait,
    "a_live_owner_is_discoverable": _undiscovered,
    "readers_change_nothing": _changed,
    "release_removes_only_own_record": _changed,
    "a_stopped_owner_can_be_replaced": _not_replaced,
    "only_the_owner_is_signalled": _signalled,
    "a_replaced_owner_exits_clean": _exits_wrongly,
}
