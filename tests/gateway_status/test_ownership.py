"""What root makes in a user's home belongs to the user, so that the user's next start succeeds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from gateway_status import locks, ownership
from gateway_status.record import CREATE_FLAGS, publish_json

USER: Final = 12_345
pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root makes files for others")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "user"
    home.mkdir()
    os.chown(home, USER, USER)
    return home


def users(home: Path) -> dict[str, int]:
    return {path.relative_to(home).as_posix(): path.lstat().st_uid for path in home.rglob("*")}


def test_gateway_of_root_leaves_files_of_the_user(home: Path) -> None:
    code = "from gateway_status.gateway import run_gateway; raise SystemExit(run_gateway(lambda: None))"
    environment = {**os.environ, "HERMES_HOME": str(home / "made" / ".hermes")}
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    found = users(home)
    assert {"made", "made/.hermes", "made/.hermes/gateway.lock", "made/.hermes/gateway.guard"} <= {*found}
    assert "made/.hermes/gateway_state.json" in found
    assert "made/.hermes/gateway-starts.log" in found
    assert {*found.values()} == {USER}
    assert all("." not in name.removeprefix("made/.hermes/gateway") or "lock." not in name for name in found)


def test_record_of_root_belongs_to_the_user(home: Path) -> None:
    publish_json(home / "gateway.pid", {"pid": 1})
    assert users(home) == {"gateway.pid": USER}


def test_file_that_is_there_stays_whose_it_is(home: Path) -> None:
    (home / "gateway.lock").touch()
    held = locks.acquire(str(home))
    assert held is not None
    os.close(held.fd)
    assert users(home) == {"gateway.lock": 0, "gateway.guard": USER}


def test_planted_link_in_the_way_is_not_followed(home: Path, tmp_path: Path) -> None:
    """A user cannot have root give away, or empty, a file that a link leads to."""
    secret = tmp_path / "secret"
    secret.write_text("secret")
    for name in (f"gateway.guard.{os.getpid()}", f"gateway.lock.{os.getpid()}", "gateway.pid.new"):
        (home / name).symlink_to(secret)
    held = locks.acquire(str(home))
    assert held is not None
    os.close(held.fd)
    publish_json(home / "gateway.pid", {"pid": 1})
    assert (secret.read_text(), secret.stat().st_uid) == ("secret", 0)
    assert users(home) == dict.fromkeys(("gateway.lock", "gateway.guard", "gateway.pid"), USER)


def test_without_hard_links_root_makes_the_file_for_itself(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: Any) -> None:
        raise PermissionError

    monkeypatch.setattr(ownership.os, "link", link)
    ownership.make_for_user(str(home / "file"), CREATE_FLAGS)
    assert users(home) == {}
    held = locks.acquire(str(home))
    assert held is not None
    os.close(held.fd)
    assert users(home) == {"gateway.lock": 0, "gateway.guard": 0}


def test_ordinary_user_makes_no_call_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ownership.os, "geteuid", lambda: USER)
    monkeypatch.setattr(ownership.os, "stat", None)
    monkeypatch.setattr(ownership.os, "fchown", None)
    publish_json(tmp_path / "gateway.pid", {"pid": 1})
    ownership.make_for_user(str(tmp_path / "lock"), CREATE_FLAGS)
    assert [path.name for path in tmp_path.iterdir()] == ["gateway.pid"]
