"""Who broke an invariant: whose step was decisive. It is read from the trace alone.

- Two owners: the claim of the one who owned first was passed over. Where somebody else took away a name
  that both of them claimed, such as the record or the lock file, the steps that did that are decisive, the
  first for each name. Where nobody did, it is the claim of the one who owned second, beside one that stood.
- A query that does not find the owner: likewise the steps that took away what the owner claimed; else the
  last one, of the process that answered.
- All else: the last step, with which a process gave up, raised, or changed what was not its own.

A subject *alone* is to blame where all decisive steps are of processes that run it. It is no excuse that
nothing told a live claim apart from a dead one's: whoever takes that risk is named.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from stateful.report.reasons import Story
from stateful.trace import Trace

OTHERS_MAY_BE_TO_BLAME: Final = ("at_most_one_owner", "a_live_owner_is_discoverable")  # than who moved last


def decisive_steps(trace: Trace) -> dict[int, str]:
    """The numbers of the steps that broke an invariant, and whose they are; none where none is broken."""
    if trace.violation is None:
        return {}
    story = Story(trace)
    number, last = story.numbered[-1]
    otherwise, removals = {number: last.move.letter}, []
    if trace.violation.invariant == "at_most_one_owner":
        first, second = story.owners()[:2]
        removals = story.removals(first, story.claimed(second))
        claim = story.claim(second, story.claimed(first))
        otherwise = {claim[0] if claim else number: second}
    elif trace.violation.invariant == "a_live_owner_is_discoverable":
        removals = story.removals(story.owners()[0])
    return {number: step.move.letter for number, step, _ in removals} or otherwise


def to_blame(trace: Trace) -> list[str]:
    """The names of the subjects that broke an invariant, in the order of their decisive steps."""
    return list(dict.fromkeys(trace.runs(letter) for letter in decisive_steps(trace).values()))


def blame(trace: Trace) -> Iterator[str]:
    """The sentence that says who is to blame, where two subjects run in one home."""
    if trace.other is None or trace.violation is None:
        return
    steps = decisive_steps(trace)
    numbers = " and ".join(f"step {number} of {letter}" for number, letter in steps.items())
    names = to_blame(trace)
    who = " and ".join(names) + (" are" if names[1:] else " alone is")
    yield f"{who} to blame: {numbers} {'were' if steps.keys() - {*list(steps)[:1]} else 'was'} decisive."
