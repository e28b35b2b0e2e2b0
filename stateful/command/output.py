"""Writes a verb's files; a file that cannot be written is refused in one line, beforehand if possible."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryFile

from stateful.command.options import WrongInput


def check_writable(path: Path) -> None:
    """Refuse the name of a file that cannot be written, before its content is computed."""
    try:
        there = path.exists()
        path.open("a").close()
        if not there:
            path.resolve().unlink()
    except OSError as error:
        raise unwritable(path, error) from None


def write(path: Path, text: str) -> None:
    """Write a file; characters that cannot be encoded, such as of a name that is not UTF-8, are escaped."""
    try:
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise unwritable(path, error) from None


def make_folder(folder: Path) -> None:
    """Make a folder for files, unless it exists; refuse one in which no file can be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WrongInput(
            f"{folder}: no folder can be made there ({error.strerror}); give the name of another"
        ) from None
    try:
        TemporaryFile(dir=folder).close()
    except OSError as error:
        raise WrongInput(
            f"{folder}: no file can be written to it ({error.strerror}); give the name of another folder"
        ) from None


def unwritable(path: Path, error: OSError) -> WrongInput:
    """The error for a file that cannot be written."""
    return WrongInput(
        f"{path}: cannot be written ({error.strerror}); "
        "give the name of a file in a folder that you may write"
    )
