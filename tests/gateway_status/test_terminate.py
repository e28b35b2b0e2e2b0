"""Signals reach the intended process and no other."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from gateway_status.terminate import Victim


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    if process.returncode is None:
        process.kill()
    process.communicate()


@pytest.fixture(params=("pidfd", "polling"))
def means(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With what a process is told from the next one that has its pid."""
    if request.param == "polling":
        monkeypatch.delattr(os, "pidfd_open")
    name: str = request.param
    return name


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """What is sent with os.kill; nothing arrives."""
    signals: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: signals.append((pid, number)))
    return signals


# -- whom -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("force", (False, True), ids=("ask", "force"))
@pytest.mark.parametrize("verified", (False, True), ids=("any", "verified"))
def test_process_ends_by_the_signal(
    status: ModuleType, child: subprocess.Popen[bytes], means: str, force: bool, verified: bool
) -> None:
    start_time = status.get_process_start_time(child.pid) if verified else None

    status.terminate_pid(child.pid, force=force, expected_start_time=start_time)

    assert child.wait(20) == -(signal.SIGKILL if force else signal.SIGTERM)


def test_namesake_is_spared(status: ModuleType, child: subprocess.Popen[bytes], means: str) -> None:
    start_time = status.get_process_start_time(child.pid)

    for force in (False, True):
        with pytest.raises(ProcessLookupError, match="belongs to another process now"):
            status.terminate_pid(child.pid, force=force, expected_start_time=start_time + 1)

    child.communicate(b"\n")
    assert child.returncode == 0


def test_process_that_is_gone_is_told(status: ModuleType, dead_pid: int, means: str) -> None:
    for expected in (None, 5):
        with pytest.raises(ProcessLookupError):
            status.terminate_pid(dead_pid, expected_start_time=expected)


@pytest.mark.parametrize("windows", (False, True), ids=("posix", "windows"))
@pytest.mark.parametrize("pid", (1, 0, -1, -5, True, "5", None, 5.0), ids=repr)
def test_pid_that_means_more_than_a_process_is_refused(
    status: ModuleType, monkeypatch: pytest.MonkeyPatch, sent: list[Any], pid: Any, windows: bool
) -> None:
    monkeypatch.setattr(status, "_IS_WINDOWS", windows)
    monkeypatch.setattr(status.subprocess, "run", lambda *words, **more: sent.append(words))

    for force in (False, True):
        with pytest.raises(status.GatewayStatusError, match=f"refused to signal pid {pid}"):
            status.terminate_pid(pid, force=force)

    assert sent == []


def test_own_process_is_refused(status: ModuleType, sent: list[Any]) -> None:
    with pytest.raises(status.GatewayStatusError, match="refused to signal"):
        status.terminate_pid(os.getpid(), expected_start_time=status.get_process_start_time(os.getpid()))

    assert sent == []


