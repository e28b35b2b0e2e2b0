"""``replay --script FILE``: write a stand-alone script, run it once, and say what it has shown."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from stateful.command.options import EXIT_STATUS, WrongInput
from stateful.command.output import check_writable, write
from stateful.deciders.result import UNKNOWN, VIOLATED
from stateful.report.script import NotShown, script
from stateful.scenario import Scenario
from stateful.subject import Offer, Subject
from stateful.trace import Trace

DEADLINE_S: Final = 60.0  # the script gives up before that
SHOWN: Final = 1  # its exit status


def check_new(path: Path) -> None:
    """Refuse a file that is there already, or cannot be written, before anything is spent on it."""
    if os.path.lexists(path):
        raise WrongInput(f"{path}: it exists already; remove it, or give another name")
    check_writable(path)


def write_script(subject: Subject, offer: Offer, scenario: Scenario, trace: Trace, path: Path) -> int:
    """Write the script of a trace, run it, and say what it has shown; the exit status."""
    try:
        text = script(subject, offer, scenario, trace, path.name)
    except NotShown as why:
        raise WrongInput(f"{path}: not written, since {why}") from None
    write(path, text)
    try:
        ran = subprocess.run(
            [sys.executable, path],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=DEADLINE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        print(f"\nScript:  {path} does not end here within {DEADLINE_S:g} s")
        return EXIT_STATUS[UNKNOWN]
    said = [*ran.stderr.strip().splitlines(), *ran.stdout.strip().splitlines()][-1:] or ["nothing"]
    if ran.returncode == SHOWN and said[0].endswith(" is violated."):
        print(f"\nScript:  {path} shows it with real processes: {said[0]}")
        return EXIT_STATUS[VIOLATED]
    print(f"\nScript:  {path} does not show it here. It ends with {ran.returncode} and says: {said[0]}")
    return EXIT_STATUS[UNKNOWN]
