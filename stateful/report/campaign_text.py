"""A campaign as text and as JSON: its progress, a line for each event, and the summary."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import PurePath
from typing import Any, Final

from stateful.campaign.lines import Line
from stateful.campaign.messages import Found
from stateful.campaign.tally import Tally, Violated
from stateful.explain.case_player import VIOLATED
from stateful.model.families import TAMPERING
from stateful.model.faults import FAULTS, RECOVERIES
from stateful.model.goals import GOALS, an_owner_served
from stateful.model.invariants import INVARIANTS
from stateful.report.text import LIMIT_COLUMNS, count
from stateful.sample.draft import WIDEST

LABEL_WIDTH: Final = 12
MOST_FILES: Final = 4  # for which the lines that have not run are listed
MOST_RANGES: Final = 12

# Goals that can be reached only if the subject offers a certain life.
_NEEDS: Final = {
    "a_reader_ran_beside_a_claim": "status",
    "a_replace_succeeded": "replace",
    "a_stop_succeeded": "stop",
}
_FAULTS: Final = tuple(
    name for name, fault in FAULTS.items() if not fault.tampering and name not in RECOVERIES
)


def clock(seconds: float) -> str:
    """A time span, as ``1:05:09`` or ``5:09``."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def is_violated(tally: Tally) -> bool:
    """Whether anything is violated, by a new finding or by a case of the corpus."""
    return bool(tally.violated) or any(verdict == VIOLATED for _, verdict, _ in tally.rechecked)


def is_vacuous(tally: Tally) -> bool:
    """Whether the campaign reached too little for a verdict: no execution, or no owner in any."""
    return not tally.runs.total() or an_owner_served.__name__ not in tally.goals


def in_order(tally: Tally) -> list[Violated]:
    """The violations, in the order of the invariants."""
    return [tally.violated[each.__name__] for each in INVARIANTS if each.__name__ in tally.violated]


# -- while it goes on ---------------------------------------------------------------------------------------


def progress_line(tally: Tally) -> str:
    """The progress in one line."""
    runs = tally.runs.total()
    seconds = tally.seconds or 1.0
    parts = [
        f"{clock(tally.planned_s - tally.seconds)} left",
        f"{tally.steps / seconds:,.0f} steps/s",
        f"{runs / seconds:,.0f} runs/s",
        f"{tally.states.count:,} states (+{_growth(tally):.1%}/min)",
        f"{len(_reached_goals(tally))}/{len(_goals(tally))} goals",
        f"width {tally.width}",
        _violations(tally),
    ]
    return "  ".join(parts)


def rows(tally: Tally) -> list[tuple[str, str]]:
    """The rows of the live display: name and value."""
    seconds = tally.seconds or 1.0
    last = tally.last_new_state_s
    return [
        ("time left", clock(tally.planned_s - tally.seconds)),
        ("workers", f"{tally.workers}" + (f", {len(tally.lost)} replaced" if tally.lost else "")),
        ("steps", f"{tally.steps:,}, {tally.steps / seconds:,.0f} per second"),
        ("executions", f"{tally.runs.total():,}, {tally.runs.total() / seconds:,.1f} per second"),
        ("states", f"{tally.states.count:,}, growing by {_growth(tally):.1%} a minute"),
        ("last new", "none yet" if last is None else f"{clock(tally.seconds - last)} ago"),
        ("orderings", f"{len(tally.orderings):,}, drafts up to {tally.width} wide"),
        ("goals", f"{len(_reached_goals(tally))} of {len(_goals(tally))}"),
        *(
            (f"violated: {invariant}", f"{count(each.found.trace.length, 'step')}, {each.found.where}")
            for invariant, each in tally.violated.items()
        ),
    ]


def found_line(found: Found, seconds: float) -> str:
    """The line for a violation."""
    trace = found.trace
    assert trace.violation is not None
    size = count(trace.length, "step")
    state = f"{size}, {found.where}" if found.minimal else f"{size}, to be made smaller"
    return f"violated    {clock(seconds)}  {trace.violation.invariant}: {state}"


