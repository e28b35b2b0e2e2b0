"""What pytest prints of the Hypothesis machine of a broken protocol, verbatim: ``printed/NAME.txt``."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SIGNS = ("CI", "BUILD_NUMBER", "STATEFUL_REDIS")  # of continuous integration, and of a shared database
ROOT = Path(__file__).parents[2]
PRINTED = Path(__file__).parent / "printed"
HISTORY = ("foreign-guard", "direct-unlink", "guarded-lock", "unlinked-lock")
MUTANTS = (
    *("both-give-up", "check-then-overwrite", "claim-after-start", "exit-skips-handlers", "kill-minus-one"),
    *("no-check", "released-while-draining", "replace-drops-every-lock", "stopped-owner-blocks"),
    "zombie-counts-as-alive",
)
CHOSEN = "test_status.py::TestStatus::TestLongLives"
MOST_LINES = 60
MOST_RULES = 10


def printed(name: str, folder: Path) -> str:
    """What a user reads on a desk with profile ``ci``, without what differs between machines and runs.

    Where ``CI`` is set, pytest repeats the text of each failure in its summary.
    """
    shutil.copy(ROOT / "conftest.py", folder)
    (folder / "test_status.py").write_text(
        f'from stateful import conformance\n\nTestStatus = conformance("{name}")\n'
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", CHOSEN]
    environment = {name: value for name, value in os.environ.items() if name not in SIGNS}
    done = subprocess.run(
        [*command, "--hypothesis-profile", "ci"],
        cwd=folder,
        env=environment | {"COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout.replace(f"{ROOT}/", "").replace(f"{folder}/", "")
    said = re.sub(r"(?<=single_owner_machine.py:)[0-9]+", "...", said)
    said = re.sub(r" in [0-9.]+s( \([0-9:]+\))?", "", said)
    return re.sub(r"reproduce_failure\('[0-9.]+', b'[^']+'\)", "reproduce_failure(...)", said)


@pytest.mark.parametrize(
    "name", [*HISTORY[:1], *(pytest.param(name, marks=pytest.mark.long) for name in (*HISTORY[1:], *MUTANTS))]
)
def test_failure_is_printed_so(name: str, tmp_path: Path) -> None:
    said = printed(name, tmp_path)
    file = PRINTED / f"{name}.txt"
    assert said == file.read_text(), f"write it to {file} if it should be so"
    assert said.count("\n") <= MOST_LINES
    rules = [line for line in said.splitlines() if "state." in line and "teardown" not in line]
    assert len(rules) - 1 <= MOST_RULES, "the last one is the invariant"
