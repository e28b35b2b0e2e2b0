"""The corpus: a folder to which a campaign writes what it finds at once, and from which the next one starts.

- ``*.case``: the smallest counterexample of each violation; ``python -m stateful replay FOLDER`` plays them.
- ``found/``: violations as they were found, until their case is written.
- ``kept/``: schedules that were the first to reach something.
- ``hypothesis/``: the database of the Hypothesis machine.

Two campaigns may share a folder, even for different subjects. A file is written under a temporary name and
renamed; its name is derived from its content. So it is complete or absent at every crash, and writing it
twice has the effect of writing it once. A file that another campaign has removed stays removed.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from stateful.explain.case import SUFFIX, Case, Malformed, file_case, parse_case, write_whole
from stateful.model.schedule import Move, ScheduleMismatch, format_schedule, parse_schedule

SCHEDULE_SUFFIX: Final = ".schedule"
FOUND, KEPT, HYPOTHESIS = "found", "kept", "hypothesis"
MOST_KEPT: Final = 500  # of one subject; the number that is read when a campaign begins

_LINE: Final = re.compile(r"(subject|scenario|invariant|schedule): (.+)")


class Kept(NamedTuple):
    """A schedule on disk, and the invariant that it breaks, if it breaks one."""

    subject: str
    scenario: str
    moves: tuple[Move, ...]
    invariant: str | None = None

    @property
    def text(self) -> str:
        said = {
            "subject": self.subject,
            "scenario": self.scenario,
            "invariant": self.invariant,
            "schedule": format_schedule(self.moves),
        }
        lines = [f"{name}: {what}" for name, what in said.items() if what]
        return "\n".join(["# Kept by `python -m stateful fuzz`.", *lines, ""])

    @property
    def file_name(self) -> str:
        return sha256(self.text.encode()).hexdigest()[:16] + SCHEDULE_SUFFIX


class Corpus:
    """The corpus in a folder. Raises OSError if the folder cannot be written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in (FOUND, KEPT, HYPOTHESIS):
            (folder / name).mkdir(parents=True, exist_ok=True)

    @property
    def hypothesis(self) -> Path:
        """The folder of Hypothesis's database."""
        return self.folder / HYPOTHESIS

    # -- schedules --------------------------------------------------------------------------------------

    def keep(self, kept: Kept) -> None:
        """Write a schedule."""
        write_whole(self._path(kept), kept.text)

    def drop(self, kept: Kept) -> None:
        """Remove a schedule."""
        self._path(kept).unlink(missing_ok=True)

    def found(self, subject: str) -> list[Kept]:
        """The violations of a subject that have no case yet."""
        return list(self._read(FOUND, subject))

    def kept(self, subject: str) -> list[Kept]:
        """The kept schedules of a subject, at most MOST_KEPT."""
        return [kept for kept, _ in zip(self._read(KEPT, subject), range(MOST_KEPT), strict=False)]

    def _path(self, kept: Kept) -> Path:
        return self.folder / (FOUND if kept.invariant else KEPT) / kept.file_name

    def _read(self, folder: str, subject: str) -> Iterator[Kept]:
        for path in sorted((self.folder / folder).glob(f"*{SCHEDULE_SUFFIX}")):
            with contextlib.suppress(FileNotFoundError):  # Another campaign has removed it.
                kept = _parse(path.read_text(encoding="utf-8", errors="replace"))
                if kept is not None and kept.subject == subject:
                    yield kept

    # -- cases ------------------------------------------------------------------------------------------

    def save(self, case: Case) -> Path:
        """Write a case, unless the same case exists; return its path."""
        return file_case(case, self.folder)[0]

    def cases(self, subject: str) -> dict[Path, Case]:
        """The cases of a subject; files that are not cases, or are of other subjects, are left alone."""
        cases = {}
        for path in sorted(self.folder.glob(f"*{SUFFIX}")):
            with contextlib.suppress(Malformed, FileNotFoundError):
                case = parse_case(path.read_text(encoding="utf-8", errors="replace"))
                if case.subject == subject and case.other is None:
                    cases[path] = case
        return cases


def _parse(text: str) -> Kept | None:
    """The schedule in the text of a file; None if there is none, as in an editor's backup."""
    said = {match[1]: match[2] for match in map(_LINE.fullmatch, text.splitlines()) if match}
    try:
        moves = tuple(parse_schedule(said["schedule"]))
        return Kept(said["subject"], said["scenario"], moves, said.get("invariant"))
    except (KeyError, ScheduleMismatch):
        return None
