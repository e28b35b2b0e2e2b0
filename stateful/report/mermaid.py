"""A picture as a Mermaid sequence diagram, for Markdown: a job summary, an issue, a review.

Ownership is an activation bar, a failed call ends in a cross, and a note stands over the process that it
concerns. Steps that concern their own process alone are counted. Of a long trace only the beginning and the
end are shown, at most ``MOST_ROWS`` rows; a note says how many steps are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from stateful.model.trace import Trace
from stateful.report.picture import Fold, Picture, Row, draw, folded
from stateful.report.text import count

MOST_ROWS: Final = 60
LONGEST_MESSAGE: Final = 90
LEAST_FOLD: Final = 2
DISK: Final = "disk"

# Characters that would end a statement or begin an entity, a tag or a comment.
_SPECIAL: Final = re.compile(r"[#;<>%\\`]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def mermaid(trace: Trace) -> str:
    """The sequence diagram of a replayed trace."""
    picture = draw(trace)
    lines = ["sequenceDiagram"]
    for letter, pid, life, subject in picture.columns:
        role = "" if life == "start" else f"{life}, "
        name = f"{letter} ({role}pid {pid}{', ' + subject if subject else ''})"
        lines.append(f"    participant {letter} as {escape(name)}")
    lines += [f"    participant {DISK}", *(f"    {line}" for line in _lines(picture))]
    if trace.violation is not None:
        invariant, sentence = trace.violation
        what = f"{escape(invariant)} is violated:<br/>{escape(sentence, len(sentence))}"
        lines.append(f"    Note over {_all_participants(picture)}: {what}")
    if picture.rows:  # Mermaid does not draw a bar that has no end.
        lines += [f"    deactivate {letter}" for letter in picture.rows[-1].owners(picture.columns)]
    return "\n".join(lines) + "\n"


def escape(text: str, longest: int = LONGEST_MESSAGE) -> str:
    """A text as one line of Mermaid, escaped, and cut if it is too long."""
    text = _CONTROL.sub(" ", text)
    if len(text) > longest:
        text = f"{text[: longest - 3]}..."
    return _SPECIAL.sub(lambda match: f"#{ord(match[0])};", text)


def _lines(picture: Picture) -> Iterator[str]:
    rows = folded(picture.rows, LEAST_FOLD)
    left_out: Sequence[Row | Fold] = ()
    half = MOST_ROWS // 2
    if len(rows) > MOST_ROWS:
        left_out = rows[half:-half]
        rows = [*rows[:half], *rows[-half:]]
    owners: list[str] = []
    for index, row in enumerate(rows):
        if left_out and index == half:
            steps = sum(len(each.rows) if isinstance(each, Fold) else 1 for each in left_out)
            yield f"Note over {_all_participants(picture)}: {count(steps, 'step')} left out"
        yield _fold(row) if isinstance(row, Fold) else _row(row, picture)
        last = row.rows[-1] if isinstance(row, Fold) else row
        own = last.owners(picture.columns)
        yield from (f"deactivate {letter}" for letter in owners if letter not in own)
        for letter in own:
            if letter not in owners:
                yield f"activate {letter}"
                yield f"Note over {letter}: OWNS"
        owners = own


def _fold(fold: Fold) -> str:
    first, last = fold.rows[0], fold.rows[-1]
    return f"{first.letter}->>{first.letter}: {first.key} to {last.key}: steps of its own"


def _row(row: Row, picture: Picture) -> str:
    if row.number is None:
        over = row.letter or _all_participants(picture)
        fault = "fault: " if row.fault else ""
        return f"Note over {over}: {escape(fault + row.call)}"
    to = DISK if row.about_disk else row.peer or row.letter
    arrow = "-x" if row.failed else "->>"
    return f"{row.letter}{arrow}{to}: {escape(f'{row.number} {row.call} = {row.answer}')}"


def _all_participants(picture: Picture) -> str:
    return f"{picture.columns[0].letter},{DISK}"
