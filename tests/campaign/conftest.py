"""Two versions of one small protocol: a broken one and its fix."""

from __future__ import annotations

from pathlib import Path

import pytest

BROKEN = """
import os

def gateway(home, serve):
    try:
        os.open(home / "pid", os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    serve()
"""

MENDED = """
import fcntl, os

def gateway(home, serve):
    fd = os.open(home / "pid", os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    serve()
"""


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A subject that cannot be started again once its owner was killed."""
    path = tmp_path / "single.py"
    path.write_text(BROKEN)
    return path


@pytest.fixture
def mended() -> str:
    """The text of its mend."""
    return MENDED
