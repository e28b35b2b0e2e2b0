"""The command line where files, the home or the gateway are another user's."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

NOBODY = 65_534

Start = Callable[..., "subprocess.Popen[str]"]
Answer = tuple[int, str, str]


def answer(child: subprocess.Popen[str]) -> Answer:
    out, err = child.communicate(timeout=20)
    return child.returncode, out, err


def first_line(child: subprocess.Popen[str]) -> str:
    """What a gateway says when it runs."""
    assert child.stderr is not None
    return child.stderr.readline()


@pytest.fixture
def open_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home that another user reaches."""
    if os.getuid() != 0:
        pytest.skip("only root can start a process of another user")
    with tempfile.TemporaryDirectory() as name:  # tmp_path is below a folder of this user alone
        path = Path(name)
        path.chmod(0o755)
        monkeypatch.setenv("HERMES_HOME", name)
        yield path


@pytest.mark.parametrize("name", ("gateway.lock", "gateway.guard", "gateway.pid"))
def test_file_of_another_user_ends_a_start_for_good(start: Start, open_home: Path, name: str) -> None:
    (open_home / name).touch(mode=0o600)
    (open_home / name).write_text("{}")
    os.chown(open_home, NOBODY, NOBODY)  # so that it could remove the file
    before = (open_home / name).stat()

    code, _, err = answer(start("run", as_nobody=True))

    assert (code, err) == (
        78,
        f"gateway: {open_home / name}: could not tell the state of the gateway: Permission denied; "
        "`python -m gateway_status doctor` says more\n",
    )
    assert (open_home / name).stat().st_ino == before.st_ino
    code, out, _ = answer(start("doctor", as_nobody=True))
    assert code == 1
    assert f"  belongs to user 0, and this one may not use it; give it to user {NOBODY}\n" in out
    assert out.endswith(f"none can start before something is done about {name}.\n")


def test_home_that_may_not_be_written_ends_a_start_for_good(start: Start, open_home: Path) -> None:
    code, _, err = answer(start("run", as_nobody=True))

    assert (code, err) == (
        78,
        f"gateway: {open_home}/gateway.guard: could not tell the state of the gateway: Permission denied; "
        "`python -m gateway_status doctor` says more\n",
    )
    assert answer(start("status", as_nobody=True))[0] == 3
    code, out, _ = answer(start("doctor", as_nobody=True))
    assert (code, out.splitlines()[1].split(maxsplit=1)) == (
        1,
        ["home", "may not be written by this user; give it to them, or set HERMES_HOME to another one"],
    )


def test_gateway_of_another_user_is_seen_and_not_stopped(start: Start, open_home: Path) -> None:
    for name in ("gateway.pid", "gateway.lock", "gateway.guard"):
        (open_home / name).touch()
    gateway = start("run")
    first_line(gateway)
    for path in open_home.iterdir():
        path.chmod(0o666)
    open_home.chmod(0o777)

    assert answer(start("status", as_nobody=True))[0] == 0
    assert answer(start("stop", as_nobody=True)) == (
        1,
        "",
        f"gateway: {open_home}: process {gateway.pid} belongs to another user; end it as that user\n",
    )
    assert answer(start("run", "--replace", as_nobody=True))[0] == 78
    assert gateway.poll() is None
    assert answer(start("stop"))[0] == 0
