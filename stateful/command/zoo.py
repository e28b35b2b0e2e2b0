"""``zoo``: verifies real libraries from PyPI, in pinned versions, and prints the table of the README."""

from __future__ import annotations

import argparse
import os
from typing import Final

from stateful.command.options import EXIT_STATUS, Verbs, WrongInput, positive
from stateful.search.result import HOLDS, UNKNOWN
from stateful.subjects.zoo import ANIMALS
from stateful.verification.verification import DEFAULT_BUDGET_S
from stateful.verification.zoo_findings import NOT_MODELLED, Finding, look_at

HEAD: Final = (
    "| `zoo:` | what it is | verdict | violated | not offered | shown by | on the host |",
    "|---|---|---|---|---|---|---|",
)


def add(verbs: Verbs) -> None:
    """Add the verb and its options."""
    parser = verbs.add("zoo", _zoo, "Verify real libraries, which pip installs into folders of their own.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these entries")
    parser.add_argument("--budget", type=positive(float), default=DEFAULT_BUDGET_S, metavar="SECONDS")
    parser.add_argument("--workers", type=positive(int), default=os.cpu_count() or 1, metavar="N")


def _zoo(options: argparse.Namespace) -> int:
    """Verify entries and print their rows. Exit status: 3 if the time was not enough for some, else 0."""
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


def row(finding: Finding) -> str:
    """The row of one entry. The host's cell is empty if nothing was played on the host."""
    animal = ANIMALS[finding.name]
    library, _, version = animal.pins[0].partition("==")
    violated = ", ".join(f"`{name}`" for name in finding.violated)
    not_offered = "; ".join(f"`{name}`: {phrase}" for name, phrase in finding.not_offered)
    verdict = finding.verdict
    if verdict in (NOT_MODELLED, UNKNOWN):
        verdict = f"{verdict}: {finding.reason}"
    shown_by = f'`{finding.trace.scenario} "{finding.trace.schedule}"`' if finding.trace else ""
    cells = (
        f"`{finding.name}`",
        f"`{animal.class_}` of {library} {version}",
        verdict,
        violated,
        not_offered,
        shown_by,
        finding.host,
    )
    return f"| {' | '.join(cells)} |"
