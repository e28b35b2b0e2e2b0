"""What a failure needs, in sentences: each names a schedule to paste, in which that is otherwise."""

from __future__ import annotations

from collections.abc import Iterator

from stateful.explain.words import call_text
from stateful.model.trace import Fault, Ordering, Trace


def needs(trace: Trace) -> Iterator[str]:
    """The sentences under a counterexample that say what it needs."""
    for need in trace.needs:
        yield _ordering(need) if isinstance(need, Ordering) else _fault(need)


def _ordering(need: Ordering) -> str:
    return (
        f'It needs step {need.first} before step {need.then}; the other way round, "{need.passing}" passes.'
    )


def _fault(need: Fault) -> str:
    parts = [f'without it, "{need.passing}" passes']
    if need.after is not None:
        step, passing = need.after
        parts.append(f'with it before step {step}, "{passing}" does')
    if need.before is not None:
        call, passing = need.before
        parts.append(f'with it after {call_text(call)}, "{passing}" does')
    return f"It needs {need.fault}: {'; '.join(parts)}."
