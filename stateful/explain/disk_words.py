"""The files on a disk, and how they have changed, in words."""

from __future__ import annotations

import re
from typing import Final

from stateful.model.disk import HOME, Disk, File
from stateful.model.printable import printable

LONGEST_CONTENT: Final = 1_000  # bytes of a file that are shown

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def short_path(path: str) -> str:
    """A path relative to the home; the home itself is ``.``."""
    return "." if path == HOME else path.removeprefix(f"{HOME}/")


def shown_path(path: str) -> str:
    """A path relative to the home, with invisible characters escaped."""
    return printable(short_path(path))


def shown(content: bytes) -> str:
    """A content up to LONGEST_CONTENT bytes, with invisible characters escaped."""
    if content and not content.strip(b"\0"):
        return f"{len(content):,} zero bytes"
    text = content[:LONGEST_CONTENT].decode(errors="backslashreplace")
    more = len(content) - LONGEST_CONTENT
    text = _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)
    return text + (f" ... and {more:,} bytes more" if more > 0 else "")


def changes(before: Disk, after: Disk) -> str:
    """What has changed, such as ``gateway.lock and gateway.log are missing, gateway.pid is empty``."""
    was, is_ = before.by_path(), after.by_path()
    changed: dict[str, list[str]] = {}
    for path in sorted({*was, *is_}):
        word = _change(was.get(path), is_.get(path))
        if word:
            changed.setdefault(word, []).append(shown_path(path))
    return ", ".join(
        f"{_list(paths)} {'are' if paths[1:] else 'is'} {word}" for word, paths in changed.items()
    )


def _list(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)


def _change(was: File | None, is_: File | None) -> str:
    if is_ is None:
        return "missing"
    if was is None:
        return "back"
    if (was.kind, was.mode, was.content) == (is_.kind, is_.mode, is_.content):
        return ""
    if not is_.content:
        return "empty"
    if not is_.content.strip(b"\0"):
        return "all zeros"
    return "torn" if was.content.startswith(is_.content.rstrip(b"\0")) else "old"