def test_process_whose_pid_is_given_again_before_the_signal_is_spared(
    status: ModuleType, child: subprocess.Popen[bytes], sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a pidfd the kernel tells it; without, the start time is looked at once more."""
    start_time = status.get_process_start_time(child.pid)
    with Victim(child.pid, start_time, status.host) as victim:
        child.communicate(b"\n")
        with pytest.raises(ProcessLookupError):
            victim.send(signal.SIGTERM)
    monkeypatch.delattr(os, "pidfd_open")
    answers = iter((start_time, start_time + 1))
    monkeypatch.setattr(status, "_get_process_start_time", lambda pid: next(answers))

    with (
        Victim(child.pid, start_time, status.host) as victim,
        pytest.raises(ProcessLookupError, match="is gone"),
    ):
        victim.send(signal.SIGTERM)

    assert sent == []


@pytest.mark.parametrize("code", (errno.ENOSYS, errno.EPERM, errno.EMFILE))
def test_system_that_gives_no_pidfd_is_polled(
    status: ModuleType, child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(pid: int) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "pidfd_open", refuse)

    status.terminate_pid(child.pid, expected_start_time=status.get_process_start_time(child.pid))

    assert child.wait(20) == -signal.SIGTERM


# -- whether it has ended -------------------------------------------------------------------------


def test_zombie_has_ended(status: ModuleType, child: subprocess.Popen[bytes], means: str) -> None:
    start_time = status.get_process_start_time(child.pid)
    with Victim(child.pid, start_time, status.host) as victim:
        assert not victim.has_ended(0.01)
        victim.send(signal.SIGKILL)

        # Nobody reaps it before the end of the test.
        assert victim.has_ended(20)


def test_process_that_does_not_end_is_waited_for_no_longer_than_asked(
    status: ModuleType, child: subprocess.Popen[bytes], means: str
) -> None:
    with Victim(child.pid, status.get_process_start_time(child.pid), status.host) as victim:
        begin = time.monotonic()
        assert not victim.has_ended(0.2)

        assert 0.2 <= time.monotonic() - begin < 5


def test_process_whose_pid_was_given_again_has_ended(
    status: ModuleType, child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    with Victim(child.pid, status.get_process_start_time(child.pid), status.host) as victim:
        monkeypatch.setattr(status, "_get_process_start_time", lambda pid: 1)

        assert victim.has_ended(0)


def test_no_descriptor_is_left_open(status: ModuleType, child: subprocess.Popen[bytes]) -> None:
    before = len(os.listdir("/dev/fd"))

    Victim(child.pid, status.get_process_start_time(child.pid), status.host).close()
    with pytest.raises(ProcessLookupError):
        Victim(child.pid, 1, status.host)

    assert len(os.listdir("/dev/fd")) == before


# -- Windows --------------------------------------------------------------------------------------


@pytest.fixture
def taskkill(status: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """How taskkill is run; it answers with what a test puts in front."""
    runs: list[Any] = []

    def run(command: list[str], **how: Any) -> subprocess.CompletedProcess[str]:
        runs.append((command, how))
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(status, "_IS_WINDOWS", True)
    monkeypatch.setattr(status.subprocess, "run", run)
    return runs


def test_windows_forces_with_taskkill(status: ModuleType, taskkill: list[Any], sent: list[Any]) -> None:
    status.terminate_pid(4242, force=True)

    assert taskkill == [
        (["taskkill", "/PID", "4242", "/T", "/F"], {"capture_output": True, "text": True, "timeout": 10})
    ]
    assert sent == []


def test_windows_asks_with_sigterm(status: ModuleType, taskkill: list[Any], sent: list[Any]) -> None:
    status.terminate_pid(4242)

    assert sent == [(4242, signal.SIGTERM)]
    assert taskkill == []


def test_windows_without_taskkill_sends_sigterm(
    status: ModuleType, taskkill: list[Any], sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(command: list[str], **how: Any) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(status.subprocess, "run", missing)

    status.terminate_pid(4242, force=True)

    assert sent == [(4242, signal.SIGTERM)]


@pytest.mark.parametrize(
    ("out", "err", "text"),
    (
        ("", "ERROR: Access is denied.\n", "ERROR: Access is denied."),
        ("ERROR: not found\n", "", "ERROR: not found"),
        ("", "", "exit status 128"),
    ),
    ids=("stderr", "stdout", "silent"),
)
def test_windows_error_of_taskkill_is_an_os_error_with_its_text(
    status: ModuleType, taskkill: list[Any], monkeypatch: pytest.MonkeyPatch, out: str, err: str, text: str
) -> None:
    monkeypatch.setattr(
        status.subprocess, "run", lambda words, **how: subprocess.CompletedProcess(words, 128, out, err)
    )

    with pytest.raises(OSError, match=text):
        status.terminate_pid(4242, force=True)


def test_windows_taskkill_that_hangs_is_an_os_error(
    status: ModuleType, taskkill: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(command: list[str], **how: Any) -> None:
        raise subprocess.TimeoutExpired(command, how["timeout"])

    monkeypatch.setattr(status.subprocess, "run", hang)

    with pytest.raises(OSError, match="taskkill could not end process 4242: it took longer than 10 s"):
        status.terminate_pid(4242, force=True)


def test_windows_namesake_is_spared(
    status: ModuleType, taskkill: list[Any], sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "_get_process_start_time", lambda pid: 7)

    for force in (False, True):
        with pytest.raises(ProcessLookupError):
            status.terminate_pid(4242, force=force, expected_start_time=8)
    status.terminate_pid(4242, force=True, expected_start_time=7)

    assert (len(taskkill), sent) == (1, [])
