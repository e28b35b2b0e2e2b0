"""Steps in a folder of ``/tmp`` with a random name do not branch, unless other processes may see them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stateful.model.standard import find_scenario

PRIVATE = """
import os, tempfile
def gateway(home, serve):
    folder = tempfile.mkdtemp()
    open(f'{folder}/probe', 'w').close()
    os.unlink(f'{folder}/probe')
    os.rmdir(folder)
    if not (home / 'lock').exists():
        (home / 'lock').touch()
        serve()
"""
# The first folder that is there is the lock.
LISTS = """
import os, tempfile
def gateway(home, serve):
    folder = tempfile.mkdtemp()
    if len(os.listdir('/tmp')) == 1:
        serve()
    os.rmdir(folder)
"""
# A tells B where it is.
TELLS = """
import os, tempfile
def gateway(home, serve):
    try:
        other = (home / 'where').read_text()
    except FileNotFoundError:
        folder = tempfile.mkdtemp()
        (home / 'where').write_text(folder)
        os.rmdir(folder)
    else:
        if os.path.isdir(other):
            return
    serve()
"""


def write(folder: Path, code: str) -> str:
    (folder / "subject.py").write_text(code)
    return str(folder / "subject.py")


@pytest.mark.parametrize("code", (PRIVATE, LISTS, TELLS), ids=("private", "lists", "tells"))
@pytest.mark.parametrize(
    "name", (pytest.param("two-starts-empty", marks=pytest.mark.long), "two-starts-empty-1-kill")
)
def test_same_is_violated_as_where_every_step_branches(
    search: Any, tmp_path: Path, code: str, name: str
) -> None:
    subject, scenario = write(tmp_path, code), find_scenario(name)
    hurried, full = (search(subject, scenario, reduced=reduced) for reduced in (True, False))
    assert (hurried.verdict, sorted(hurried.violations)) == (full.verdict, sorted(full.violations))
    assert full.violations
    few = hurried.states < full.states / 2
    assert few == (code == PRIVATE)


def test_query_that_makes_a_temporary_folder_changes_nothing(search: Any, tmp_path: Path) -> None:
    query = "def running_pid(home):\n    folder = tempfile.mkdtemp()\n    os.rmdir(folder)\n    return 101\n"
    result = search(write(tmp_path, PRIVATE + query), find_scenario("start-and-status-empty"))
    assert "readers_change_nothing" not in result.violations
