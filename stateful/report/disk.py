"""What stands on a disk, and what has become of it, in words."""

from __future__ import annotations

from stateful.kernel.disk import HOME, Disk, File


def short_path(path: str) -> str:
    """A path as it is called at home, which itself is ``.``."""
    return "." if path == HOME else path.removeprefix(f"{HOME}/")


def changes(before: Disk, after: Disk) -> str:
    """What is not as it was, such as ``gateway.pid is empty, gateway.lock is missing``."""
    was, is_ = before.by_path(), after.by_path()
    words = {path: _change(was.get(path), is_.get(path)) for path in sorted({*was, *is_})}
    return ", ".join(f"{short_path(path)} is {word}" for path, word in words.items() if word)


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
    if not is_.content.rstrip(b"\0").startswith(was.content) and was.content.startswith(
        is_.content.rstrip(b"\0")
    ):
        return "torn"
    return "old"
