"""``zoo``: verify real libraries from PyPI, in pinned versions, and print what was found as a table."""

from __future__ import annotations

import argparse
import os

from stateful.command.options import EXIT_STATUS, Verbs, WrongInput, positive
from stateful.report.zoo_text import HEAD, row
from stateful.search.result import HOLDS, UNKNOWN
from stateful.subjects.zoo import ANIMALS
from stateful.verification.verification import DEFAULT_BUDGET_S
from stateful.verification.zoo import look_at


def add(verbs: Verbs) -> None:
    """Add the verb and its options."""
    parser = verbs.add("zoo", _zoo, "Verify real libraries, which pip puts into a folder of their own.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these entries")
    parser.add_argument("--budget", type=positive(float), default=DEFAULT_BUDGET_S, metavar="SECONDS")
    parser.add_argument("--workers", type=positive(int), default=os.cpu_count() or 1, metavar="N")


def _zoo(options: argparse.Namespace) -> int:
    """Exit status: 0 however many are violated, 3 where the time was not enough for some."""
    for name in options.names:
        if name not in ANIMALS:
            raise WrongInput(f"{name}: not in the zoo; it has {', '.join(ANIMALS)}")
    print(*HEAD, sep="\n", flush=True)
    status = EXIT_STATUS[HOLDS]
    for name in options.names or ANIMALS:
        finding = look_at(name, budget_s=options.budget, workers=options.workers)
        print(row(finding), flush=True)
        if finding.verdict == UNKNOWN:
            status = EXIT_STATUS[UNKNOWN]
    return status
