"""Why an invariant is broken: at most a few sentences, each pointing at a step of the trace."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Final

from stateful.explain.disk_words import shown_path
from stateful.explain.story import Story
from stateful.explain.words import (
    answer_text,
    call_text,
    claimed_path,
    is_claim,
    world_text,
)
from stateful.model.call import Delivery, Errno
from stateful.model.faults import CALL_FAULTS, SHORT
from stateful.model.life import plain
from stateful.model.signal_target import pid_of
from stateful.model.trace import Trace
from stateful.model.usage import takes_lock


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


def _kept_out(story: Story) -> Iterator[str]:
    actor = story.trace.steps[-1].move.letter
    for letter in story.owners():
        yield _owns(story, letter)
    gave_up = f"{actor}, which was started for another home, gave up{_after_failure(story, actor)}."
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
    owner = next(letter for letter in story.trace.lives if story.still_owns(letter))
    yield _owns(story, owner)
    for number, step, _ in story.removals(owner)[:1]:
        actor_text = story.with_subject(step.move.letter, "")
        yield f"Step {number}, {call_text(step)} of {actor_text}, took away what it claimed."
    asked = f"{story.with_subject(actor)} asked, alone, and its answer does not name {owner}."
    yield f"However, {_waits(story, actor) if story.trace.waits else asked}"


def _changed(story: Story) -> Iterator[str]:
    number, step = story.numbered[-1]
    owner = next((letter for letter in story.trace.lives if story.still_owns(letter)), None)
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
    "homes_are_independent": _kept_out,
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
