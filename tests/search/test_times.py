"""Protocols that look at more times of files than that of the last write: all searches say the same."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from stateful.model.standard import find_scenario
from tests.search.answers import SEARCHES, execute, search_all, write
from tests.shortened import shortened

HEAD: Final = """import os, time

def made(path):
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return False
    return True

def gateway(home, serve):
    path = home / "lease"
"""
# Each lets two own, or keeps all out, by a time that one of them has changed.
PROTOCOLS: Final = {
    "a lease by the change time": """
    if not made(path):
        time.sleep(31)
        if os.stat(path).st_ctime + 30 > time.time():
            return
        os.chmod(path, 0o640)
    serve()
""",
    "names in the home": """
    before = os.stat(home).st_mtime_ns
    time.sleep(1)
    if not made(path):
        return
    if os.stat(home)[8] * 1_000_000_000 == before:
        return
    serve()
""",
    "a time that is set apart": """
    made(path)
    if os.stat(path).st_atime == 7:
        return
    time.sleep(1)
    os.utime(path, (7, 8))
    if os.stat(path).st_mtime == 8:
        serve()
    os.unlink(path)
""",
    "jobs that a folder counts": """
    if os.stat(home).st_nlink > 2:
        return
    try:
        os.mkdir(home / "jobs")
    except FileExistsError:
        return
    serve()
    os.rmdir(home / "jobs")
""",
}


@pytest.mark.parametrize("scenario", shortened(["two-starts-empty", "two-starts-empty-1-kill"]))
@pytest.mark.parametrize("kind", PROTOCOLS)
def test_searches_agree_about_times(kind: str, scenario: str, tmp_path: Path) -> None:
    subject = write(HEAD + PROTOCOLS[kind], tmp_path, f"times_{len(kind)}")
    asked = find_scenario(scenario)
    found = search_all(subject, asked, SEARCHES)
    broken = {name: each.broken for name, each in found.items()}
    assert set(broken.values()) == {frozenset(execute(subject, asked))}
    assert found["reduced"].broken
