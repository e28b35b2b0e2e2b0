"""Installs pinned libraries into a separate folder, from which a subject's processes import.

The user's environment does not change: the folder is below ``$XDG_CACHE_HOME``, or ``~/.cache``, and is
made once for each list of pins and each version of Python. pip installs exactly these versions, without
their dependencies: a list of pins is complete.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

PATIENCE_S = 300.0


class CannotInstall(Exception):
    """pip did not install the pins; one sentence says what, why and what to do."""


def installed(pins: Sequence[str]) -> str:
    """The folder of the pinned libraries, which are installed if necessary. Raises CannotInstall."""
    folder = _cache() / _name(pins)
    if not folder.is_dir():
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix="new-") as new:
                _install(pins, f"{new}/done")
                _put(f"{new}/done", folder)
        except OSError as error:
            advice = "set XDG_CACHE_HOME to a folder that can be written"
            raise CannotInstall(f"{pins[0]}: it cannot be put there: {error}; {advice}") from None
    return str(folder)


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "stateful" / "zoo"


def _name(pins: Sequence[str]) -> str:
    known = hashlib.sha256(" ".join(pins).encode()).hexdigest()[:12]
    return f"{pins[0].replace('==', '-')}-{sys.implementation.cache_tag}-{known}"


def _put(new: str, folder: Path) -> None:
    """Move a complete folder to its place in one step; another process may have done so already."""
    try:
        os.rename(new, folder)
    except OSError:
        if not folder.is_dir():
            raise
        shutil.rmtree(new)


def _install(pins: Sequence[str], folder: str) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-input", "--no-compile"]
    command += ["--disable-pip-version-check", "--target", folder, *pins]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S
        )
    except subprocess.TimeoutExpired:
        raise CannotInstall(f"{pins[0]}: pip takes more than {PATIENCE_S:g} s; {_ADVICE}") from None
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if "error" in line.lower()] or ["it says nothing"]
        raise CannotInstall(f"{pins[0]}: pip cannot install it: {said[-1]}; {_ADVICE}")


_ADVICE = "the zoo needs pip, and an index that it can reach (see `pip config list`)"
