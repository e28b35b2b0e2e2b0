"""The zoo as a table in Markdown: a row for each entry, as README has them."""

from __future__ import annotations

from typing import Final

from stateful.search.result import UNKNOWN
from stateful.subjects.zoo import ANIMALS
from stateful.verification.zoo import NOT_MODELLED, Finding

HEAD: Final = (
    "| `zoo:` | what it is | verdict | violated | not offered | shown by | on the host |",
    "|---|---|---|---|---|---|---|",
)


def row(finding: Finding) -> str:
    """The row of one entry. The host's cell is empty where it was not asked."""
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
