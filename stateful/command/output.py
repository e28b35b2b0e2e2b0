"""The files that a verb writes: where that cannot be, it is said in one line, if possible beforehand."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryFile

from stateful.command.options import WrongInput


def check_writable(path: Path) -> None:
    """Refuse the name of a file that cannot be written, before anything is spent on its content."""
    try:
        there = path.exists()
        path.open("a").close()
        if not there:
            path.resolve().unlink()
    except OSError as error:
        raise unwritable(path, error) from None


def write(path: Path, text: str) -> None:
    """Write a file; what is no text in it, such as a name that is not UTF-8, as an escape."""
    try:
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise unwritable(path, error) from None


def make_folder(folder: Path) -> None:
    """Make a folder to write files to, unless it is there; refuse one that no file can be written to."""
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
    """What to say of a file that cannot be written."""
    return WrongInput(
        f"{path}: cannot be written ({error.strerror}); "
        "give the name of a file in a folder that you may write"
    )
