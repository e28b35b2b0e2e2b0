"""Whose the files of a home are: what root makes there belongs to the user of the home, as all else in it.

A gateway that root has started once, as with ``sudo``, would otherwise leave lock files behind that the user
may not open, and no start of the user would ever succeed again. A file has its user before it has its name:
a kill in between would leave the same.
"""

from __future__ import annotations

import contextlib
import os

ROOT = 0


def give(fd: int, folder: str) -> None:
    """Give a new file to the user of its folder."""
    user = _user_of(folder)
    if user is not None:
        os.fchown(fd, user.st_uid, user.st_gid)


def make_for_user(path: str, create_flags: int) -> None:
    """Make an empty file for the user of its folder, if root is to make it; else whoever opens it makes it.

    Where this fails, as without hard links, root makes the file for itself.
    """
    folder = os.path.dirname(path)
    user = _user_of(folder)
    if user is None or os.path.lexists(path):
        return
    aside = f"{path}.{os.getpid()}"
    with contextlib.suppress(OSError):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(aside)  # of a process that had our pid, and was killed
        fd = os.open(aside, create_flags, 0o600)
        try:
            os.fchown(fd, user.st_uid, user.st_gid)
            os.link(aside, path)
        finally:
            os.close(fd)
            os.unlink(aside)


def make_folders(folder: str) -> None:
    """Make a folder and those above it; what root makes belongs to the user of the folder above."""
    if not _is_root():
        os.makedirs(folder, mode=0o700, exist_ok=True)
        return
    above = os.path.dirname(folder)
    if above != folder and not os.path.isdir(above):
        make_folders(above)
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        if not os.path.isdir(folder):
            raise
        return
    user = _user_of(above)
    if user is not None:
        os.chown(folder, user.st_uid, user.st_gid)


def _user_of(folder: str) -> os.stat_result | None:
    """The status of a folder of a user, if this process is root; else None."""
    if not _is_root():
        return None
    try:
        found = os.stat(folder)
    except OSError:
        return None
    return found if found.st_uid != ROOT else None


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == ROOT
