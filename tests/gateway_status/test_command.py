"""The command line: its output, verbatim, and the exit status."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = (sys.executable, "-S")
COMMAND = (*PYTHON, "-m", "gateway_status")
STOP_IT = "stop it with `python -m gateway_status stop`"
NONE_RUNS = "gateway: none runs in {home}; start one with `python -m gateway_status run`\n"

Start = Callable[..., "subprocess.Popen[str]"]
Answer = tuple[int, str, str]


def answer(child: subprocess.Popen[str]) -> Answer:
    out, err = child.communicate(timeout=20)
    return child.returncode, out, err


def first_line(child: subprocess.Popen[str]) -> str:
    """What a gateway says when it runs."""
    assert child.stderr is not None
    return child.stderr.readline()


def since(home: Path) -> str:
    text: str = json.loads((home / "gateway.pid").read_text())["since"]
    return text


# -- one gateway ----------------------------------------------------------------------------------


def test_gateway_runs_is_asked_for_refuses_another_and_is_stopped(start: Start, home: Path) -> None:
    gateway = start("run")
    said = first_line(gateway)
    who = f"pid {gateway.pid}, since {since(home)}"

    assert said == f"gateway: runs in {home}: {who}; {STOP_IT}\n"
    assert answer(start("status")) == (0, f"gateway: runs in {home}: {who}\n", "")
    assert answer(start("run")) == (
        1,
        "",
        f"gateway: one runs already in {home}: {who}; {STOP_IT}, or take its place with `run --replace`\n",
    )
    assert answer(start("stop")) == (0, f"gateway: stopped in {home}: {who}\n", "")
    assert answer(gateway) == (
        0,
        "",
        f"gateway: ends in {home} with exit status 0: it was replaced or stopped on purpose\n",
    )
    assert answer(start("stop")) == (0, f"gateway: none runs in {home}; nothing is to be done\n", "")
    assert answer(start("status")) == (3, NONE_RUNS.format(home=home), "")


def test_replace_takes_the_place_and_says_of_whom(start: Start, home: Path) -> None:
    first = start("run")
    first_line(first)
    who = f"pid {first.pid}, since {since(home)}"

    second = start("run", "--replace")

    assert first_line(second) == f"gateway: took the place of {who}\n"
    assert f"pid {second.pid}" in first_line(second)
    assert answer(first)[0] == 0


@pytest.mark.parametrize("number", (signal.SIGINT, signal.SIGTERM), ids=("ctrl-c", "sigterm"))
def test_unannounced_end_is_told_and_exits_one(start: Start, home: Path, number: signal.Signals) -> None:
    gateway = start("run")
    first_line(gateway)

    gateway.send_signal(number)

    assert answer(gateway) == (
        1,
        "",
        f"gateway: ends in {home} with exit status 1: {number.name} ended it, which nobody announced\n",
    )


def test_status_as_json(start: Start, home: Path) -> None:
    code, out, err = answer(start("status", "--json"))
    assert (code, json.loads(out), err) == (
        3,
        {"home": str(home), "running": False, "pid": None, "since": None, "state": None},
        "",
    )
    gateway = start("run")
    first_line(gateway)

    code, out, err = answer(start("status", "--json"))

    found = json.loads(out)
    del found["state"]
    assert (code, found, err) == (
        0,
        {"home": str(home), "running": True, "pid": gateway.pid, "since": since(home)},
        "",
    )


def test_status_changes_nothing(start: Start, home: Path, dead_pid: int) -> None:
    (home / "gateway.pid").write_text(json.dumps({"pid": dead_pid, "kind": "hermes-gateway"}))

    assert answer(start("status"))[0] == 3
    assert answer(start("doctor"))[0] == 0

    assert os.listdir(home) == ["gateway.pid"]


# -- wrong input, and nobody who listens ----------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "says"),
    (
        ([], "the following arguments are required: VERB"),
        (["status", "--xml"], "unrecognized arguments: --xml"),
        (["stop", "now"], "unrecognized arguments: now"),
    ),
    ids=("no-verb", "option", "word"),
)
def test_wrong_input_is_one_line(start: Start, words: list[str], says: str) -> None:
    assert answer(start(*words)) == (2, "", f"gateway: {says}; see `python -m gateway_status --help`\n")


def test_unknown_verb_is_one_line_that_names_the_verbs(start: Start) -> None:
    code, out, err = answer(start("restart"))

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert all(verb in err for verb in ("'restart'", "run", "status", "stop", "doctor"))


@pytest.mark.parametrize("verb", ("status", "stop", "doctor"))
def test_answer_that_nobody_reads_ends_quietly(start: Start, verb: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    child = start(verb, stdout=writer)
    os.close(writer)

    assert (answer(child)[0], answer(child)[2]) == (141, "")


def test_answer_on_a_full_disk_is_told(start: Start) -> None:
    with open("/dev/full", "w") as full:
        code, _, err = answer(start("status", stdout=full))

    assert (code, err) == (1, "gateway: the answer could not be written: No space left on device\n")


def test_closed_stdout_and_stderr_harm_nobody(start: Start, home: Path) -> None:
    closed = subprocess.run(
        ["sh", "-c", 'exec "$@" >&- 2>&-', "sh", *COMMAND, "status"],
        env={"HERMES_HOME": str(home), "PYTHONPATH": str(ROOT), "PATH": os.defpath},
    )
    assert closed.returncode == 3
    gateway = start("run", stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    while answer(start("status"))[0] != 0:
        assert gateway.poll() is None

    assert answer(start("stop"))[0] == 0
    assert gateway.wait(20) == 0


def test_interrupted_stop_says_so_and_takes_its_marker_back(start: Start, home: Path) -> None:
    gateway = start("run")
    first_line(gateway)
    gateway.send_signal(signal.SIGSTOP)
    stop = start("stop")
    while not (home / ".gateway-planned-stop.json").exists():
        assert stop.poll() is None

    stop.send_signal(signal.SIGINT)

    assert answer(stop) == (1, "", "gateway: interrupted\n")
    assert not (home / ".gateway-planned-stop.json").exists()


# -- homes ----------------------------------------------------------------------------------------


def test_home_with_spaces(start: Start, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = home / "my home; rm"
    monkeypatch.setenv("HERMES_HOME", str(odd))
    assert answer(start("status")) == (3, NONE_RUNS.format(home=odd), "")
    gateway = start("run")

    assert first_line(gateway).startswith(f"gateway: runs in {odd}: pid {gateway.pid}, since 20")
    assert answer(start("stop"))[1].startswith(f"gateway: stopped in {odd}: pid {gateway.pid}, since")


def test_home_that_is_a_file(start: Start, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = home / "file"
    file.touch()
    monkeypatch.setenv("HERMES_HOME", str(file))

    assert answer(start("status")) == (3, NONE_RUNS.format(home=file), "")
    assert answer(start("stop"))[0] == 0
    code, _, err = answer(start("run"))
    assert (code, err.count("\n")) == (78, 1)
    assert err.endswith("Not a directory; `python -m gateway_status doctor` says more\n")
    assert str(file) in err
    assert answer(start("doctor")) == (
        1,
        f"{file}:\n"
        "  home  is no directory; move it away, or set HERMES_HOME to another one\n"
        "No gateway is found, and none can start before something is done about home.\n",
        "",
    )


@pytest.mark.parametrize("kind", ("full-directory", "link", "dangling-link", "socket"))
@pytest.mark.parametrize("name", ("gateway.lock", "gateway.guard"))
def test_lock_file_that_is_none_ends_a_start_for_good(
    start: Start, home: Path, put_in_the_way: Callable[[Path, str], Path], name: str, kind: str
) -> None:
    if kind == "full-directory":
        (home / name / "something").mkdir(parents=True)
    else:
        put_in_the_way(home / name, kind)

    code, _, err = answer(start("run"))

    assert (code, err.count("\n")) == (78, 1)
    assert err.startswith(f"gateway: {home / name}: could not tell the state of the gateway: ")
    assert err.endswith("; `python -m gateway_status doctor` says more\n")
    code, out, _ = answer(start("doctor"))
    assert (code, name in out.splitlines()[-1]) == (1, True)
