"""Case files on the command line: ``verify --save`` writes them, ``replay`` plays them again."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from stateful.command.options import EXIT_STATUS, WRONG_INPUT, WrongInput
from stateful.explain.case import SUFFIX, Case, Malformed, file_case, parse_case
from stateful.explain.case_player import FIXED, STALE, UNMODELLED, VIOLATED, Recalled, recall
from stateful.explain.case_writer import NotTold, tell
from stateful.model.chronicle import Chronicle
from stateful.model.standard import find_scenario
from stateful.report.chronicle_text import command
from stateful.report.text import LIMIT_COLUMNS, trace_text
from stateful.search.result import HOLDS, UNKNOWN
from stateful.search.result import VIOLATED as IS_VIOLATED
from stateful.verification.verification import Verification

STYLES: Final = {FIXED: "green", VIOLATED: "bold red", STALE: "yellow", UNMODELLED: "yellow"}


def save(found: Verification, folder: Path) -> list[str]:
    """Write a case for each violated invariant; return a line for each that says what was done."""
    said = []
    for invariant, trace in found.violations.items():
        if isinstance(trace, Chronicle):
            said.append(f"not saved: {invariant}, which `{command(trace)}` plays again")
            continue
        try:
            case = tell(found.subject, find_scenario(trace.scenario), trace)
            said.append(_write(case, folder))
        except (NotTold, Malformed) as error:
            said.append(f"not saved: {error}")
        except OSError as error:
            said.append(
                f"not saved: {invariant}, since nothing can be written to {folder} ({error.strerror})"
            )
    return said or ["not saved: nothing is violated"]


def _write(case: Case, folder: Path) -> str:
    """Write a case; return a line that says what was done."""
    path, is_new = file_case(case, folder)
    if not is_new:
        return f"kept: {path}, which says the same"
    beside = f", since {case.file_name} is another case" if path.name != case.file_name else ""
    return f"saved: {path}{beside}"


def is_cases(name: str) -> bool:
    """Whether an argument names a case file or a folder of them, rather than a subject."""
    return name.endswith(SUFFIX) or os.path.isdir(name)


def replay_cases(name: str) -> int:
    """Play the case of a file, or all cases of a folder, and show each verdict; return the exit status."""
    where = Path(name)
    files = sorted(where.glob(f"*{SUFFIX}")) if os.path.isdir(name) else [where]
    if not files:
        raise WrongInput(
            f"{name}: no file in it ends in {SUFFIX}; `python -m stateful verify --save {name}` writes some"
        )
    read, wrong = _read(files)
    recalled = {path: recall(case) for path, case in read.items()}
    if recalled:
        _show(recalled)
    if where in recalled and (trace := recalled[where].trace):
        print(f"\n{trace_text(trace)}")
    sys.stdout.flush()
    for line in wrong:
        print(f"stateful: {line}", file=sys.stderr)
    return WRONG_INPUT if wrong else exit_status(each.verdict for each in recalled.values())


def exit_status(verdicts: Iterable[str]) -> int:
    """The exit status: 0 if all cases are fixed, 1 if any is violated, else 3."""
    found = set(verdicts)
    return EXIT_STATUS[IS_VIOLATED if VIOLATED in found else HOLDS if found == {FIXED} else UNKNOWN]


def _read(files: Sequence[Path]) -> tuple[dict[Path, Case], list[str]]:
    """The cases that can be read, and a line for each file that cannot."""
    cases, wrong = {}, []
    for path in files:
        try:
            cases[path] = parse_case(path.read_text(encoding="utf-8-sig"))
        except Malformed as error:
            wrong.append(f"{path}: {error}")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not a text file"
            wrong.append(f"{path}: it cannot be read ({why}); give a case that `verify --save` wrote")
    return cases, wrong


def _show(recalled: dict[Path, Recalled]) -> None:
    """Print a table with the verdict of each case."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = LIMIT_COLUMNS
    table = Table(box=None, pad_edge=False, header_style="")
    table.add_column("verdict", no_wrap=True)
    table.add_column("case", overflow="fold", ratio=1)
    table.add_column("why", overflow="fold", ratio=1)
    for path, each in recalled.items():
        table.add_row(f"[{STYLES[each.verdict]}]{each.verdict}[/]", path.stem, _plain(each.why))
    console.print(table, width=min(console.width, LIMIT_COLUMNS))


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("[", r"\[")
