"""Reports a verification to GitHub Actions: a job summary, and an annotation for each violation.

Does nothing elsewhere: the runner identifies itself and names its files in the environment.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from stateful.explain.blame import to_blame
from stateful.model.chronicle import Chronicle
from stateful.model.trace import Trace
from stateful.report.chronicle_text import command
from stateful.report.invariant_scores import Score, head_of_quiet, scores
from stateful.report.mermaid import mermaid
from stateful.report.text import replay_command, sentences, trace_text
from stateful.report.verdict import points
from stateful.verification.verification import Verification

_TICKS: Final = re.compile(r"`{3,}")
_DATA: Final = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY: Final = {**_DATA, ":": "%3A", ",": "%2C"}


def tell(found: Verification, environment: Mapping[str, str] = os.environ) -> None:
    """On a runner of GitHub Actions, print the annotations and append to the job summary."""
    if environment.get("GITHUB_ACTIONS") != "true":
        return
    for line in workflow_commands(found, Path(environment.get("GITHUB_WORKSPACE", "."))):
        print(line, flush=True)
    summary = environment.get("GITHUB_STEP_SUMMARY")
    if summary:
        try:
            with open(summary, "a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(job_summary(found))
        except OSError as error:
            print(f"stateful: {summary}: no job summary can be written ({error.strerror})", file=sys.stderr)


def workflow_commands(found: Verification, workspace: Path) -> Iterator[str]:
    """An ``::error`` command for each violation; the runner shows it beside the subject's file."""
    for trace in found.violations.values():
        assert trace.violation is not None
        title = f"{trace.violation.invariant} is violated by {_blamed(found, trace)}"
        properties = {"title": title, "file": _file(_blamed(found, trace), workspace)}
        said = ",".join(f"{key}={_escape(value, _PROPERTY)}" for key, value in properties.items() if value)
        yield f"::error {said}::{_escape(_told(trace), _DATA)}"


def job_summary(found: Verification) -> str:
    """The verdict, the scenarios and every counterexample, as Markdown."""
    lines = [f"## {found.subject.title}: {found.verdict}", ""]
    lines += [f"- **{word}** {_plain(', '.join(parts))}" for word, parts in points(found)]
    for trace in found.violations.values():
        assert trace.violation is not None
        lines += ["", f"### `{trace.violation.invariant}`: {_plain(trace.violation.sentence)}", ""]
        if isinstance(trace, Chronicle):
            lines += _fence("text", trace_text(trace))
        else:
            lines += _fence("mermaid", mermaid(trace).rstrip("\n"))
            lines += _folded("The counterexample as text", _fence("text", trace_text(trace)))
    noted, quiet = scores(found)
    if noted:
        lines += ["", *_table(noted)]
    if quiet:
        lines += ["", *_folded(head_of_quiet(quiet), _table(quiet))]
    return "\n".join([*lines, "", ""])


def _told(trace: Trace) -> str:
    """A violation in sentences; annotations have no fixed-width font, so columns would not align."""
    assert trace.violation is not None
    if isinstance(trace, Chronicle):
        return f"{trace.violation.sentence}\n{command(trace)}"
    why = (f"- {sentence}" for sentence in sentences(trace))
    return "\n".join([trace.violation.sentence, *why, f'{replay_command(trace)} "{trace.schedule}"'])


def _blamed(found: Verification, trace: Trace) -> str:
    """The subject that is to blame; the first subject, if that is not known."""
    return next(iter(to_blame(trace)), found.subject.name)


def _file(subject: str, workspace: Path) -> str:
    """The path of a subject's file, relative to the workspace; empty if its name is not a path."""
    path = Path(subject.partition(":")[0])
    return os.path.relpath(path, workspace) if path.suffix == ".py" and path.is_file() else ""


def _escape(text: str, escapes: Mapping[str, str]) -> str:
    return "".join(escapes.get(character, character) for character in text)


def _table(scores: Sequence[Score]) -> list[str]:
    rows = (f"| `{name}` | {verdict} | {size} | {_plain(note)} |" for name, _, verdict, size, note in scores)
    return ["| scenario | verdict | size | what |", "|---|---|---:|---|", *rows]


def _folded(head: str, lines: Sequence[str]) -> list[str]:
    return [f"<details><summary>{head}</summary>", "", *lines, "", "</details>"]


def _fence(language: str, text: str) -> list[str]:
    """A block of code with a fence that is longer than any run of backticks in the text."""
    ticks = "`" * max([3, *(len(run) + 1 for run in _TICKS.findall(text))])
    return [f"{ticks}{language}", text, ticks]


def _plain(text: str) -> str:
    """A text with Markdown's markup escaped."""
    return re.sub(r"([\\`*_<>|\[\]])", r"\\\1", text)
