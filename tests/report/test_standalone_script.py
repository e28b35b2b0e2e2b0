"""The stand-alone script: it shows a violation with real processes, on any Python, without this project."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stateful.explain.case import parse_case
from stateful.explain.case_player import recall
from stateful.model.schedule import parse_schedule
from stateful.model.standard import find_scenario
from stateful.protocol.subject import find_subject
from stateful.report.standalone_script import NotShown, script
from stateful.run.examine import examine
from stateful.run.replay import replay

GOLDEN = Path(__file__).parent / "scripts" / "direct-unlink.txt"
RACE = "direct-unlink two-starts-empty A1 B8 A7"
BOTH_OWN = r"A \(pid \d+\) and B \(pid \d+\) are both inside serve\(\): at_most_one_owner is violated\."

# A violation, and the last line of what its script says.
SHOWN = {
    RACE: BOTH_OWN,
    "unlinked-lock two-starts-empty A2 B12 A10": BOTH_OWN,
    "foreign-guard one-start-empty A6 crash-A start-B B11": (
        r"B \(pid \d+\) started alone, nobody else was alive, and it gave up: exit status 1: "
        r"a_dead_owner_can_be_replaced is violated\."
    ),
    "foreign-guard one-start-not-utf8 A11": (
        r"A \(pid \d+\) started alone, nobody else was alive, and it gave up: exit status 1: "
        r"a_dead_owner_can_be_replaced is violated\."
    ),
    "guarded-lock two-starts-stale A13 B11 A2": (
        r"A \(pid \d+\) and B \(pid \d+\) gave up, and nobody is inside serve\(\): "
        r"some_contender_wins is violated\."
    ),
    "direct-unlink two-starts-empty A1 B8 A1 crash-A status-C C3": (
        r"B \(pid \d+\) is inside serve\(\), and C \(pid \d+\), a query, answered None: "
        r"a_live_owner_is_discoverable is violated\."
    ),
    "direct-unlink two-starts-empty status-C C1 A8 C1": (
        r"C \(pid \d+\), a query, changed gateway.pid while A \(pid \d+\) is inside serve\(\): "
        r"readers_change_nothing is violated\."
    ),
    "direct-unlink two-starts-empty-1-sigterm A1 B8 term-B B4 A7 B1": (
        r"B \(pid \d+\), on its way out, removed gateway.pid of A \(pid \d+\), which is inside serve\(\): "
        r"release_removes_only_own_record is violated\."
    ),
}
REFUSED = {
    "direct-unlink two-starts-empty A8": "nothing is violated, so there is nothing to show",
    "direct-unlink two-starts-zombie A8": "a script cannot provide the machine of two-starts-zombie",
    "direct-unlink two-starts-empty A2 eacces-A A3 status-C C8": "a script cannot cause eacces-A",
    "foreign-guard two-starts-empty home-gone A7": (
        "a script cannot see whether only_documented_errors holds"
    ),
}
NO_GATEWAY = "def gateway(home, serve):\n    serve()\n"
# Claims are told apart by who stands on the command line, as gateways do.
BY_COMMAND_LINE = """
import os
from pathlib import Path

def gateway(home, serve):
    record = home / "gateway.pid"
    try:
        words = Path(f"/proc/{int(record.read_text())}/cmdline").read_bytes()
    except (OSError, ValueError):
        words = b""
    if b"hermes_cli/main.py\\0gateway" in words:
        return
    record.write_text(str(os.getpid()))
    serve()
"""
# A temporary file with a random name, a lock, a sleep, a kill and a handler of its own.
BUSY = """
import fcntl, os, secrets, signal, sys, time
from os import kill

class Stop(Exception):
    pass