def recheck_line(name: str, verdict: str, why: str) -> str:
    """The line for a case that was played again."""
    return f"{verdict:<{LABEL_WIDTH}}{name}{f': {why}' if why else ''}"


def lost_line(lost: str) -> str:
    """The line for a worker that died."""
    return f"{'replaced':<{LABEL_WIDTH}}{lost}"


def _violations(tally: Tally) -> str:
    if not tally.violated:
        return f"{len(tally.known)} known violations" if tally.known else "no violation"
    return ", ".join(f"{name} {each.found.trace.length}" for name, each in tally.violated.items())


def _growth(tally: Tally) -> float:
    """By which fraction the number of states grows per minute, over the last minute or the time so far."""
    if not tally.states.count or not tally.history:
        return 0.0
    then = next((each for each in tally.history if each[0] >= tally.seconds - 60), tally.history[-1])
    passed = tally.seconds - then[0]
    return (tally.states.count - then[2]) / tally.states.count * 60 / passed if passed > 1 else 0.0


# -- the summary --------------------------------------------------------------------------------------------


def summary_lines(tally: Tally) -> Iterator[str]:
    """The summary: what was done, what was found, and what was not reached."""
    yield f"{tally.subject}: {_verdict(tally)}"
    for label, text in _facts(tally):
        yield from textwrap.wrap(
            text,
            LIMIT_COLUMNS,
            initial_indent=f"  {label:<{LABEL_WIDTH}}",
            subsequent_indent=" " * (LABEL_WIDTH + 2),
            break_on_hyphens=False,
        )


def _verdict(tally: Tally) -> str:
    within = f"in {clock(tally.seconds)} with {count(tally.workers, 'worker')}"
    vacuous = "unknown: nobody ever owned, so nothing was shown;" if is_vacuous(tally) else "no violation"
    found = "violated" if is_violated(tally) else vacuous
    return f"{found} {within}{', interrupted' if tally.interrupted else ''}"


def _facts(tally: Tally) -> Iterator[tuple[str, str]]:
    for each in in_order(tally):
        trace = each.found.trace
        assert trace.violation is not None
        invariant = trace.violation.invariant
        faults = count(len(trace.faults), "fault") if trace.faults else "no faults"
        small = "" if each.found.minimal else "; there was no time to make it smaller, the next campaign will"
        yield "violated", f"{invariant}: {count(trace.length, 'step')}, {faults}, {each.found.where}{small}"
    if tally.trouble:
        yield "trouble", tally.trouble
    if tally.rechecked:
        by_verdict = groupby(sorted(verdict for _, verdict, _ in tally.rechecked))
        yield "rechecked", ", ".join(f"{len(list(same))} {verdict}" for verdict, same in by_verdict)
    if tally.revisited:
        kept = len(tally.revisited.kept)
        yield (
            "corpus",
            f"{kept} kept schedules still reach something first, {tally.revisited.dropped} were dropped",
        )
    for lost in tally.lost:
        yield "replaced", lost
    runs = ", ".join(f"{member} {number:,}" for member, number in tally.runs.most_common())
    yield "executions", f"{tally.runs.total():,}{f': {runs}' if runs else ''}"
    first, last = tally.rate(0.0, 0.25), tally.rate(0.75, 1.0)
    yield (
        "steps",
        f"{tally.steps:,}; {first:,.0f} per second in the first quarter of the time, {last:,.0f} in the last",
    )
    yield "states", _states(tally)
    yield "orderings", f"{len(tally.orderings):,}; drafts were {tally.width} wide at the end, of {WIDEST}"
    yield "faults", _faults(tally)
    if tally.all_lines:
        yield "lines", f"{len(tally.lines):,} of {len(tally.all_lines):,} of the subject have run"
    if tally.sampled:
        yield "PCT", pct_text(tally.sampled)
    yield from _not_reached(tally)


def _states(tally: Tally) -> str:
    if tally.last_new_state_s is None:
        return "none"
    return f"{tally.states.count:,} at least; the last new one came after {clock(tally.last_new_state_s)}"


def _faults(tally: Tally) -> str:
    told = [f"{name} {number:,}" for name, number in tally.faults.most_common() if name not in RECOVERIES]
    return ", ".join(told) or "none"


