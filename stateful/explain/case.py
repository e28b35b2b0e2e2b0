"""A case: one violation, described by what its processes are about to do, in a small text file.

    # A case of python -m stateful; `python -m stateful replay FILE` plays it again.
    # A and B both own the gateway

    subject: direct-unlink
    scenario: two-starts-empty
    invariant: at_most_one_owner

    A until unlink(gateway.pid)
    B until it owns
    A until it owns

A turn ends when its process is about to make a call, for the first or the n-th time in that turn
(``A until the 2nd open(gateway.pid)``), when it owns, or when it ends. ``stateful.explain.meaning`` defines
the text of a call. Other lines are the events and faults of a schedule; a fault of a call is injected into
the call that the process is about to make. Several sessions may share a folder of cases: a file is complete
or absent, and never replaces another case.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Final, NamedTuple

from stateful.model.schedule import STEP, Move, ScheduleMismatch, parse_schedule

SUFFIX: Final = ".case"
OWNS, ENDS = "it owns", "it ends"
HEADINGS: Final = ("subject", "with", "scenario", "invariant")
NEEDED: Final = ("subject", "scenario", "invariant")
LONGEST_QUOTE: Final = 80  # of a malformed line

_HEADING: Final = re.compile(r"([a-z]+): *(.*)")
_TURN: Final = re.compile(
    r"([A-Z]) until (?:(it owns|it ends)|(?:the ([1-9][0-9]{0,3})[a-z]{2} )?(\w+\(.*\)))"
)


class Malformed(ValueError):
    """A file is not a case: one line says where, what is wrong and what to do."""


class Turn(NamedTuple):
    """A process runs until a point in its life.

    Attributes:
        until: OWNS, ENDS, or the meaning of the call that it is about to make then.
        nth: which call with that meaning in this turn, counted from 1.
    """

    letter: str
    until: str
    nth: int = 1

    @property
    def rests(self) -> bool:
        """Whether the process has nothing left to do then."""
        return self.until in (OWNS, ENDS)

    def __str__(self) -> str:
        nth = "" if self.nth == 1 else f"the {ordinal(self.nth)} "
        return f"{self.letter} until {nth}{self.until}"


Line = Turn | Move


@dataclass(frozen=True)
class Case:
    """A violation, described by the meaning of its calls.

    Attributes:
        subject, other: the subjects as the user named them.
        sentence: how the invariant was broken when the case was written; only a comment.
    """

    subject: str
    other: str | None
    scenario: str
    invariant: str
    lines: tuple[Line, ...]
    sentence: str = ""

    @property
    def file_name(self) -> str:
        """The name of its file."""
        subjects = [_word(name) for name in (self.subject, self.other) if name]
        return f"{'-with-'.join(subjects)}-{self.scenario}-{self.invariant}{SUFFIX}"


def ordinal(number: int) -> str:
    """``2nd``, ``11th``."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def format_case(case: Case) -> str:
    """The text of a case's file. Raises Malformed if a name in it would be read as something else."""
    about = (case.subject, case.other, case.scenario, case.invariant)
    text = "\n".join(
        [
            "# A case of python -m stateful; `python -m stateful replay FILE` plays it again.",
            *([f"# {' '.join(case.sentence.split())}"] if case.sentence else []),
            "",
            *(f"{heading}: {said}" for heading, said in zip(HEADINGS, about, strict=True) if said),
            "",
            *map(str, case.lines),
            "",
        ]
    )
    text = text.encode(errors="backslashreplace").decode()
    with suppress(Malformed):
        if replace(parse_case(text), sentence=case.sentence) == case:
            return text
    raise Malformed(f"{case.invariant}, since a name in it has a line break or is not UTF-8")


def parse_case(text: str) -> Case:
    """The case in the text of a file. Raises Malformed."""
    said: dict[str, str] = {}
    lines: list[Line] = []
    for number, line in _content(text):
        match = _HEADING.fullmatch(line)
        if match is None:
            lines.append(_line(number, line))
        elif match[1] not in HEADINGS or not match[2]:
            raise Malformed(
                f"line {number}: {line[:LONGEST_QUOTE]!r} is no heading; these are {', '.join(HEADINGS)}"
            )
        elif match[1] in said:
            raise Malformed(f"line {number}: a second {match[1]}; leave one of the two")
        else:
            said[match[1]] = match[2]
    for heading in NEEDED:
        if heading not in said:
            raise Malformed(f"it has no line `{heading}: ...`; add one")
    if not lines:
        raise Malformed("it has no turn or event; add lines such as `A until it owns`")
    return Case(said["subject"], said.get("with"), said["scenario"], said["invariant"], tuple(lines))


def file_case(case: Case, folder: Path) -> tuple[Path, bool]:
    """Write a case to a folder that others use too; returns its path, and whether it was new.

    The file gets a numbered name if another case has its name. Raises OSError if it cannot be written.
    """
    text = format_case(case)
    for number in count(1):
        path = folder / (case.file_name if number == 1 else f"{Path(case.file_name).stem}-{number}{SUFFIX}")
        if _write_new(path, text):
            return path, True
        if path.is_file() and path.read_bytes() == text.encode():
            return path, False
    raise AssertionError


def write_whole(path: Path, text: str) -> None:
    """Write a text to a file atomically, replacing an existing file."""
    os.replace(_write_beside(path, text), path)


def _write_new(path: Path, text: str) -> bool:
    """Write a text to a new file; returns False if a file of that name exists."""
    beside = _write_beside(path, text)
    try:
        os.link(beside, path)
    except FileExistsError:
        return False
    finally:
        beside.unlink(missing_ok=True)
    return True


def _write_beside(path: Path, text: str) -> Path:
    """Write a text to a hidden file that only this process uses, and sync it to the disk."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    return beside


def _content(text: str) -> Iterator[tuple[int, str]]:
    """The numbered lines that are neither empty nor comments."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            yield number, line.strip()


def _line(number: int, text: str) -> Line:
    turn = _TURN.fullmatch(text)
    if turn:
        return Turn(turn[1], turn[2] or turn[4], int(turn[3] or 1))
    try:
        (move,) = parse_schedule(text)
    except (ScheduleMismatch, ValueError):
        move = Move(STEP)
    if move.kind == STEP:
        raise Malformed(
            f"line {number}: {text[:LONGEST_QUOTE]!r} is no turn, event or fault; "
            "write one such as `A until it owns`, "
            "`A until the 2nd open(gateway.pid)`, `crash-A` or `status-C`"
        )
    return move


def _word(name: str) -> str:
    """A subject's name as part of the name of a file: the last part of a path, without its suffix."""
    path, _, function = name.partition(":")
    last = Path(path).stem if "/" in path or path.endswith(".py") else path
    return re.sub(r"[^\w.-]+", "-", "-".join(filter(None, (last, function))))
