"""Broken protocols that the search once passed, because a table of call names lacked a name or a condition.

Findings of the referee of answers (``tests/search/test_answers.py``) are kept here, each with one sentence.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stateful.model.standard import find_scenario
from tests.search.answers import FULL, search_all, write

# The scenario, the invariant that is broken there, and what was missed.
MISJUDGED = {
    # The memo of disks took a listing for its names alone, without their kinds.
    "scans_kinds": ("one-start-empty-1-kill", "a_dead_owner_can_be_replaced"),
    # The reduction of private folders in /tmp did not count a rename as a look at another's folder.
    "takes_the_folder": ("two-starts-empty", "at_most_one_owner"),
    # No fault befell sendfile, and a full or read-only disk let it write.
    "wedged_by_sendfile": ("start-and-exit-stale-1-bad-disk", "a_dead_owner_can_be_replaced"),
    # The call that came after it, which was refused in words until it was modelled.
    "wedged_by_copy_file_range": ("start-and-exit-stale-1-bad-disk", "a_dead_owner_can_be_replaced"),
}

# No SIGTERM arrived right before a step that no other process sees, and the handler made that step fail.
SIGTERM = """
import os, signal
def told(*_):
    raise OSError("told")
def gateway(home, serve):
    signal.signal(signal.SIGTERM, told)
    fd = os.open(home / "x", os.O_CREAT | os.O_RDWR)
    try:
        os.fsync(fd)
    except OSError:
        os.mkdir(home / "y")
    if os.path.exists(home / "y"):
        raise ValueError
    serve()
"""
# No disk got full right before a step in a private folder of /tmp.
DISK_FULL = """
import os, tempfile
def gateway(home, serve):
    folder = tempfile.mkdtemp()
    try:
        os.mkdir(folder + "/mark")
    except OSError:
        raise ValueError
    os.stat(home)
    serve()
"""
# A file of a private folder in /tmp stayed private after a hard link to it was made elsewhere.
LINKED = """
import os, tempfile
def gateway(home, serve):
    if os.path.exists(home / "pid"):
        if (home / "pid").read_text() == "": serve()
        return
    folder = tempfile.mkdtemp()
    fd = os.open(folder + "/new", os.O_CREAT | os.O_RDWR)
    os.link(folder + "/new", home / "pid")
    os.write(fd, b"x")
    os.stat(home)
    serve()
"""
# A symbolic link in a private folder in /tmp led to the home, and what was done there was hidden.
LEADS_OUT = """
import os, tempfile
def gateway(home, serve):
    folder = tempfile.mkdtemp()
    os.symlink("../../home/user/.hermes/lock", folder + "/lock")
    if not os.path.exists(folder + "/lock"):
        os.close(os.open(folder + "/lock", os.O_CREAT))
        os.stat(home)
        serve()
"""
# A symbolic link in the home led into a private folder in /tmp.
LEADS_IN = """
import os, tempfile
def gateway(home, serve):
    try:
        os.stat(home / "where")
    except FileNotFoundError:
        folder = tempfile.mkdtemp()
        os.symlink(folder, home / "where")
        os.mkdir(folder + "/mark")
        os.stat(home)
        serve()
    else:
        if not os.path.exists(home / "where" / "mark"):
            serve()
"""
# What is stamped in a private folder in /tmp depends on whether another process sleeps before.
STAMPED = """
import os, tempfile, time
def gateway(home, serve):
    folder = tempfile.mkdtemp()
    a = os.stat(folder).st_mtime
    os.close(os.open(folder + "/mark", os.O_CREAT))
    b = os.stat(folder + "/mark").st_mtime
    if a != b:
        os.stat(home)
        serve()
    else:
        try:
            os.mkdir(home / "lock")
        except OSError: return
        time.sleep(1)
        serve()
"""
# The machine is suspended within what is done in a private folder in /tmp.
SUSPENDED = """
import os, tempfile
def gateway(home, serve):
    folder = tempfile.mkdtemp()
    os.close(os.open(folder + "/mark", os.O_CREAT))
    if os.stat(folder + "/mark").st_mtime != os.stat(folder).st_mtime:
        raise ValueError
    serve()