def gateway(home, serve, *, replace=False):
    def stop(number, frame):
        raise Stop
    signal.signal(signal.SIGTERM, stop)
    record = home / "gateway.pid"
    if replace and record.exists():
        kill(int(record.read_text()), signal.SIGTERM)
        time.sleep(0.01)
    temporary = home / f"{secrets.token_hex(8)}.{os.getpid()}"
    with open(temporary, "w") as file:
        file.write(str(os.getpid()))
    with open(home / "lock", "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        os.replace(temporary, record)
    try:
        serve()
    except Stop:
        record.unlink()
        sys.exit(0)
"""
# What is written through a second descriptor, and copied by the kernel.
COPIES = """
import os, shutil

def gateway(home, serve):
    record, mine = home / "gateway.pid", home / f"mine.{os.getpid()}"
    if record.exists():
        return
    fd = os.open(mine, os.O_CREAT | os.O_WRONLY)
    again = os.dup(fd)
    os.write(again, b"%d" % os.getpid())
    os.close(again)
    os.close(fd)
    shutil.copyfile(mine, record)
    source, target = os.open(mine, os.O_RDONLY), os.open(record, os.O_WRONLY)
    os.copy_file_range(source, target, 100)
    serve()
"""


def text_of(arguments: str, file_name: str = "repro.py") -> str:
    """The script of a subject, a scenario and a schedule."""
    name, title, schedule = arguments.split(" ", 2)
    subject, scenario = find_subject(name), find_scenario(title)
    trace = replay(subject, scenario, parse_schedule(schedule))
    return script(subject, examine(subject), scenario, trace, file_name)


def told(name: str, *lines: str) -> str:
    """The script of a case of two starts on an empty disk."""
    heads = (f"subject: {name}", "scenario: two-starts-empty", "invariant: at_most_one_owner")
    trace = recall(parse_case("\n".join((*heads, *lines)))).trace
    assert trace is not None
    subject = find_subject(name)
    return script(subject, examine(subject), find_scenario("two-starts-empty"), trace, "repro.py")


def run(folder: Path, text: str, *arguments: str, python: str = sys.executable) -> tuple[int, str]:
    """The exit status of a script, and what it says; it sees no package that is installed."""
    path = folder / "repro.py"
    if not path.exists():
        path.write_text(text)
    ran = subprocess.run(
        [python, "-I", "-S", path, *arguments], capture_output=True, text=True, cwd=folder, check=False
    )
    return ran.returncode, ran.stdout


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the scripts have their homes."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.mark.parametrize("arguments", SHOWN)
def test_script_shows_the_violation_and_leaves_nothing(
    arguments: str, tmp_path: Path, temporary: Path
) -> None:
    status, said = run(tmp_path, text_of(arguments))
    assert re.fullmatch(SHOWN[arguments], said.splitlines()[-1])
    assert status == 1
    assert not list(temporary.iterdir())


def test_script_shows_it_every_time(tmp_path: Path) -> None:
    assert statuses(text_of(RACE), tmp_path) == [1] * 20


@pytest.mark.long
@pytest.mark.parametrize("arguments", SHOWN)
def test_every_script_shows_it_every_time(arguments: str, tmp_path: Path) -> None:
    assert statuses(text_of(arguments), tmp_path) == [1] * 20


def statuses(text: str, folder: Path) -> list[int]:
    """How 20 runs of a script end, of which three go on at a time."""
    with ThreadPoolExecutor(3) as pool:
        return [status for status, _ in pool.map(lambda _: run(folder, text), range(20))]


@pytest.mark.parametrize("version", ("3.11", "3.12", "3.13"))
def test_script_runs_on_every_python(version: str, tmp_path: Path) -> None:
    found = {f"{sys.version_info[0]}.{sys.version_info[1]}": sys.executable}
    for folder in Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions").glob("3.*"):
        found.setdefault(folder.name.rpartition(".")[0], str(folder / "bin" / "python"))
    python = found.get(version) or shutil.which(f"python{version}")
    if python is None:
        pytest.skip(f"there is no Python {version} here")
    arguments = "direct-unlink two-starts-empty-1-sigterm A1 B8 term-B B4 A7 B1"
    assert run(tmp_path, text_of(arguments), python=python)[0] == 1


def test_text_is_as_written() -> None:
    assert text_of(RACE) == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize("arguments", SHOWN)
def test_script_needs_nothing_but_the_standard_library(arguments: str) -> None:
    text = text_of(arguments)
    imported = re.findall(r"^(?:from|import) ([\w.]+)", text, re.MULTILINE)
    assert {name.partition(".")[0] for name in imported} <= {*sys.stdlib_module_names, "records"}
    assert not re.search(r"/(root|tmp/|home/(?!user/\.hermes|user\b)|usr|work)", text.replace("/usr/bin", ""))
    assert max(map(len, text.splitlines())) <= 110


@pytest.mark.parametrize("arguments", REFUSED)
def test_what_no_script_can_show_is_refused(arguments: str) -> None:
    with pytest.raises(NotShown) as caught:
        text_of(arguments)
    assert str(caught.value) == REFUSED[arguments]


def test_two_subjects_are_refused() -> None:
    subject = find_subject("reference", "unlinked-lock")
    scenario = find_scenario("start-and-other-start-empty")
    trace = replay(subject, scenario, parse_schedule("B2 A36 B10"))
    with pytest.raises(NotShown, match="two subjects run in one home, and a script can run only one"):
        script(subject, examine(subject), scenario, trace, "repro.py")


SIGNALS = {
    "the dead": "os.kill(99, signal.SIGTERM)",
    "a group": "os.killpg(os.getpgrp(), signal.SIGTERM)",
    "itself": "os.kill(os.getpid(), signal.SIGTERM)",
}


@pytest.mark.parametrize("whom", SIGNALS)
def test_script_signals_nobody_but_its_own_processes(whom: str, tmp_path: Path) -> None:
    (tmp_path / "owns.py").write_text("def gateway(home, serve):\n    home.exists()\n    serve()\n")
    (tmp_path / "sends.py").write_text(
        "import os, signal\nfrom contextlib import suppress\ndef gateway(home, serve):\n"
        "    signal.signal(signal.SIGTERM, lambda number, frame: None)\n"
        f"    with suppress(ProcessLookupError):\n        {SIGNALS[whom]}\n    serve()\n"
    )
    with pytest.raises(NotShown, match=r"^a script cannot (send kill|see whether only_the)"):
        told("sends.py", "A until it owns", "B until it owns")
    status, said = run(tmp_path, told("owns.py", "A until it owns", "B until it owns"), "sends.py")
    assert (status, said.count("\n")) == (2, 1)
    assert "does not make stat(.), but comes to kill(" in said


def test_module_of_the_maintainer_is_found_by_its_path(tmp_path: Path) -> None:
    package = tmp_path / "ours"
    package.mkdir()
    (package / "__init__.py").touch()
    for name in ("direct_unlink", "records"):
        source = Path(__file__).parents[2] / "stateful" / "subjects" / f"{name}.py"
        (package / f"{name}.py").write_text(source.read_text().replace("from stateful.subjects", "from ours"))
    (package / "other.py").write_text((package / "direct_unlink.py").read_text())
    (package / "fixed.py").write_text(NO_GATEWAY)
    text = text_of("ours/direct_unlink.py two-starts-empty A1 B8 A7")
    assert 'MODULE = "ours/direct_unlink.py"\n' in text
    assert str(tmp_path) not in text
    assert run(tmp_path, text)[0] == 1
    assert run(tmp_path, text, "ours/other.py")[0] == 1
    assert run(tmp_path, text, "ours.other")[0] == 1
    status, said = run(tmp_path, text, "ours/fixed.py")
    assert status == 2
    assert re.search(
        r"Step 1: A \(pid \d+\) does not make open\(gateway.pid\), but comes to exit\(\)\.$", said
    )


def test_built_in_subject_can_be_exchanged_for_a_module(tmp_path: Path) -> None:
    (tmp_path / "fixed.py").write_text(
        "def get_running_pid():\n    return 42\ndef write_pid_file(): ...\ndef remove_pid_file(): ...\n"
    )
    assert run(tmp_path, text_of(RACE), "fixed.py")[0] == 2


def test_gateway_is_known_by_its_command_line(tmp_path: Path) -> None:
    (tmp_path / "looks.py").write_text(BY_COMMAND_LINE)
    text = told(
        "looks.py", "A until open(gateway.pid, CREAT|TRUNC)", "B until it owns", "start-C", "C until it ends"
    )
    status, said = run(tmp_path, text)
    assert (status, said.splitlines()[-2]) == (1, ""), said
    assert "C  open(/proc/B/cmdline)" in said


def test_second_descriptors_and_copies_are_shown(tmp_path: Path) -> None:
    (tmp_path / "copies.py").write_text(COPIES)
    text = told("copies.py", "A until open(a temporary file)", "B until it owns", "A until it owns")
    steps = text.partition('STEPS = """\n')[2].partition('"""')[0]
    assert "A dup(mine.A)\nA write(mine.A)\nA close(mine.A)\nA close(mine.A)\n" in steps
    assert "B sendfile(gateway.pid)\n" in steps
    assert "B copy_file_range(gateway.pid)\n" in steps
    status, said = run(tmp_path, text)
    assert status == 1, said
    assert re.search(BOTH_OWN, said.splitlines()[-1])


def test_random_names_locks_sleeps_and_handlers_are_shown(tmp_path: Path) -> None:
    (tmp_path / "busy.py").write_text(BUSY)
    text = told(
        "busy.py",
        "A until it owns",
        "replace-C",
        "C until sleep()",
        "A until unlink(gateway.pid)",
        "C until it owns",
        "A until it ends",
    )
    steps = text.partition('STEPS = """\n')[2].partition('"""')[0]
    assert "A write(*.A)\n" in steps
    assert "C kill(A, SIGTERM)\nC sleep()\nA handles SIGTERM\n".replace("C sleep()\n", "") in steps
    status, said = run(tmp_path, text)
    assert status == 1, said
    assert said.endswith("which is inside serve(): release_removes_only_own_record is violated.\n")


def test_end_of_the_script_is_the_end_of_its_processes(tmp_path: Path, temporary: Path) -> None:
    """Even if it is terminated in the middle: here a process never gets any further."""
    (tmp_path / "stuck.py").write_text("import select\nselect.select([], [], [])\n")
    text = text_of(RACE)
    (tmp_path / "repro.py").write_text(text)
    running = subprocess.Popen([sys.executable, tmp_path / "repro.py", "stuck.py"], cwd=tmp_path)
    until = time.monotonic() + 20
    while not list(temporary.iterdir()) and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(0.2)
    running.send_signal(signal.SIGTERM)
    assert running.wait(20) == 2
    assert not list(temporary.iterdir())
