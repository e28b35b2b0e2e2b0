"""A shard's file: its results so far and what they were made of, so that it can be resumed and merged.

A violation is kept as its schedule, whose replay gives the same trace. States and faults that other shards
may have counted too are kept as digests. The file is rewritten atomically after each finished scenario.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from stateful.explain.case import write_whole
from stateful.model.scenario import Scenario
from stateful.model.schedule import format_schedule, parse_schedule
from stateful.model.trace import Trace
from stateful.protocol.subject import Subject
from stateful.run.replay import replay
from stateful.search.digest import SIZE
from stateful.search.part import Seen
from stateful.search.power_losses import Lost
from stateful.search.result import Result
from stateful.verification.shard import Shard, parse_shard


class Unfit(Exception):
    """A file is not a shard's, or is of another verification; the message is one line, with what to do."""


@dataclass
class Certificate:
    """The results of a shard.

    Attributes:
        made_of: see ``stateful.verification.source``.
        scenarios: the names of all scenarios that the shards verify together.
        results: each result as plain data, by scenario name.
        seconds: how long the search has taken.
    """

    shard: Shard
    subject: str
    other: str | None
    made_of: dict[str, str]
    scenarios: list[str]
    seconds: float = 0.0
    results: dict[str, dict[str, Any]] = field(default_factory=dict)

    def differs(self, other: Certificate) -> str | None:
        """What keeps the two from being shards of one verification, in a few words; None if nothing does."""
        for word, here, there in (
            ("number of shards", self.shard.of, other.shard.of),
            ("subject", (self.subject, self.other), (other.subject, other.other)),
            ("scenarios", self.scenarios, other.scenarios),
        ):
            if here != there:
                return word
        return next((_WORDS[key] for key in _WORDS if self.made_of[key] != other.made_of[key]), None)

    def note(self, result: Result) -> None:
        """Add the result of a scenario, or replace it."""
        self.results[result.scenario.name] = _as_data(result)

    def is_done(self, scenario: Scenario) -> bool:
        """Whether a scenario has been searched exhaustively."""
        return bool(self.results.get(scenario.name, {}).get("exhaustive"))

    def result(self, subject: Subject, scenario: Scenario) -> Result | None:
        """The result of a scenario; None if it was not begun. Raises Unfit if its data cannot be used."""
        data = self.results.get(scenario.name)
        try:
            return None if data is None else _as_result(subject, scenario, data)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Unfit(
                f"shard {self.shard}: its result of {scenario.name} cannot be used ({error}); search it again"
            ) from None

    def write(self, path: Path) -> None:
        """Write the certificate to a file, atomically. Raises OSError."""
        write_whole(path, json.dumps(vars(self) | {"shard": str(self.shard)}, indent=2) + "\n")


_ADVICE: Final = "give one that `verify --shard K/N --json FILE` wrote"
_WORDS: Final = {"subject": "source of the subject", "harness": "version of the harness", "python": "Python"}


def read(path: Path) -> Certificate:
    """Read the file of a shard. Raises Unfit."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        found = Certificate(**data | {"shard": parse_shard(data["shard"])})
        if set(found.made_of) == set(_WORDS) and set(found.results) <= set(found.scenarios):
            return found
    except OSError as error:
        raise Unfit(f"{path}: it cannot be read ({error.strerror}); {_ADVICE}") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        pass
    raise Unfit(f"{path}: not the file of a shard; {_ADVICE}")


def _as_data(result: Result) -> dict[str, Any]:
    data = {
        "states": result.states,
        "exhaustive": result.exhaustive,
        "reason": result.reason,
        "needs": result.needs,
        "executions": result.calls,
        "seconds": round(result.seconds, 3),
        "faults": result.faults,
        "unreached": result.unreached,
        "violations": _schedules(result.violations),
        "apart": _schedules(result.apart),
        "power_losses": {
            profile: {"images": lost.images, "whole": lost.whole, "broken": _schedules(lost.broken)}
            for profile, lost in result.power_losses.items()
        },
    }
    if result.seen is not None:
        data["seen"] = {
            "basis": _as_text([result.seen.basis]),
            "states": _as_text(result.seen.states),
            "faults": {family: _as_text(tried) for family, tried in result.seen.faults.items()},
        }
    return data


def _as_result(subject: Subject, scenario: Scenario, data: Mapping[str, Any]) -> Result:
    def traces(schedules: Mapping[str, str]) -> dict[str, Trace]:
        return {invariant: _trace(subject, scenario, text) for invariant, text in schedules.items()}

    result = Result(
        scenario,
        states=int(data["states"]),
        calls=int(data["executions"]),
        exhaustive=bool(data["exhaustive"]),
        seconds=float(data["seconds"]),
        violations=traces(data["violations"]),
        apart=traces(data["apart"]),
        unreached=tuple(map(str, data["unreached"])),
        reason=str(data["reason"]),
        needs=str(data["needs"]),
        faults={str(family): int(number) for family, number in data["faults"].items()},
        power_losses={
            profile: Lost(int(lost["images"]), bool(lost["whole"]), traces(lost["broken"]))
            for profile, lost in data["power_losses"].items()
        },
    )
    if "seen" in data:
        seen = data["seen"]
        tried = {family: _as_digests(text) for family, text in seen["faults"].items()}
        result.seen = Seen(_as_digests(seen["states"]), tried, *_as_digests(seen["basis"]))
        counted = Counter({family: len(digests) for family, digests in tried.items()})
        if len(result.seen.states) != result.states or counted != Counter(result.faults):
            raise ValueError("its counts and its digests disagree")
    return result


def _schedules(traces: Mapping[str, Trace]) -> dict[str, str]:
    return {invariant: format_schedule(trace.moves) for invariant, trace in traces.items()}


def _trace(subject: Subject, scenario: Scenario, schedule: str) -> Trace:
    trace = replay(subject, scenario, parse_schedule(schedule))
    if trace.violation is None and trace.apart is None:
        raise ValueError(f"{schedule} breaks nothing")
    return trace


def _as_text(digests: Iterable[bytes]) -> str:
    return b64encode(b"".join(sorted(digests))).decode()


def _as_digests(text: str) -> frozenset[bytes]:
    whole = b64decode(text, validate=True)
    return frozenset(whole[start : start + SIZE] for start in range(0, len(whole), SIZE))
