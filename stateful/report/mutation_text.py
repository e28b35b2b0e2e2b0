"""The verdicts on the mutations of a subject, by call site, and the score."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from stateful.mutation.score import CAUGHT, EQUIVALENT, SURVIVED, UNKNOWN, Judgement
from stateful.report.text import count

MUTATION_WIDTH = 34
INVARIANT_WIDTH = 33


def judgement_lines(judgements: Sequence[Judgement]) -> Iterator[str]:
    """A line for each call site, and below it one for each of its mutations."""
    ordered = sorted(judgements, key=lambda judgement: judgement.mutation)
    for site, group in groupby(ordered, lambda judgement: judgement.mutation.site):
        yield str(site)
        yield from (f"  {judgement_text(judgement)}" for judgement in group)


def judgement_text(judgement: Judgement) -> str:
    """The verdict on a mutation: the invariant or goal that caught it, with the scenario; or the verdict."""
    what = f"{judgement.mutation!s:<{MUTATION_WIDTH}}"
    if judgement.verdict == CAUGHT:
        return f"{what} {judgement.by:<{INVARIANT_WIDTH}} {judgement.scenario}"
    verdict = "SURVIVED" if judgement.verdict == SURVIVED else judgement.verdict
    return f"{what} {verdict}{': ' if judgement.by else ''}{judgement.by}"


def score_lines(name: str, judgements: Sequence[Judgement]) -> Iterator[str]:
    """The score, and how often each invariant caught a mutation."""
    verdicts = Counter(judgement.verdict for judgement in judgements)
    judged = verdicts[CAUGHT] + verdicts[SURVIVED]
    share = f", {100 * verdicts[CAUGHT] // judged} %" if judged else ""
    yield f"{name}: {verdicts[CAUGHT]:,} of {count(judged, 'mutation')} caught{share}"
    if verdicts[EQUIVALENT]:
        yield f"{verdicts[EQUIVALENT]:>7,} equivalent: nothing that can be observed differs, in this scope"
    if verdicts[UNKNOWN]:
        yield f"{verdicts[UNKNOWN]:>7,} unknown"
    caught = Counter(judgement.by for judgement in judgements if judgement.verdict == CAUGHT)
    for by, number in sorted(caught.items(), key=lambda entry: (-entry[1], entry[0])):
        yield f"{number:>7,} caught by {by}"
