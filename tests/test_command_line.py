"""The command line as a user sees it: exit status, output, and one line for each wrong input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stateful.__main__ import main
from stateful.model.schedule import LETTERS
from stateful.protocol.built_in import MODULES

FILES = {
    "empty.py": "",
    "fails.py": "import json\n\nraise RuntimeError('no database')\n",
    "syntax.py": "def gateway(home, serve:\n",
    "missing.py": "import no_such_module\n",
    "half.py": "def get_running_pid(): ...\ndef write_pid_file(): ...\n",
    "narrow.py": "def gateway(home): ...\n",
    "number.py": "gateway = 3\n",
    "leaves.py": "import sys\nsys.exit(4)\n",
    "forks.py": "import os\n\ndef gateway(home, serve):\n    os.fork()\n    serve()\n",
    "notes.txt": "not python",
    "two words.py": "def gateway(home, serve): serve()\n",
}

EVERYBODY = " ".join(f"start-{letter}" for letter in LETTERS)

# Arguments, and the whole of what is said. {} is the folder that the files above lie in.
WRONG = {
    "no verb": ([], "the following arguments are required: VERB; see `python -m stateful --help`"),
    "unknown verb": (["prove"], "argument VERB: invalid choice: 'prove'"),
    "no such file": (["verify", "{}/none.py"], "{}/none.py: no such file; give a built-in name"),
    "folder": (["verify", "{}/"], "{}/: it is a folder; name a .py file in it"),
    "empty name": (["verify", ""], "'' names no subject; give a built-in name"),
    "empty name of a mutant": (["mutate", ""], "'' names no subject; give a built-in name"),
    "empty name of another": (
        ["verify", "--with", "", "--scenario", "start-and-other-start-empty"],
        "'' names no subject; give a built-in name",
    ),
    "empty name of a function": (["verify", "{}/forks.py:"], "'{}/forks.py:' names no subject; give a built"),
    "unknown option": (
        ["mutate", "direct-unlink", "--budget", "10"],
        "unrecognized arguments: --budget 10; see `python -m stateful mutate --help`",
    ),
    "not python": (
        ["verify", "{}/notes.txt"],
        "{}/notes.txt: not a Python file; give the path of a .py file",
    ),
    "no such module": (
        ["verify", "nomodule"],
        "nomodule: there is no module 'nomodule' here; give a built-in",
    ),
    "no such submodule": (
        ["verify", "json.nothing"],
        "json.nothing: it fails on import: ModuleNotFoundError",
    ),
    "no name": (["verify", "???"], "???: not a subject's name; give a built-in name"),
    "nothing in it": (
        ["verify", "{}/empty.py"],
        "{}/empty.py: it has no gateway(home, serve), and as a status",
    ),
    "half a status module": (
        ["verify", "{}/half.py"],
        "{}/half.py: it has no gateway(home, serve), and as a status module it lacks remove_pid_file",
    ),
    "no such function": (["verify", "{}/half.py:run"], "{}/half.py:run: it has no run()"),
    "narrow function": (["verify", "{}/narrow.py"], "{}/narrow.py: gateway() must take (home, serve)"),
    "no function": (["verify", "{}/number.py"], "{}/number.py: gateway is not a function"),
    "fails on import": (
        ["verify", "{}/fails.py"],
        "{}/fails.py: it fails on import: RuntimeError: no database, line 3",
    ),
    "syntax error": (["verify", "{}/syntax.py"], "{}/syntax.py: it fails on import: SyntaxError"),
    "missing import": (["verify", "{}/missing.py"], "{}/missing.py: it fails on import: ModuleNotFoundError"),
    "exits on import": (["verify", "{}/leaves.py"], "{}/leaves.py: it"),
    "no identifier": (
        ["verify", "{}/two words.py"],
        "{}/two words.py: 'two words' cannot be imported; rename the file",
    ),
    "unmodelled": (["verify", "{}/forks.py"], "the subject called os.fork()"),
    "unknown scenario": (
        ["verify", "--scenario", "tea"],
        "tea: no such scenario; `python -m stateful scenarios`",
    ),
    "open-ended scenario": (["verify", "--scenario", "any-empty"], "scenarios named any-... have no end"),
    "budget": (["verify", "--budget", "-1"], "argument --budget: '-1' is not a number above 0"),
    "workers": (["verify", "--workers", "many"], "argument --workers: 'many' is not a number above 0"),
    "json folder": (
        ["verify", "--json", "{}"],
        "{}: cannot be written (Is a directory); give the name of a file in a folder that you may write",
    ),
    "folder without files": (
        ["verify", "--html", "/proc/x.html"],
        "/proc/x.html: cannot be written (No such file or directory); give the name of a file in a folder",
    ),
    "long name": (
        ["verify", "--html", "x" * 300],
        f"{'x' * 300}: cannot be written (File name too long); give the name of a file in a folder",
    ),
    "long name of a subject": (
        ["verify", "x" * 300 + ".py"],
        f"{'x' * 300}.py: it cannot be read; give a file that you may read",
    ),
    "no scenario": (["replay", "direct-unlink", "A1"], "the following arguments are required: --scenario"),
    "schedule": (
        ["replay", "direct-unlink", "--scenario", "two-starts-empty", "A1 X"],
        "'X' is no turn or event",
    ),
    "empty schedule": (
        ["replay", "direct-unlink", "--scenario", "two-starts-empty", ""],
        "the schedule is empty",
    ),
    "misfit": (
        ["replay", "direct-unlink", "--scenario", "two-starts-empty", "C1"],
        "C1 is not possible after the start: there is no process C; possible: A, start-C",
    ),
    "misfit beside as many as there can be": (
        ["replay", "direct-unlink", "--scenario", "any-empty", f"{EVERYBODY} start-A"],
        f"start-A is not possible after {EVERYBODY}: all letters are taken; possible: A, B, C",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_one_line_and_status_two(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    arguments, said = WRONG[case]
    assert main([argument.replace("{}", str(tmp_path)) for argument in arguments]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(f"stateful: {said.replace('{}', str(tmp_path))}")
    assert output.err.count("\n") == 1
    assert not list(tmp_path.rglob("__pycache__"))


def test_result_is_printed_where_its_file_cannot_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["verify", "check-then-overwrite", "--scenario", "two-starts-empty", "--workers", "1"]
    assert main([*arguments, "--json", "/dev/full"]) == 2
    output = capsys.readouterr()
    assert "\nat_most_one_owner is violated: A and B both own the gateway\n" in output.out
    assert output.err.startswith("stateful: /dev/full: cannot be written (No space left on device); give")
    assert output.err.count("\n") == 1


@pytest.mark.parametrize("buffering", ("", "1"))
def test_full_disk_is_no_violation(buffering: str) -> None:
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [sys.executable, "-m", "stateful", "subjects"],
            env=os.environ | {"PYTHONUNBUFFERED": buffering},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    said = "stateful: the output cannot be written (No space left on device); make room there\n"
    assert (ran.returncode, ran.stderr) == (2, said)


def test_folder_on_the_search_path_is_no_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mere_folder").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert main(["verify", "mere_folder"]) == 2
    assert capsys.readouterr().err == "stateful: mere_folder: it is a folder; name a .py file in it\n"


def test_page_with_a_name_that_is_no_text_is_written(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    (folder / "race.py").write_text("def gateway(home, serve):\n    home.exists()\n    serve()\n")
    page, script = tmp_path / "page.html", tmp_path / "repro.py"
    arguments = ["replay", f"{folder}/race.py", "--scenario", "two-starts-empty", "A1 B1"]
    assert main([*arguments, "--html", str(page), "--script", str(script)]) == 1
    assert r"caf\udce9/race.py" in page.read_text(encoding="utf-8")


def test_name_that_the_terminal_cannot_show_is_escaped(tmp_path: Path) -> None:
    (tmp_path / "é").mkdir()
    (tmp_path / "é" / "race.py").write_text("def gateway(home, serve):\n    home.exists()\n    serve()\n")
    arguments = ["replay", "é/race.py", "--scenario", "two-starts-empty", "A1 B1"]
    ran = subprocess.run(
        [sys.executable, "-m", "stateful", *arguments],
        env=os.environ | {"PYTHONIOENCODING": "ascii:strict"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (1, "")
    assert r"subject: \xe9/race.py" in ran.stdout


def test_verify_that_holds_is_status_zero(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--scenario", "one-start-stale", "--workers", "1"]) == 0
    out = capsys.readouterr().out
    assert "reference: holds\n" in out
    assert "scope           1 scenario, searched exhaustively, " in out
    assert "asked           one start: no fault\n" in out


def test_verify_that_is_violated_is_status_one_and_prints_the_counterexample(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    arguments = ["verify", "check-then-overwrite", "--scenario", "two-starts-empty", "--json", str(report)]
    assert main(arguments) == 1
    out = capsys.readouterr().out
    assert "at_most_one_owner is violated: " in out
    assert "check-then-overwrite: violated\n" in out
    data = json.loads(report.read_text())
    assert (data["subject"], data["verdict"]) == ("check-then-overwrite", "violated")
    (scenario,) = data["scenarios"]
    assert set(scenario) == {
        "name",
        "verdict",
        "not_offered",
        "not_applicable",
        "states",
        "executions",
        "exhaustive",
        "seconds",
        "faults_tried",
        "violations",
    }
    violation = next(each for each in scenario["violations"] if each["invariant"] == "at_most_one_owner")
    assert set(violation) == {"invariant", "steps", "switches", "faults", "schedule", "needs", "text"}
    assert violation["text"] in out


def test_verify_that_runs_out_of_time_is_status_three(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--scenario", "three-starts-stale", "--budget", "0.3"]) == 3
    assert "unknown         three-starts-stale: the time was spent" in capsys.readouterr().out


def test_replay_shows_a_schedule_that_breaks_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "direct-unlink", "--scenario", "two-starts-empty", "A8 B3"]) == 0
    assert capsys.readouterr().out.startswith("no invariant is violated\n11 steps, 1 switch, no faults")


def test_subjects_and_scenarios_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["subjects"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [*MODULES]
    assert main(["scenarios"]) == 0
    assert (
        "two-starts-stale-1-kill                        two starts, stale record, 1 kill\n"
        in capsys.readouterr().out
    )


def test_dotted_module_and_function_are_subjects(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "ourgateway"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "lock.py").write_text("import fcntl\n")
    (package / "main.py").write_text(
        "import os\n"
        "from .lock import fcntl\n"
        "def run(home, serve):\n"
        "    fd = os.open(home / 'lock', os.O_CREAT | os.O_RDWR)\n"
        "    try:\n"
        "        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
        "    except BlockingIOError:\n"
        "        return\n"
        "    serve()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    for subject in ("ourgateway.main:run", f"{package}/main.py:run"):
        assert main(["verify", subject, "--scenario", "two-starts-stale-2-kills"]) == 0
        assert ": holds\n" in capsys.readouterr().out
