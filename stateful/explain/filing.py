"""Puts files into a folder that others use, too: whole or not at all, none in the place of another case."""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path

from stateful.explain.case import SUFFIX, Case, format_case


def file_case(case: Case, folder: Path) -> tuple[Path, bool]:
    """Where a case stands now, and whether it was new; under a numbered name where another has its own.

    Raises OSError where it cannot be written.
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
    """Have a file with a text, in the place of one that may be there."""
    os.replace(_write_beside(path, text), path)


def _write_new(path: Path, text: str) -> bool:
    """Have a new file with a text; whether there was none of its name."""
    beside = _write_beside(path, text)
    try:
        os.link(beside, path)
    except FileExistsError:
        return False
    finally:
        beside.unlink(missing_ok=True)
    return True


def _write_beside(path: Path, text: str) -> Path:
    """Write a text to a hidden file that only this process uses, down to the disk."""
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
