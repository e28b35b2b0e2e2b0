"""``replay --script``: the script is run when it is written, and only what it has shown is claimed."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stateful.__main__ import main

RACE = ["replay", "direct-unlink", "--scenario", "two-starts-empty", "A1 B8 A7"]
# It owns beside another in the simulation, where pids are small.
SMALL_PIDS = """
import os

def gateway(home, serve):
    if not (home / "x").exists() and os.getpid() < 200:
        serve()
"""
# Its query answers the text "101", which is not the number 101.
ODD_NAMES = r"""
import os

def gateway(home, serve):
    with open(home / r'a\name "of" a file', "w") as file:
        file.write(str(os.getpid()))
    serve()

def running_pid(home):
    return (home / r'a\name "of" a file').read_text()
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the command line is used in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_script_is_written_and_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*RACE, "--script", "repro.py"]) == 1
    said = capsys.readouterr().out
    assert said.startswith("at_most_one_owner is violated: A and B both own the gateway\n")
    shown = r"A \(pid \d+\) and B \(pid \d+\) are both inside serve\(\): at_most_one_owner is violated\."
    assert re.fullmatch(f"Script:  repro.py shows it with real processes: {shown}", said.splitlines()[-1])
    assert subprocess.run([sys.executable, "repro.py"], capture_output=True, check=False).returncode == 1


def test_script_that_does_not_show_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    Path("small.py").write_text(SMALL_PIDS)
    arguments = ["replay", "small.py", "--scenario", "two-starts-empty", "A1 B1"]
    assert main([*arguments, "--script", "repro.py"]) == 3
    said = capsys.readouterr().out.splitlines()[-1]
    assert said == "Script:  repro.py does not show it here. It ends with 0 and says: It is not violated."
    assert Path("repro.py").exists()


def test_names_with_quotes_and_backslashes_are_shown() -> None:
    folder = Path('it\'s a "folder"')
    folder.mkdir()
    (folder / "odd.py").write_text(ODD_NAMES)
    arguments = ["replay", f"{folder}/odd.py", "--scenario", "two-starts-empty", "A3 status-C C4"]
    assert main([*arguments, "--script", 'a """name\\x".py']) == 1


# It takes long to be imported by the processes of a script.
SLOW = """
import os

while "repro-" in os.environ["HERMES_HOME"]:
    open(os.environ["READY"], "w").close()

def gateway(home, serve):
    home.exists()
    serve()
"""


def test_interrupt_while_the_script_runs_leaves_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("slow.py").write_text(SLOW)
    Path("temporary").mkdir()
    monkeypatch.setenv("READY", str(folder / "ready"))
    monkeypatch.setenv("TMPDIR", str(folder / "temporary"))
    arguments = ["replay", "slow.py", "--scenario", "two-starts-empty", "A1 B1", "--script", "repro.py"]
    command = [sys.executable, "-m", "stateful", *arguments]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as run:
        while not Path("ready").exists():
            assert run.poll() is None
            time.sleep(0.01)
        run.terminate()
        assert run.communicate()[1] == "stateful: interrupted\n"
    assert not list(Path("temporary").iterdir())


WRONG = {
    "exists": (
        [*RACE, "--script", "there.py"],
        "there.py: it exists already; remove it, or give another name",
    ),
    "no folder": (
        [*RACE, "--script", "none/repro.py"],
        "none/repro.py: cannot be written (No such file or directory)",
    ),
    "nothing violated": (
        [*RACE[:-1], "A8", "--script", "repro.py"],
        "repro.py: not written, since nothing is violated, so there is nothing to show",
    ),
    "fault": (
        [*RACE[:-1], "A2 eacces-A A3 status-C C8", "--script", "repro.py"],
        "repro.py: not written, since a script cannot cause eacces-A",
    ),
    "cases": (["replay", ".", "--script", "repro.py"], ".: a case says in which scenario it is played; give"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_one_line_and_writes_nothing(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("there.py").write_text("mine\n")
    arguments, said = WRONG[case]
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"stateful: {said}")
    assert error.count("\n") == 1
    assert Path("there.py").read_text() == "mine\n"
    assert not Path("repro.py").exists()
