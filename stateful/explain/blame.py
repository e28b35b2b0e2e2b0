"""Blame: which process broke an invariant, and with which decisive step. It is read from the trace alone.

- Broken while a process owns (two own, a query does not find the owner, its record or the disk is changed):
  the first step that took away a name, such as that of the record or of the lock file, which every owner
  claimed, from a live process that had claimed it. Until that step the claims exclude each other; what
  comes later may follow from it. If no such name was taken away, the claims of two owners do not exclude
  each other in any order, and both are decisive; with one owner the last step is.
- No contender wins: the last step of each contender that gave up unasked.
- Every other invariant: the last step, with which a process gave up, raised, or changed what was not its own.

A subject *alone* is to blame if all decisive steps are by processes that run it. A subject that takes away a
claim which cannot be told from that of a dead process is blamed all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from stateful.explain.story import Story
from stateful.explain.words import call_text
from stateful.model.call import Delivery
from stateful.model.life import plain
from stateful.model.scenario import CONTENDING
from stateful.model.trace import Step, Trace

# Invariants that an earlier step, perhaps of another process, may have broken rather than the last step.
WHILE_OWNED: Final = (
    "at_most_one_owner",
    "a_live_owner_is_discoverable",
    "readers_change_nothing",
    "release_removes_only_own_record",
)


def decisive_steps(trace: Trace) -> list[tuple[int, Step]]:
    """The steps that broke the violated invariant, with their numbers."""
    if trace.violation is None:
        return []
    story = Story(trace)
    if trace.violation.invariant in WHILE_OWNED:
        return _passed_over(story) or story.numbered[-1:]
    if trace.violation.invariant == "some_contender_wins":
        contenders = [story.of(letter) for letter, life in trace.lives.items() if plain(life) in CONTENDING]
        unasked = [steps for steps in contenders if not any(type(s.answer) is Delivery for _, s in steps)]
        return [steps[-1] for steps in unasked or contenders]
    return story.numbered[-1:]


def _passed_over(story: Story) -> list[tuple[int, Step]]:
    """The first step that took away a standing claim, or else the claims of two owners that both stand."""
    owners = story.owners()[:2]
    names = set.intersection(*({*story.claimed(owner)} for owner in owners)) if owners else set()
    removals: list[tuple[int, Step]] = []
    for letter in story.trace.lives:
        ended = story.ended(letter)
        for number, step, path in story.removals(letter):
            if path in names and (ended is None or number <= ended):
                removals.append((number, step))
    if removals:
        return [min(removals, key=lambda entry: entry[0])]
    steps = [story.claim(owner, names) or story.moves(owner)[-1] for owner in owners]
    return steps if steps[1:] else []


def to_blame(trace: Trace) -> list[str]:
    """The names of the subjects that broke an invariant, in the order of their decisive steps."""
    return list(dict.fromkeys(trace.subject_of(step.move.letter) for _, step in decisive_steps(trace)))


def blame(trace: Trace) -> Iterator[str]:
    """The sentence that names the subject to blame, if two subjects run in one home."""
    steps = decisive_steps(trace)
    if trace.other is None or not steps:
        return
    names = to_blame(trace)
    what = " and ".join(f"step {number} of {step.move.letter}, {call_text(step)}," for number, step in steps)
    blamed = " and ".join(names) + (" are" if names[1:] else " alone is")
    yield f"{blamed} to blame: {what} {'were' if steps[1:] else 'was'} decisive."
