"""Identity: a verdict needs more than a pid, and a command line is compared word by word."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import types
from typing import Any, cast

import pytest

from gateway_status import identity
from gateway_status.host import Host
from gateway_status.identity import Verdict
from gateway_status.record import Record

GATEWAY, STRANGER = "hermes gateway run", "postgres -D data"
LIVE, STALE, UNSURE = Verdict.LIVE, Verdict.STALE, Verdict.UNSURE

needs_proc = pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="there is no /proc")


class Known:
    """A host of which everything is said."""

    def __init__(self, start_time: int | None, cmdline: str | None, *, windows: bool = False) -> None:
        self._start_time, self._cmdline, self.windows = start_time, cmdline, windows

    def start_time(self, pid: int) -> int | None:
        return self._start_time

    def cmdline(self, pid: int) -> str | None:
        return self._cmdline


def judge(record: Record | None, start_time: int | None, cmdline: str | None, **more: Any) -> Verdict:
    return identity.judge(record, cast(Host, Known(start_time, cmdline, **more))).verdict


CASES = (
    ("same process of this boot", 7, "here", 7, STRANGER, LIVE),
    ("same process, unreadable", 7, "here", 7, None, LIVE),
    ("another start", 7, "here", 8, GATEWAY, STALE),
    ("one tick off", 7, "here", 6, GATEWAY, STALE),
    ("another boot, equal ticks", 7, "before", 7, GATEWAY, STALE),
    ("another boot, no start time", None, "before", 7, GATEWAY, STALE),
    ("no boot, a gateway", 7, None, 7, GATEWAY, LIVE),
    ("no boot, unreadable", 7, None, 7, None, LIVE),
    ("no boot, a stranger with equal ticks", 7, None, 7, STRANGER, UNSURE),
    ("no start time, a gateway", None, None, 8, GATEWAY, LIVE),
    ("no start time, a stranger", None, None, 8, STRANGER, STALE),
    ("no start time, unreadable", None, None, 8, None, UNSURE),
    ("unreadable start time, a gateway", 7, "here", None, GATEWAY, LIVE),
    ("unreadable start time, a stranger", 7, "here", None, STRANGER, STALE),
    ("nothing known", None, None, None, None, UNSURE),
)


@pytest.mark.parametrize(
    ("recorded", "boot", "actual", "cmdline", "verdict"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_verdict_on_a_living_pid(
    monkeypatch: pytest.MonkeyPatch,
    recorded: int | None,
    boot: str | None,
    actual: int | None,
    cmdline: str | None,
    verdict: Verdict,
) -> None:
    monkeypatch.setattr(identity, "boot_id", lambda: "here")
    monkeypatch.setattr(identity, "is_zombie", lambda pid: False)
    monkeypatch.setattr(os, "kill", lambda pid, number: None)

    assert judge(Record(4242, recorded, boot), actual, cmdline) is verdict


@pytest.mark.parametrize("start_time", [None, 7])
def test_own_pid_in_a_record_without_start_time_proves_nothing(start_time: int | None) -> None:
    assert judge(Record(os.getpid()), start_time, GATEWAY) is UNSURE


def test_pid_of_another_user_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(pid: int, number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", kill)

    assert judge(Record(4242), 7, GATEWAY) is LIVE


def test_what_names_nobody_is_stale() -> None:
    assert judge(None, 7, GATEWAY) is STALE


def test_windows_is_not_asked_with_a_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "kill")
    psutil = types.SimpleNamespace(pid_exists=lambda pid: pid == 4242)
    monkeypatch.setitem(sys.modules, "psutil", psutil)

    assert on_windows(Record(4242, 7)) is LIVE
    assert on_windows(Record(4243, 7)) is STALE
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert on_windows(Record(4243, 7)) is LIVE


def on_windows(record: Record) -> Verdict:
    return judge(record, 7, GATEWAY, windows=True)


@needs_proc
def test_zombie_is_dead() -> None:
    child = subprocess.Popen([sys.executable, "-S", "-c", ""])
    try:
        deadline = time.monotonic() + 5
        while not identity.is_zombie(child.pid):
            assert time.monotonic() < deadline
            time.sleep(0.005)

        assert identity.start_time(child.pid) is None
        assert judge(Record(child.pid), None, GATEWAY) is STALE
    finally:
        child.wait()


@needs_proc
def test_start_time_survives_a_command_name_with_parentheses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = b"42 (a) R (b) 9) S " + b" ".join(b"%d" % field for field in range(4, 53)) + b"\n"
    monkeypatch.setattr(identity, "_read_proc", lambda name: content)

    assert identity.start_time(42) == 22


@pytest.mark.parametrize("content", [b"", b"42 (a) S 1", b"42 (a) S" + b" x" * 50, b"\xff" * 90])
def test_start_time_in_an_unreadable_stat_is_unknown(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(identity, "_read_proc", lambda name: content)

    assert identity.start_time(os.getpid()) is None


def test_without_proc_psutil_tells_centiseconds(monkeypatch: pytest.MonkeyPatch, dead_pid: int) -> None:
    psutil = pytest.importorskip("psutil")
    created = round(psutil.Process().create_time() * 100)
    monkeypatch.setattr(identity, "_read_proc", lambda name: None)
    monkeypatch.setattr(os.path, "exists", lambda path: False)

    assert identity.start_time(os.getpid()) == created
    assert identity.cmdline(os.getpid())
    assert not identity.is_zombie(os.getpid())
    assert identity.start_time(dead_pid) is None
    assert identity.boot_id() is None


def test_without_proc_and_psutil_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "_read_proc", lambda name: None)
    monkeypatch.setattr(os.path, "exists", lambda path: False)
    monkeypatch.setitem(sys.modules, "psutil", None)

    assert identity.start_time(os.getpid()) is None
    assert identity.cmdline(os.getpid()) is None
    assert not identity.is_zombie(os.getpid())


def test_command_line_keeps_the_words_that_have_spaces() -> None:
    code = "print(flush=True); input()  # hermes gateway run"
    with subprocess.Popen(
        [sys.executable, "-S", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None and child.stdin is not None
        child.stdout.readline()
        command = identity.cmdline(child.pid)

        assert command is not None
        assert code in identity._words(command)
        assert not identity.looks_like_gateway(command)
        child.stdin.write(b"\n")


GATEWAYS = (
    "hermes gateway",
    "hermes gateway run",
    "hermes gateway restart",
    "hermes gateway run --replace",
    "hermes --profile work gateway run",
    "hermes -p work gateway",
    "hermes --profile=work gateway --verbose",
    "/usr/local/bin/hermes gateway run",
    "hermes.exe gateway run",
    "hermes_cli/main.py gateway run",
    "python -m hermes_cli.main gateway run",
    "python3.11 -m hermes_cli.main --profile work gateway run --replace",
    "/usr/bin/python3 -X utf8 -u /srv/hermes_cli/main.py gateway",
    r"C:\Program Files\Python311\python.exe -m hermes_cli.main gateway run",
    r"C:\Python\pythonw.exe C:\srv\hermes_cli\main.py gateway",
    "python /usr/local/bin/hermes gateway run",
    "python -m gateway_status run",
    "gateway_status run",
    "python gateway/run.py",
    "/srv/gateway/run.py",
    "hermes-gateway",
    "/usr/bin/hermes-gateway --verbose",
    "pypy3 /usr/bin/hermes-gateway",
    "hermes gateway run 'unbalanced",
)

STRANGERS = (
    "",
    "hermes",
    "hermes gateway status",
    "hermes gateway stop",
    "hermes chat gateway",
    "hermes --profile gateway run",
    "hermes tui_gateway run",
    "tui_gateway run",
    "my-hermes gateway run",
    "hermes-gateway-exporter",
    "python -m hermes_cli.main gateway status",
    "python -m hermes_cli.mainly gateway run",
    "python -m gateway_status status",
    "python -c 'from hermes_cli.main import main; main()' hermes gateway run",
    "python -c 'hermes gateway run'",
    "python",
    "python -m",
    "python -X",
    "grep hermes gateway",
    "vim gateway/run.py",
    "tail -f hermes-gateway",
    "python my_gateway/run.py",
    "'hermes gateway run'",
    "bash -c 'hermes gateway run'",
)


@pytest.mark.parametrize("command", GATEWAYS)
def test_gateway_is_known_by_its_words(command: str) -> None:
    assert identity.looks_like_gateway(command)


@pytest.mark.parametrize("command", STRANGERS)
def test_stranger_is_not_taken_for_a_gateway(command: str) -> None:
    assert not identity.looks_like_gateway(command)
