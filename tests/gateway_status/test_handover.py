"""Replacing and stopping real gateways: which process ends, its exit status, and refusals."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from gateway_status import handover, markers
from gateway_status.identity import Verdict
from gateway_status.record import Record, describe

Launch = Callable[..., "subprocess.Popen[str]"]
Until = Callable[[Callable[[], Any]], Any]


def line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def ended(child: subprocess.Popen[str]) -> tuple[int, str]:
    """The exit status and what was said."""
    _, said = child.communicate(timeout=20)
    return child.returncode, said


def end(status: ModuleType) -> Any:
    return handover.end(status.host, status.claim, markers.PLANNED_STOP_FILE)


# -- who is ended, and how it exits ---------------------------------------------------------------


def test_replaced_owner_exits_zero_and_the_replacer_owns(
    launch: Launch, status: ModuleType, home: Path
) -> None:
    owner = launch()
    assert line(owner) == "owner"

    replacer = launch(replace=True)

    assert line(replacer) == "owner"
    code, said = ended(owner)
    assert code == 0
    assert "exit status 0: it was replaced or stopped on purpose" in said
    assert status.get_running_pid() == replacer.pid
    assert not (home / markers.TAKEOVER_FILE).exists()
    replacer.kill()
    assert f"took the place of pid {owner.pid}, since 20" in ended(replacer)[1]


def test_stopped_owner_exits_zero_and_nothing_is_left(launch: Launch, status: ModuleType, home: Path) -> None:
    owner = launch()
    assert line(owner) == "owner"

    assert end(status).pid == owner.pid

    assert ended(owner)[0] == 0
    assert not {"gateway.pid", markers.PLANNED_STOP_FILE} & set(os.listdir(home))
    assert end(status) is None


def test_replace_of_nobody_is_a_start(launch: Launch) -> None:
    assert line(launch(replace=True)) == "owner"


def test_replacer_of_a_replacer_owns_in_the_end(launch: Launch, status: ModuleType) -> None:
    """Each of them is replaced on purpose, so that no supervisor revives it."""
    gateways = []
    for _ in range(4):
        gateways.append(launch(replace=True))
        assert line(gateways[-1]) == "owner"

    assert [ended(each)[0] for each in gateways[:-1]] == [0, 0, 0]
    assert status.get_running_pid() == gateways[-1].pid


def test_owner_told_to_end_by_many_exits_zero(launch: Launch, status: ModuleType) -> None:
    """A second replacer, or the supervisor, may tell it so while the interpreter shuts down."""
    owner = launch()
    assert line(owner) == "owner"
    status.write_takeover_marker(owner.pid)

    while owner.poll() is None:
        owner.terminate()

    assert ended(owner)[0] == 0


def test_owner_whose_draining_takes_too_long_is_killed(launch: Launch, status: ModuleType) -> None:
    owner = launch("""
        try:
            print("works", flush=True)
            time.sleep(60)
        finally:
            time.sleep(60)
    """)
    assert (line(owner), line(owner)) == ("owner", "works")

    replacer = launch(replace=True, grace_s=0.2)

    assert line(replacer) == "owner"
    assert ended(owner)[0] == -signal.SIGKILL
    assert status.get_running_pid() == replacer.pid


def test_stop_during_a_replace_ends_the_replacer_and_takes_its_marker_back(
    launch: Launch, status: ModuleType, home: Path, until: Until
) -> None:
    owner = launch("signal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('deaf', flush=True)\ntime.sleep(60)")
    assert (line(owner), line(owner)) == ("owner", "deaf")
    replacer = launch(replace=True)
    until((home / markers.TAKEOVER_FILE).exists)

    replacer.terminate()

    code, said = ended(replacer)
    assert code == 1
    assert said == "gateway: SIGTERM ended it before it began\n"
    assert not (home / markers.TAKEOVER_FILE).exists()
    assert status.get_running_pid() == owner.pid


# -- who is not -----------------------------------------------------------------------------------


@pytest.fixture
def signals() -> Iterator[list[int]]:
    """The signals that are sent, other than 0; none arrives before the test has ended."""
    sent: list[int] = []
    kill = os.kill
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signal, "pidfd_send_signal", lambda fd, number: sent.append(number))
        patch.setattr(os, "kill", lambda pid, number: sent.append(number) if number else kill(pid, 0))
        yield sent


def test_gateway_of_a_copied_home_is_left_alone(
    launch: Launch, home: Path, tmp_path_factory: pytest.TempPathFactory, signals: list[int]
) -> None:
    owner = launch()
    assert line(owner) == "owner"
    copy = tmp_path_factory.mktemp("copy") / "home"
    shutil.copytree(home, copy)

    newcomer = launch(replace=True, at=copy)

    assert line(newcomer) == "owner"
    assert owner.poll() is None
    assert signals == []


def test_copied_record_without_a_home_is_not_signalled(
    launch: Launch,
    status: ModuleType,
    signals: list[int],
    tmp_path: Path,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    owner = launch()
    assert line(owner) == "owner"
    record = json.loads((home / "gateway.pid").read_text())
    del record["home"]
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "gateway.pid").write_text(json.dumps(record))
    monkeypatch.setenv("HERMES_HOME", str(tmp_path / "copy"))
    assert status.get_running_pid() == owner.pid

    with pytest.raises(handover.NotEnded, match=f"process {owner.pid} does not hold the lock of this home"):
        end(status)

    assert signals == []


def test_gateway_that_cannot_be_verified_is_not_signalled(
    launch: Launch, status: ModuleType, signals: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = launch()
    assert line(owner) == "owner"
    monkeypatch.setattr(status, "_get_process_start_time", lambda pid: None)
    monkeypatch.setattr(status, "_read_process_cmdline", lambda pid: None)

    with pytest.raises(handover.NotEnded, match=f"whether process {owner.pid} is"):
        end(status)

    assert signals == []


def test_own_process_is_not_signalled(status: ModuleType, signals: list[int]) -> None:
    assert status.acquire_gateway_runtime_lock()
    status.write_pid_file()

    with pytest.raises(handover.NotEnded, match="this process itself"):
        end(status)

    assert signals == []


def test_gateway_of_another_user_is_a_refusal_in_words(
    launch: Launch, status: ModuleType, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    owner = launch()
    assert line(owner) == "owner"

    def refuse(fd: int, number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(signal, "pidfd_send_signal", refuse)

    with pytest.raises(handover.NotEnded, match=f"process {owner.pid} belongs to another user"):
        end(status)

    assert not (home / markers.PLANNED_STOP_FILE).exists()


def test_gateway_that_ended_before_the_signal_was_ended(
    launch: Launch, status: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = launch()
    assert line(owner) == "owner"
    write = markers.write

    def write_too_late(*args: Any) -> bool:
        owner.kill()
        owner.wait()
        return write(*args)

    monkeypatch.setattr(markers, "write", write_too_late)

    assert end(status).pid == owner.pid


def test_successor_of_a_gateway_that_ended_meanwhile_is_not_signalled(
    launch: Launch, status: ModuleType, monkeypatch: pytest.MonkeyPatch, signals: list[int]
) -> None:
    owner = launch("sys.stdin.readline()\nos._exit(1)")
    assert line(owner) == "owner"
    is_locked, successors = status.claim.is_locked, []

    def change_owners(path: Path) -> bool:
        answer = is_locked(path)
        owner.communicate()
        successors.append(launch())
        assert line(successors[0]) == "owner"
        return answer

    monkeypatch.setattr(status.claim, "is_locked", change_owners)

    assert end(status).pid == owner.pid

    assert signals == []
    assert successors[0].poll() is None
    assert status.get_running_pid() == successors[0].pid


def test_stranger_that_gets_the_pid_after_the_first_look_is_not_signalled(
    status: ModuleType, home: Path, monkeypatch: pytest.MonkeyPatch, signals: list[int]
) -> None:
    """Its start time is then the one that the pidfd is verified by, so the record is judged once more."""
    status.acquire_gateway_runtime_lock()
    record = Record(os.getppid(), start_time=1)
    (home / "gateway.pid").write_text(json.dumps(describe(record)))
    running, answers = status.claim.running, [(Verdict.LIVE, record)]
    monkeypatch.setattr(
        status.claim, "running", lambda *how, **more: answers.pop() if answers else running(*how, **more)
    )

    assert end(status) == record

    assert answers == [] and signals == []


def test_gateway_that_survives_everything_is_a_refusal_in_words(
    launch: Launch, status: ModuleType, signals: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = launch()
    assert line(owner) == "owner"
    monkeypatch.setattr(handover, "GRACE_S", 0.01)
    monkeypatch.setattr(handover, "LAST_GRACE_S", 0.01)

    with pytest.raises(handover.NotEnded, match=f"process {owner.pid} survives SIGKILL"):
        end(status)

    assert signals == [signal.SIGTERM, signal.SIGKILL]
    assert status.get_running_pid() == owner.pid
