"""Who leaves crashes to an operator still leaves a free home when a process ends by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from stateful.model.standard import find_scenario
from stateful.verification.verification import verify

HEAD: Final = """import os, signal, sys
not_offered = {"a_dead_owner_can_be_replaced": "an operator removes the lock"}
documented_errors = (KeyboardInterrupt, RuntimeError)

def claim(home):
    try:
        os.close(os.open(home / "app.lock", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        sys.exit(1)

def leave(*_):
    sys.exit(0)
"""
# Each as it is, and mended.
KINDS: Final = {
    "a return": (
        "start-and-exit-empty",
        """def gateway(home, serve):
    claim(home)
    serve()
""",
        """def gateway(home, serve):
    claim(home)
    serve()
    os.unlink(home / "app.lock")
""",
    ),
    "an exit": (
        "start-and-exit-empty",
        """def gateway(home, serve):
    claim(home)
    serve()
    sys.exit(3)
""",
        """def gateway(home, serve):
    claim(home)
    serve()
    os.unlink(home / "app.lock")
    sys.exit(3)
""",
    ),
    "an exception": (
        "start-and-exit-empty",
        """def gateway(home, serve):
    claim(home)
    serve()
    raise RuntimeError("its work went wrong")
""",
        """def gateway(home, serve):
    claim(home)
    try:
        serve()
        raise RuntimeError("its work went wrong")
    finally:
        os.unlink(home / "app.lock")
""",
    ),
    "SIGTERM that is handled": (
        "start-and-exit-empty-1-sigterm",
        """def gateway(home, serve):
    signal.signal(signal.SIGTERM, leave)
    claim(home)
    serve()
    os.unlink(home / "app.lock")
""",
        """def gateway(home, serve):
    claim(home)
    serve()
    os.unlink(home / "app.lock")
""",
    ),
    "SIGINT": (
        "start-and-exit-empty-1-sigint",
        """def gateway(home, serve):
    claim(home)
    try:
        serve()
    finally:
        os.unlink(home / "app.lock")
""",
        """def gateway(home, serve):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    claim(home)
    serve()
    os.unlink(home / "app.lock")
""",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_end_that_leaves_the_lock_is_found(kind: str, tmp_path: Path) -> None:
    scenario, broken, mended = KINDS[kind]
    for name, source in (("broken", broken), ("mended", mended)):
        (tmp_path / f"{name}.py").write_text(HEAD + source)
    found = verify(str(tmp_path / "broken.py"), [find_scenario(scenario)])
    assert set(found.violations) == {"an_end_leaves_the_home_free"}
    found = verify(str(tmp_path / "mended.py"), [find_scenario(scenario)])
    assert not found.violations


def test_lock_that_was_there_before_is_an_operator_s(tmp_path: Path) -> None:
    (tmp_path / "right.py").write_text(HEAD.replace("app.lock", "gateway.pid") + KINDS["a return"][2])
    names = ("one-start-stale", "start-and-exit-stale", "two-starts-stale-1-kill")
    found = verify(str(tmp_path / "right.py"), [find_scenario(name) for name in names])
    assert not found.violations


def test_killed_process_may_leave_the_lock(tmp_path: Path) -> None:
    (tmp_path / "right.py").write_text(HEAD + KINDS["a return"][2])
    found = verify(str(tmp_path / "right.py"), [find_scenario("exit-and-start-empty-2-kills")])
    assert not found.violations
