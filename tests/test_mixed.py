"""Two subjects in one home: exact verdicts of pairs, which is to blame, and the messages."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from stateful.__main__ import main
from stateful.explain.blame import to_blame
from stateful.explain.needs import explain
from stateful.model.scenario import Scenario
from stateful.model.schedule import ScheduleMismatch, parse_schedule
from stateful.model.standard import MIXED, find_scenario, find_scenarios
from stateful.model.trace import Trace
from stateful.protocol.subject import find_subject
from stateful.report.text import LIMIT_COLUMNS, LIMIT_LINES, trace_text
from stateful.report.verdict import as_json, summary
from stateful.run.examine import examine
from stateful.run.replay import replay
from stateful.search.explorer import Explorer
from stateful.search.memory import Memory
from stateful.verification.verification import Verification, verify

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
PLANTED = Path("tests") / "planted"
TEXT = Path(__file__).parent / "report" / "counterexamples" / "reference-with-unlinked-lock.txt"

# What runs beside the reference, how many states that has, and in how many of the double owners which
# subject is to blame.
PAIRS = {
    "reference-status": (45282, {}),
    "guarded-lock": (15449, {}),
    "unlinked-lock": (100398, {"unlinked-lock": 256}),
    "direct-unlink": (22006, {"direct-unlink": 29, "reference": 463}),
    "foreign-guard": (10254, {"reference": 127}),
}
BUDGET_S = 1200.0
STARTS = ("start-and-other-start-empty", "start-and-other-start-stale")


def planted(name: str) -> str:
    return str(PLANTED / f"{name}.py")


def row_of(other: str, found: Verification) -> str:
    """What the table in README has to say of a pair."""
    blamed = {name: " and ".join(f"`{who}`" for who in to_blame(t)) for name, t in found.violations.items()}
    two = f"yes, by {blamed.pop('at_most_one_owner')}" if "at_most_one_owner" in blamed else "never"
    rest = ", ".join(f"`{name}` by {who}" for name, who in blamed.items()) or "nothing"
    shown = [f'`{t.scenario} "{t.schedule}"`' for t in found.violations.values()][:1]
    return f"| `{other}` | {two} | {rest} | {' '.join(shown)} |"


def row(other: str) -> str:
    start = README.index("| beside `reference` | two owners | else violated | shown by |")
    return next(line for line in README[start:] if line.startswith(f"| `{other}` |"))


@pytest.mark.long
@pytest.mark.parametrize("other", PAIRS)
def test_pair_is_as_the_table_says(other: str) -> None:
    found = verify(find_subject("reference", other), MIXED, budget_s=BUDGET_S)
    assert found.states == PAIRS[other][0]
    assert row_of(other, found) == row(other)


@pytest.mark.parametrize("other", PAIRS)
def test_counterexample_in_the_table_is_one(other: str) -> None:
    shown = re.search(r'\| `(\S+) "(.*)"` \|$', row(other))
    assert (shown is None) == ("| never | nothing |" in row(other))
    if shown is not None:
        subject = find_subject("reference", other)
        trace = replay(subject, find_scenario(shown[1]), parse_schedule(shown[2]))
        assert trace.violation is not None
        found = Verification(subject, violations={trace.violation.invariant: trace})
        assert row(other).startswith(row_of(other, found).partition("by `")[0])


class _Judging(Explorer):
    """A search that also asks of every double owner, and not only of the first, who is to blame."""

    blamed: Counter[str]

    def _violated(self, invariant: str, node: Any, more: Any) -> None:
        if invariant == "at_most_one_owner":
            trace = replay(self.memory.subject, self._scenario, self._plan.predecessors.moves(node, more))
            self.blamed[" and ".join(to_blame(trace))] += 1
        super()._violated(invariant, node, more)


def blamed_for_two_owners(one: str, other: str, scenarios: list[Scenario]) -> Counter[str]:
    subject = find_subject(one, other)
    memory = Memory(subject, scenarios[0].disk)
    try:
        explorer = _Judging(examine(subject), scenarios, memory)
        explorer.blamed = Counter()
        assert all(result.exhaustive for result in explorer.run())
        return explorer.blamed
    finally:
        memory.close()


@pytest.mark.long
@pytest.mark.parametrize("other", PAIRS)
def test_who_is_to_blame_for_every_double_owner(other: str) -> None:
    blamed = Counter[str]()
    for start in STARTS:
        scenarios = [scenario for scenario in MIXED if scenario.name.startswith(start)]
        blamed += blamed_for_two_owners("reference", other, scenarios)
    assert blamed == PAIRS[other][1]


@pytest.mark.parametrize(
    ("one", "other", "blamed"),
    (
        ("unlinks_the_lock", "flock_only", {"unlinks_the_lock"}),  # the new version itself
        ("flock_only", "unlinks_the_lock", {"unlinks_the_lock"}),  # the old one alone
        ("lockf_only", "flock_only", {"flock_only and lockf_only", "lockf_only and flock_only"}),
        ("flock_only", "raises_out", set()),
    ),
)
def test_who_takes_away_a_claim_that_stands_is_to_blame(one: str, other: str, blamed: set[str]) -> None:
    scenarios = [find_scenario(f"start-and-other-start-empty{kills}") for kills in ("", "-1-kill")]
    counted = blamed_for_two_owners(planted(one), planted(other), scenarios)
    assert {re.sub(r"\S*/(\w+)\.py", r"\1", who) for who in counted} == blamed


def test_case_of_the_first_subject_is_shown_rather_than_one_of_the_other_alone(tmp_path: Path) -> None:
    one, other = (str(tmp_path / f"{name}.py") for name in ("one", "other"))
    for path in (one, other):
        Path(path).write_text((ROOT / planted("unlinks_the_lock")).read_text())
    for first, second in ((one, other), (other, one)):
        found = verify(find_subject(first, second), [find_scenario("start-and-other-start-empty")])
        assert to_blame(found.violations["at_most_one_owner"]) == [first]


def shown() -> Trace:
    """The trace of the counterexample that is compared verbatim."""
    schedule = TEXT.read_text(encoding="utf-8").rpartition('"')[0].rpartition('"')[2]
    subject = find_subject("reference", "unlinked-lock")
    scenario = find_scenario("start-and-other-start-empty")
    return explain(subject, scenario, replay(subject, scenario, parse_schedule(schedule)))


def test_text_of_a_mixed_pair_is_as_written() -> None:
    text = TEXT.read_text(encoding="utf-8").rstrip("\n")
    assert trace_text(shown()) == text
    assert len(text.splitlines()) <= LIMIT_LINES
    assert max(map(len, text.splitlines())) <= LIMIT_COLUMNS


@pytest.mark.parametrize("verb", ("verify", "replay"))
def test_other_subject_that_is_none_is_one_line_and_status_two(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ["--scenario", "start-and-other-start-empty", "A1"] if verb == "replay" else []
    assert main([verb, "reference", "--with", "yesterday.py", *more]) == 2
    assert capsys.readouterr() == (
        "",
        "stateful: yesterday.py: no such file; give a built-in name (see `python -m stateful subjects`), "
        "a dotted module or a path to a .py file\n",
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    (
        (["--scenario", "start-and-other-start-empty"], "two subjects run there; name the other one with"),
        (
            ["--with", "guarded-lock", "--scenario", "two-starts-empty"],
            "one subject runs there; leave --with",
        ),
    ),
)
def test_scenario_and_number_of_subjects_must_fit(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", "reference", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_pattern_names_scenarios_of_as_many_subjects_as_there_are() -> None:
    names = [scenario.name for scenario in find_scenarios("*start-empty", mixed=True)]
    assert names == [
        "start-and-other-start-empty",
        "other-owner-and-start-empty",
        "owner-and-other-start-empty",
    ]
    assert not any(scenario.cast.is_mixed for scenario in find_scenarios("*start*"))


def test_schedule_starts_the_other_subject_only_where_there_is_one() -> None:
    moves = parse_schedule("start-A other-start-B B2")
    with pytest.raises(ScheduleMismatch, match="no other subject is named with --with"):
        replay(find_subject("direct-unlink"), find_scenario("any-empty"), moves)
    trace = replay(find_subject("direct-unlink", "guarded-lock"), find_scenario("any-empty"), moves)
    assert [trace.subject_of(letter) for letter in "AB"] == ["direct-unlink", "guarded-lock"]


def test_life_that_the_other_subject_lacks_is_not_offered() -> None:
    names = ("owner-and-other-replace-empty", "other-owner-and-replace-empty")
    scenarios = [find_scenario(name) for name in names]
    found = verify(find_subject(planted("raises_out"), planted("flock_only")), scenarios)
    assert [result.missing for result in found.results] == [("other-replace",), ()]
    left_out = f"  not offered     replace of {planted('flock_only')}: 1 scenario left out"
    assert left_out in summary(found)


def test_both_are_named_in_the_verdict_and_in_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["verify", planted("unlinks_the_lock"), "--with", planted("flock_only")]
    where = ["--scenario", "start-and-other-start-empty", "--json", str(tmp_path / "report.json")]
    assert main([*arguments, *where]) == 1
    out = capsys.readouterr().out
    data = json.loads((tmp_path / "report.json").read_text())
    assert (data["subject"], data["with"]) == (planted("unlinks_the_lock"), planted("flock_only"))
    assert f"{data['subject']} with {data['with']}: violated\n" in out
    assert f"replay {data['subject']} --with {data['with']} \\\n" in out
    assert as_json(Verification(find_subject()))["with"] is None


@pytest.mark.long
def test_workers_find_what_one_process_finds() -> None:
    subject = find_subject(planted("raises_out"), planted("unlinks_the_lock"))
    names = (
        "start-and-other-start-empty",
        "owner-and-other-start-stale-1-kill",
        "other-owner-and-start-empty",
    )
    scenarios = [find_scenario(name) for name in names]
    alone, shared = verify(subject, scenarios), verify(subject, scenarios, workers=2)
    assert [result.states for result in alone.results] == [result.states for result in shared.results]
    assert alone.violations == shared.violations


def test_two_versions_of_one_file_name_are_two_subjects(tmp_path: Path) -> None:
    for version, path in (("new", "unlinks_the_lock"), ("old", "flock_only")):
        (tmp_path / version).mkdir()
        (tmp_path / version / "gate.py").write_text(f"from lock import {version} as gateway\n")
        code = (ROOT / planted(path)).read_text().replace("def gateway", f"def {version}")
        (tmp_path / version / "lock.py").write_text(code)
    new, old = (str(tmp_path / version / "gate.py") for version in ("new", "old"))
    found = verify(find_subject(new, old), [find_scenario("start-and-other-start-empty")])
    assert to_blame(found.violations["at_most_one_owner"]) == [new]