def pct_text(sampled: Mapping[int, tuple[int, float]]) -> str:
    """PCT's bound on the chance of having missed a race, by the race's number of events."""
    by_depth = "; ".join(
        f"{depth} events, up to {_percent(math.exp(missed))} after {count(runs, 'run')}"
        for depth, (runs, missed) in sorted(sampled.items())
    )
    return f"chance of having missed a race that each run could have shown: {by_depth}"


def _percent(value: float) -> str:
    return f"{100 * value:.2g} %" if value < 0.995 else "nearly 100 %"


def _not_reached(tally: Tally) -> Iterator[tuple[str, str]]:
    missing = [goal for goal in _goals(tally) if goal not in tally.goals]
    never = [name for name in _FAULTS if name not in tally.faults]
    if missing:
        yield "not reached", f"goals: {', '.join(missing)}"
    if never:
        yield "not reached", f"faults: {', '.join(never)}"
    if tally.lines != tally.all_lines:
        yield "not reached", f"lines: {'; '.join(_ranges(tally.all_lines - tally.lines))}"
    yield "not tried", f"{', '.join(sorted(TAMPERING))}, which few protocols promise to survive"


def _ranges(lines: Iterable[Line]) -> Iterator[str]:
    """Lines by file, as ``claim.py 3-5, 9``; the files with the most lines first."""
    files = {path: [number for _, number in of] for path, of in groupby(sorted(lines), lambda line: line[0])}
    ordered = sorted(files.items(), key=lambda file: (-len(file[1]), file[0]))
    for path, numbers in ordered[:MOST_FILES]:
        runs = [list(run) for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])]
        shown = [f"{run[0][1]}-{run[-1][1]}" if run[1:] else f"{run[0][1]}" for run in runs]
        more = f" and {len(shown) - MOST_RANGES} more places" if len(shown) > MOST_RANGES else ""
        yield f"{PurePath(path).name} {', '.join(shown[:MOST_RANGES])}{more}"
    if ordered[MOST_FILES:]:
        yield f"{sum(len(numbers) for _, numbers in ordered[MOST_FILES:])} in other files"


def _goals(tally: Tally) -> list[str]:
    """The goals that the subject could reach."""
    return [goal for goal in GOALS if goal not in _NEEDS or _NEEDS[goal] in tally.offered]


def _reached_goals(tally: Tally) -> set[str]:
    return tally.goals & {*_goals(tally)}


# -- as JSON ------------------------------------------------------------------------------------------------


def as_json(tally: Tally, event: str) -> dict[str, Any]:
    """The figures of a campaign, as one event."""
    return {
        "event": event,
        "subject": tally.subject,
        "seconds": round(tally.seconds, 1),
        "workers": tally.workers,
        "executions": dict(tally.runs),
        "steps": tally.steps,
        "states": tally.states.count,
        "last_new_state_s": tally.last_new_state_s and round(tally.last_new_state_s, 1),
        "orderings": len(tally.orderings),
        "goals": sorted(_reached_goals(tally)),
        "goals_not_reached": [goal for goal in _goals(tally) if goal not in tally.goals],
        "faults": dict(tally.faults),
        "lines": [len(tally.lines), len(tally.all_lines)],
        "violated": {invariant: each.found.trace.length for invariant, each in tally.violated.items()},
        "rechecked": {name: verdict for name, verdict, _ in tally.rechecked},
        "pct": {
            depth: {"runs": runs, "missed": math.exp(missed)}
            for depth, (runs, missed) in tally.sampled.items()
        },
        "replaced": tally.lost,
        "interrupted": tally.interrupted,
        "trouble": tally.trouble,
    }


def found_as_json(found: Found, seconds: float) -> dict[str, Any]:
    """A violation, as one event."""
    trace = found.trace
    assert trace.violation is not None
    return {
        "event": "violated",
        "seconds": round(seconds, 1),
        "invariant": trace.violation.invariant,
        "steps": trace.length,
        "faults": trace.faults,
        "scenario": trace.scenario,
        "schedule": trace.schedule,
        "minimal": found.minimal,
        "file": found.where,
    }
