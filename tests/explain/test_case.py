"""Case files: a written case is read back unchanged, and a file that is no case is refused in one line."""

from __future__ import annotations

import pytest

from stateful.explain.case import Case, Malformed, Turn, format_case, ordinal, parse_case
from stateful.model.schedule import Move

TEXT = """\
# A case of python -m stateful; `python -m stateful replay FILE` plays it again.
# A and B both own the gateway

subject: new/status.py
with: old/status.py
scenario: two-starts-empty
invariant: at_most_one_owner

A until the 2nd open(gateway.pid, CREAT|EXCL)
enospc-A
B until link(a temporary file, gateway.pid)
crash-B
power-loss-writeback-3
other-start-C
C until it owns
A until it ends
"""
CASE = Case(
    "new/status.py",
    "old/status.py",
    "two-starts-empty",
    "at_most_one_owner",
    (
        Turn("A", "open(gateway.pid, CREAT|EXCL)", 2),
        Move("enospc", "A"),
        Turn("B", "link(a temporary file, gateway.pid)"),
        Move("crash", "B"),
        Move("power-loss", "", "writeback-3"),
        Move("other-start", "C"),
        Turn("C", "it owns"),
        Turn("A", "it ends"),
    ),
    "A and B both own the gateway",
)

MALFORMED = {
    "": "it has no line `subject: ...`; add one",
    "subject: x\nscenario: y": "it has no line `invariant: ...`; add one",
    "subject: x\nsubject: y": "line 2: a second subject; leave one of the two",
    "subject:": "line 1: 'subject:' is no heading; these are subject, with, scenario, invariant",
    "steps: A1 B8": "line 1: 'steps: A1 B8' is no heading; these are subject, with, scenario, invariant",
    "subject: x\nscenario: y\ninvariant: z\n# A until it owns": (
        "it has no turn or event; add lines such as `A until it owns`"
    ),
    "\nA3": (
        "line 2: 'A3' is no turn, event or fault; write one such as `A until it owns`, "
        "`A until the 2nd open(gateway.pid)`, `crash-A` or `status-C`"
    ),
    "crash-A crash-B": "line 1: 'crash-A crash-B' is no turn",
    "A until tea": "line 1: 'A until tea' is no turn",
    "a until it owns": "line 1: 'a until it owns' is no turn",
    "A until the 0th open(x)": "line 1: 'A until the 0th open(x)' is no turn",
}


def test_case_is_written_as_people_read_it() -> None:
    assert format_case(CASE) == TEXT


def test_case_that_is_read_is_the_one_that_was_written() -> None:
    assert format_case(parse_case(TEXT)) == TEXT.replace("# A and B both own the gateway\n", "")
    assert parse_case(TEXT).lines == CASE.lines


@pytest.mark.parametrize("text", MALFORMED)
def test_malformed_text_is_one_line_that_says_where(text: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_case(text)
    assert str(caught.value).startswith(MALFORMED[text])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("subject", "other", "name"),
    [
        ("direct-unlink", None, "direct-unlink"),
        ("path/to/status.py", None, "status"),
        ("path/to/single.py:run once", "our.old", "single-run-once-with-our.old"),
    ],
)
def test_file_is_named_after_subject_scenario_and_invariant(
    subject: str, other: str | None, name: str
) -> None:
    case = Case(subject, other, "two-starts-empty", "at_most_one_owner", ())
    assert case.file_name == f"{name}-two-starts-empty-at_most_one_owner.case"


def test_ordinals() -> None:
    assert [ordinal(number) for number in (1, 2, 3, 4, 11, 12, 13, 21, 112)] == (
        "1st 2nd 3rd 4th 11th 12th 13th 21st 112th".split()
    )
