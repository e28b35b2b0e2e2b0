"""Stand-alone scripts: ``replay --script FILE`` writes and runs one, ``verify --confirm`` runs one unseen."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from stateful.command.options import EXIT_STATUS, WrongInput
from stateful.command.output import check_writable, write
from stateful.model.scenario import Scenario
from stateful.model.trace import Trace
from stateful.protocol.subject import Offer, Subject
from stateful.report.standalone_script import NotShown, script
from stateful.search.result import UNKNOWN, VIOLATED

DEADLINE_S: Final = 60.0  # the script gives up before that
SHOWN: Final = 1  # its exit status


def check_new(path: Path) -> None:
    """Refuse a file that exists, or cannot be written, before the schedule is executed."""
    if os.path.lexists(path):
        raise WrongInput(f"{path}: it exists already; remove it, or give another name")
    check_writable(path)


def write_script(subject: Subject, offer: Offer, scenario: Scenario, trace: Trace, path: Path) -> int:
    """Write the script of a trace, run it, and print what it has shown; return the exit status."""
    try:
        text = script(subject, offer, scenario, trace, path.name)
    except NotShown as why:
        raise WrongInput(f"{path}: not written, since {why}") from None
    write(path, text)
    is_shown, sentence = _outcome(path)
    print(f"\nScript:  {path} {sentence}")
    return EXIT_STATUS[VIOLATED if is_shown else UNKNOWN]


def contradiction(subject: Subject, offer: Offer, scenario: Scenario, trace: Trace) -> str | None:
    """What the script of a trace does instead; None if it shows the violation, or cannot be written."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "script.py")
        try:
            path.write_text(script(subject, offer, scenario, trace, path.name), encoding="utf-8")
        except NotShown:
            return None
        is_shown, sentence = _outcome(path)
        return None if is_shown else sentence


def _outcome(path: Path) -> tuple[bool, str]:
    """Run a script; whether it shows the violation, and what it does."""
    try:
        status, lines = _run(path)
    except subprocess.TimeoutExpired:
        return False, f"does not end here within {DEADLINE_S:g} s"
    said = lines[-1] if lines else "nothing"
    if status == SHOWN and said.endswith(" is violated."):
        return True, f"shows it with real processes: {said}"
    return False, f"does not show it here. It ends with {status} and says: {said}"


def _run(path: Path) -> tuple[int, list[str]]:
    """Run a script; return its exit status and output. It can clean up even if it is stopped early."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, path], stdout=pipe, stderr=pipe, text=True, errors="replace"
    ) as script:
        try:
            output, errors = script.communicate(timeout=DEADLINE_S)
        except BaseException:
            script.terminate()  # A kill would leave its folder and its processes behind.
            script.wait()
            raise
    return script.returncode, [*errors.strip().splitlines(), *output.strip().splitlines()]
