"""The tables of scenarios and the summary of a verification, as text and as JSON."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from rich.table import Table

from stateful.explain.needs import needs
from stateful.model.chronicle import RUN_INVARIANTS, Chronicle, count_respawns
from stateful.model.faults import CALL_FAULTS
from stateful.model.images import ODD
from stateful.model.invariants import INVARIANTS, SPEAKS_OF, TOLD_APART
from stateful.model.life import plain
from stateful.model.lifecycle import OWNER
from stateful.model.machine import ONE_PER
from stateful.model.own_files import only_own_files_are_changed
from stateful.model.scenario import PLANTED_LINK, Scenario, count_faults, faults_of_plan
from stateful.model.standard import UPSETS
from stateful.model.trace import Trace
from stateful.protocol.subject import Offer
from stateful.report import power_text
from stateful.report.chronicle_text import command
from stateful.report.scope import scope
from stateful.report.text import LIMIT_COLUMNS, count, replay_command, trace_text
from stateful.search.result import HOLDS, NOT_APPLICABLE, NOT_OFFERED, UNKNOWN, VIOLATED, Result
from stateful.verification.verification import Verification

STYLES: Final = {HOLDS: "green", VIOLATED: "bold red", UNKNOWN: "yellow"}
LEFT_OUT_CELLS: Final = {NOT_OFFERED: "n/o", NOT_APPLICABLE: "n/a"}
MARKS: Final = {HOLDS: "", VIOLATED: " !", UNKNOWN: " ?"}
LABEL_WIDTH: Final = 16


def tables(results: Sequence[Result]) -> list[Table]:
    """Tables of the scenarios with kills, with other faults, on odd machines, and under supervisors.

    The cells count states. A cell is empty if there is no such scenario, and ``-`` if it was not begun.
    """
    kinds: dict[str, list[Result]] = {}
    for result in results:
        kinds.setdefault(_kind(result.scenario), []).append(result)
    grids = []
    for corner, place in _PLACES.items():
        if corner in kinds:
            grids.append(_table(corner, [(*place(result.scenario), result) for result in kinds[corner]]))
    if "supervised" in kinds:
        grids.append(_supervised_table(kinds["supervised"]))
    return grids


def _kind(scenario: Scenario) -> str:
    if scenario.cast.supervision:
        return "supervised"
    if scenario.disk in ODD:
        return "machine"
    return "fault" if scenario.plan in UPSETS and scenario.cast.upset_on else "scenario"


# The row and the column of a scenario, by the text in the corner of its table.
_PLACES: Final[dict[str, Callable[[Scenario], tuple[str, str]]]] = {
    "scenario": lambda scenario: (_with_faults(scenario.cast.name, scenario), scenario.disk.name),
    "fault": lambda scenario: (_with_faults("", scenario), f"{scenario.cast.name}, {scenario.disk.name}"),
    "machine": lambda scenario: (_with_faults(scenario.disk.name, scenario), scenario.cast.name),
}


def _with_faults(name: str, scenario: Scenario) -> str:
    return ", ".join([*filter(None, [name]), *faults_of_plan(scenario.plan)])


def _table(corner: str, cells: Sequence[tuple[str, str, Result]]) -> Table:
    """A table from (row, column, result)."""
    columns = list(dict.fromkeys(column for _, column, _ in cells))
    grid = Table(box=None, pad_edge=False, header_style="")
    grid.add_column(corner, no_wrap=True)
    for column in columns:
        grid.add_column(column.replace("-", " "), justify="right")
    verdicts = {result.verdict for _, _, result in cells}
    legend = [f"{cell}: {verdict}" for verdict, cell in LEFT_OUT_CELLS.items() if verdict in verdicts]
    if legend:
        grid.caption, grid.caption_justify = ", ".join(legend), "left"
    for row in dict.fromkeys(row for row, _, _ in cells):
        known = {column: result for title, column, result in cells if title == row}
        grid.add_row(row, *(_cell(known.get(column)) for column in columns))
    return grid


def _supervised_table(results: Sequence[Result]) -> Table:
    """A table with the respawns and the last owner of each supervised scenario."""
    grid = Table(box=None, pad_edge=False, header_style="")
    grid.add_column("supervised", no_wrap=True)
    grid.add_column("supervisor", no_wrap=True)
    grid.add_column("respawns", justify="right", no_wrap=True)
    grid.add_column("owner", no_wrap=True)
    for result in results:
        chronicle = result.chronicle
        row = [LEFT_OUT_CELLS.get(result.verdict, "-"), ""]
        if chronicle:
            style = STYLES[result.verdict]
            row = [f"[{style}]{chronicle.respawns:,}{MARKS[result.verdict]}[/]"]
            row += [" and ".join(run.letter for run in chronicle.owners) or "none"]
        assert result.scenario.cast.supervision is not None
        grid.add_row(result.scenario.name, result.scenario.cast.supervision.units[0].supervisor.name, *row)
    return grid


def _cell(result: Result | None) -> str:
    if result is None:
        return ""
    if result.is_left_out:
        return LEFT_OUT_CELLS[result.verdict]
    if not result.states:
        return "-"
    style = STYLES[result.verdict]
    return f"[{style}]{result.states:,}{MARKS[result.verdict]}[/]"


def summary(verification: Verification) -> list[str]:
    """The verdict in a few lines: what is violated, what holds, over which scope."""
    lines = [f"{verification.subject.title}: {verification.verdict}"]
    for word, parts in points(verification):
        lines += textwrap.wrap(
            ", ".join(parts),
            LIMIT_COLUMNS,
            initial_indent=f"  {word:<{LABEL_WIDTH}}",
            subsequent_indent=" " * (LABEL_WIDTH + 2),
        )
    return lines


def _is_exempt(scenario: Scenario, not_offered: frozenset[str]) -> bool:
    """Whether nothing is asked of a whole run."""
    return scenario.not_guaranteed(not_offered).issuperset(each.__name__ for each in RUN_INVARIANTS)


def points(verification: Verification) -> list[tuple[str, list[str]]]:
    """The points of the summary: a label and its texts."""
    results = verification.results
    begun = [result for result in results if result.states and not result.is_left_out]
    played = [result.chronicle for result in results if result.chronicle]
    names = [invariant.__name__ for invariant in (INVARIANTS if begun else INVARIANTS[:1])]
    exempt = verification.offer.invariants_not_offered
    owed = [result for result in results if result.chronicle and not _is_exempt(result.scenario, exempt)]
    names += [invariant.__name__ for invariant in RUN_INVARIANTS if owed]
    violated = {*verification.violations, *_implied(verification)} - exempt
    said = [("violated", [name for name in names if name in violated])]
    if begun or played:
        word = "holds" if verification.exhaustive else "no violation"
        unbroken = [name for name in names if name not in violated | exempt]
        said += [
            (word, [name for name in unbroken if _applies(name, verification)]),
            ("not applicable", [name for name in unbroken if not _applies(name, verification)]),
            ("apart", [*_apart(verification)]),
            *(scope(verification, begun) if begun else ()),
            ("supervised", _supervised(played)),
            ("tried", _tried(verification)),
            ("power loss", power_text.power_losses(begun)),
        ]
    if verification.offer.one_per != ONE_PER[0]:
        said.append(("one per", [f"{verification.offer.one_per}, as the module says"]))
    for name, phrase in _says_of_itself(verification.offer).items():
        said.append(("not offered", [f"{name}: {phrase}" if phrase else name]))
    said.append(("not offered", _not_offered(verification)))
    lacking = Counter(result.needs for result in results if result.needs)
    for need, number in lacking.items():
        said.append(("not applicable", [f"{need}: {count(number, 'scenario')} without one"]))
    reasons = {result.reason for result in results if result.verdict == UNKNOWN and result.reason}
    for reason in sorted(reasons):
        unknown = [result.scenario.name for result in results if result.reason == reason]
        more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        said.append(("unknown", [f"{unknown[0]}{more}: {reason}"]))
    return [(word, parts) for word, parts in said if parts]


def _apart(verification: Verification) -> Iterator[str]:
    """What is broken only with a signal inside the claim, or a second one, each with its first trace."""
    told = {name: trace for result in reversed(verification.results) for name, trace in result.apart.items()}
    for name, trace in told.items():
        if TOLD_APART[name] not in verification.violations:
            where = f'{trace.scenario} "{trace.schedule}"'
            yield f"{TOLD_APART[name]} is broken, only with a signal inside the claim: {where}"


def _implied(verification: Verification) -> list[str]:
    """The invariants that are violated too, by a trace that is listed under another invariant."""
    stuck = verification.violations.get("a_dead_owner_can_be_replaced")
    implied = ["a_start_always_ends"] if stuck is not None and stuck.waits else []
    trace = verification.violations.get("only_documented_errors")
    if trace is None or plain(trace.lives[trace.steps[-1].move.letter]) != "start":
        return implied
    actor = trace.steps[-1].move.letter
    if any(step.phase == OWNER for step in trace.steps if step.move.letter == actor):
        return implied  # It was an owner that raised on its way out.
    ended = {step.move.letter for step in trace.steps if step.outcome is not None}
    hindered = any(step.move.kind in CALL_FAULTS for step in trace.steps)
    raised = ended == set(trace.lives) and not hindered
    return [*implied, *(["a_dead_owner_can_be_replaced"] if raised else [])]


def _applies(invariant: str, verification: Verification) -> bool:
    """Whether an invariant applies: the subject offers the lives that it needs, and a scenario has them.

    A query is asked in every state, so no scenario has to have one; a scenario must have a replace, a stop, a
    signal or several homes.
    """
    if invariant == only_own_files_are_changed.__name__:
        return bool(verification.faults[PLANTED_LINK[-1]])
    scenarios = [result.scenario for result in verification.offered if result.states]
    if invariant == "homes_are_independent":
        several = any(scenario.disk.machine.homes for scenario in scenarios)
        return several and verification.offer.one_per == ONE_PER[0]
    needed = SPEAKS_OF.get(invariant)
    if needed is None:
        return True
    lives = {plain(life) for scenario in scenarios for life in scenario.cast.lives}
    families = {family for scenario in scenarios for family in scenario.plan}
    there = {
        "a_stopped_owner_can_be_replaced": "sigstop" in families,
        "a_replaced_owner_exits_clean": "sigterm" in families or bool(needed & lives),
    }
    return there.get(invariant, True) and bool(needed & set(verification.offer.lives))


def _supervised(played: Sequence[Chronicle]) -> list[str]:
    """The scenarios that were played in virtual time."""
    if not played:
        return []
    hours = round(sum(chronicle.lasted for chronicle in played) / 3_600_000_000)
    respawns = sum(chronicle.respawns for chronicle in played)
    return [
        f"{count(len(played), 'scenario')} played once each",
        f"{count(hours, 'hour')} of virtual time",
        count_respawns(respawns),
    ]


def _tried(verification: Verification) -> list[str]:
    """The number of faults that were tried, and of the states that they lead to."""
    tried = verification.faults
    if not tried:
        return []
    added = count(verification.states_of_faults, "state")
    return [*(count_faults(number, family) for family, number in tried.items()), f"leading to {added}"]


def _says_of_itself(offer: Offer) -> dict[str, str]:
    """The invariants that the subject or the other subject does not promise, with the phrase for each."""
    return {**(_says_of_itself(offer.other) if offer.other else {}), **dict(offer.not_offered)}


def _not_offered(verification: Verification) -> list[str]:
    """The lives that the subject does not offer, and how many scenarios are left out for that."""
    left_out = [result for result in verification.results if result.missing]
    subject = verification.subject
    lives = list(dict.fromkeys(life for result in left_out for life in result.missing))
    if subject.other:
        lives = [f"{plain(life)} of {subject.of(life).name}" for life in lives]
    if not left_out:
        return []
    return [*lives[:-1], f"{lives[-1]}: {count(len(left_out), 'scenario')} left out"]


def also_violated(trace: Trace) -> list[str]:
    """One line and a command for a violation that is not shown in full."""
    assert trace.violation is not None
    shown = command(trace) if isinstance(trace, Chronicle) else f'{replay_command(trace)} "{trace.schedule}"'
    lines = [f"{trace.violation.invariant}: {trace.violation.sentence}", f"    {shown}"]
    if trace.confirmation is None:
        return lines
    said = "Confirmed on the host." if trace.confirmation.confirmed else str(trace.confirmation)
    return [*lines, *(f"    {line}" for line in textwrap.wrap(said, LIMIT_COLUMNS - 6))]


def as_json(verification: Verification) -> dict[str, Any]:
    """The verification as plain data."""
    return {
        "subject": verification.subject.name,
        "with": verification.subject.other.name if verification.subject.other else None,
        "verdict": verification.verdict,
        "not_offered": _says_of_itself(verification.offer),
        "one_per": verification.offer.one_per,
        "scenarios": [_result_as_json(result) for result in verification.results],
    }


def _result_as_json(result: Result) -> dict[str, Any]:
    return {
        "name": result.scenario.name,
        "verdict": result.verdict,
        "states": result.states,
        "faults_tried": result.faults,
        "not_offered": list(result.missing),
        "not_applicable": result.needs,
        "executions": result.calls,
        "exhaustive": result.exhaustive,
        "seconds": round(result.seconds, 3),
        **({"power_losses": power_text.as_json(result)} if result.power_losses else {}),
        **({"respawns": result.chronicle.respawns} if result.chronicle else {}),
        **({"apart": _apart_as_json(result)} if result.apart else {}),
        "violations": [
            {
                "invariant": invariant,
                "steps": trace.length,
                "switches": trace.switches,
                "faults": trace.faults,
                "schedule": trace.schedule,
                "needs": list(needs(trace)),
                "text": trace_text(trace),
                **_confirmation_as_json(trace),
            }
            for invariant, trace in result.violations.items()
        ],
    }


def _apart_as_json(result: Result) -> dict[str, str]:
    """The schedules that break an invariant only with a signal inside the claim."""
    return {TOLD_APART[name]: trace.schedule for name, trace in result.apart.items()}


def _confirmation_as_json(trace: Trace) -> dict[str, Any]:
    """Whether real processes do the same, or None, and a sentence that says why; empty if not played."""
    if trace.confirmation is None:
        return {}
    return {"confirmed": trace.confirmation.confirmed, "confirmation": trace.confirmation.sentence}
