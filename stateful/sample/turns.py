"""How long the turns of a Hypothesis machine are: the strategies.

A race needs one process to be held up at one point, and others to get far meanwhile. Protocols differ in
length tenfold, so that short turns are as likely as long ones. Where most races are is between a look and an
act that relies on it, so that a turn may also end before an act.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from hypothesis import strategies as st

from stateful.model.schedule import STEP, Move, format_schedule

TURN: Final = st.integers(1, 4) | st.integers(1, 16) | st.integers(1, 48)
MOST_TURNS: Final = 16
LONGEST: Final = (1, 4, 16)


@lru_cache
def turns_of(letters: tuple[str, ...]) -> st.SearchStrategy[str]:
    """Some turns of processes, as a schedule writes them: ``A3 B1 A2``; nothing where there are none."""
    if not letters:
        return st.just("")
    return st.tuples(st.sampled_from(LONGEST), st.integers(1, MOST_TURNS)).flatmap(
        lambda drawn: _turns(letters, *drawn)
    )


def _turns(letters: tuple[str, ...], longest: int, number: int) -> st.SearchStrategy[str]:
    turn = st.tuples(st.sampled_from(letters), st.integers(1, longest))
    return st.lists(turn, min_size=number, max_size=number).map(
        lambda turns: format_schedule([Move(STEP, letter) for letter, steps in turns for _ in range(steps)])
    )
