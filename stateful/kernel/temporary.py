"""The temporary directories of the harness: where they are, and how they are removed."""

from __future__ import annotations

import os
import tempfile
from typing import Final

from stateful.kernel import real

SHARED_MEMORY: Final = "/dev/shm"


def temporary_folder() -> str | None:
    """The folder in memory for temporary directories, 3 us a call instead of 22 us; None if there is none."""
    return SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK | os.X_OK) else None


def remove_left_by(pid: int) -> None:
    """Remove the directories of a process that was killed and could not remove them itself."""
    folder = temporary_folder() or tempfile.gettempdir()
    for name in real.listdir(folder):
        if name.startswith(f"stateful-{pid}-"):
            remove_tree(os.path.join(folder, name))


def remove_own(root: str, owner: int) -> None:
    """Remove a temporary directory; a forked child of its owner does nothing."""
    if os.getpid() == owner:
        remove_tree(root)


def remove_tree(root: str) -> None:
    """Remove a folder, regardless of the permission bits in it."""
    real.rmtree(root, ignore_errors=True)
    if os.path.exists(root):
        for folder, names, _ in os.walk(root):
            for name in names:
                if not os.path.islink(f"{folder}/{name}"):
                    os.chmod(f"{folder}/{name}", 0o700)
        real.rmtree(root, ignore_errors=True)