"""
# Reading /proc/stat was hidden, and its boot time follows a wall clock that is set.
BOOT_TIME = """
def gateway(home, serve):
    a = open("/proc/stat").read()
    b = open("/proc/stat").read()
    if a != b: raise ValueError
    serve()
"""
# Where each name may be lost for itself, a renamed folder stood under both names, and the search crashed.
RENAMED = """
import os
def gateway(home, serve):
    os.mkdir(home / "slot")
    os.rename(home / "slot", home / "lock")
    serve()
"""
# A clock, or the length of a file, was read with a hidden step before it: others change what it tells.
SLEEPS = """
import os, time
def gateway(home, serve):
    try:
        os.open(home / "lock", os.O_CREAT | os.O_EXCL)
    except FileExistsError:
        time.sleep(1)
        return
    fd = os.open(home / "x", os.O_CREAT)
    begun = time.monotonic()
    os.close(fd)
    now = time.monotonic()
    os.stat(home)
    if now != begun: raise ValueError
    serve()
"""
CLOCK_IS_SET = SLEEPS.replace("time.sleep(1)", "pass").replace("time.monotonic", "time.time")
SLEEPS_DEEPLY = CLOCK_IS_SET.replace("time.time()", "time.clock_gettime(time.CLOCK_BOOTTIME)")
GROWS = """
import os
def gateway(home, serve):
    log = os.open(home / "log", os.O_CREAT | os.O_RDWR | os.O_APPEND)
    try:
        os.open(home / "lock", os.O_CREAT | os.O_EXCL)
    except FileExistsError:
        os.write(log, b"x")
        return
    fd = os.open(home / "x", os.O_CREAT)
    begun = os.lseek(log, 0, os.SEEK_END)
    os.close(fd)
    now = os.lseek(log, 0, os.SEEK_END)
    os.stat(home)
    if now != begun: raise ValueError
    serve()
"""

HIDDEN = {
    "SLEEPS": (SLEEPS, "two-starts-empty"),
    "CLOCK_IS_SET": (CLOCK_IS_SET, "start-and-exit-empty-1-clock-step"),
    "SLEEPS_DEEPLY": (SLEEPS_DEEPLY, "start-and-exit-empty-1-suspend"),
    "GROWS": (GROWS, "two-starts-empty"),
    "SIGTERM": (SIGTERM, "start-and-exit-empty-1-sigterm"),
    "DISK_FULL": (DISK_FULL, "start-and-exit-empty-1-bad-disk"),
    "LINKED": (LINKED, "two-starts-empty"),
    "LEADS_OUT": (LEADS_OUT, "two-starts-empty"),
    "LEADS_IN": (LEADS_IN, "two-starts-empty"),
    "STAMPED": (STAMPED, "two-starts-empty"),
    "RENAMED": (RENAMED, "start-and-exit-empty-1-power-loss"),
    "SUSPENDED": (SUSPENDED, "start-and-exit-empty-1-suspend"),
    "BOOT_TIME": (BOOT_TIME, "start-and-exit-empty-1-clock-step"),
}


@pytest.mark.parametrize("name", MISJUDGED)
def test_protocol_that_was_called_right_is_violated(search: Any, name: str) -> None:
    scenario, invariant = MISJUDGED[name]
    assert invariant in search(f"tests/planted/{name}.py", find_scenario(scenario)).violations


@pytest.mark.parametrize("name", HIDDEN)
def test_searches_agree_on_what_they_did_not(tmp_path: Path, name: str) -> None:
    source, scenario = HIDDEN[name]
    subject = write(source, tmp_path, f"misjudged_{name.lower()}")
    found = search_all(subject, find_scenario(scenario), {"no reduction": FULL, "reduced": {}})
    assert found["reduced"].broken == found["no reduction"].broken
    assert found["reduced"].broken or name in ("RENAMED",)
