"""Case files on the command line: saved, kept and played again; the table, and one line for each error."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stateful.__main__ import main

SAVED = "foreign-guard-one-start-empty-a_dead_owner_can_be_replaced"
VERIFY = ["verify", "foreign-guard", "--scenario", "one-start-empty", "--workers", "1"]
LOOP = ["verify", "foreign-guard", "--scenario", "outage-in-a-host-pid-container-empty", "--workers", "1"]
CASE = "subject: {}\nscenario: two-starts-empty\ninvariant: at_most_one_owner\n\n"
LINES = {
    "violated": CASE.format("direct-unlink") + "A until unlink(gateway.pid)\nB until it owns\n",
    "fixed": CASE.format("guarded-lock") + "A until open(gateway.lock, CREAT)\nB until it owns\n",
    "stale": CASE.format("guarded-lock") + "A until unlink(gateway.pid)\nB until it owns\n",
    "unmodelled": CASE.format("forks.py") + "A until it owns\n",
    "malformed": CASE.format("guarded-lock") + "A2 B3\n",
}
STATUS = {
    "fixed": 0,
    "violated": 1,
    "stale": 3,
    "unmodelled": 3,
    "fixed violated stale": 1,
    "fixed stale": 3,
    "violated malformed": 2,
    "malformed": 2,
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder that the command line is used in."""
    monkeypatch.chdir(tmp_path)
    Path("forks.py").write_text("import os\n\ndef gateway(home, serve):\n    os.fork()\n")
    return tmp_path


def write_cases(*names: str) -> None:
    Path("cases").mkdir()
    for name in names:
        Path(f"cases/{name}.case").write_text(LINES[name])


def test_verify_saves_a_case_for_each_violation(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*VERIFY, "--save", "new/cases"]) == 1
    assert f"saved: new/cases/{SAVED}.case\n" in capsys.readouterr().out
    assert [path.name for path in Path("new/cases").iterdir()] == [f"{SAVED}.case"]
    assert main(["replay", "new/cases"]) == 1
    assert "\nVIOLATED  " in capsys.readouterr().out


def test_no_file_is_ever_rewritten(capsys: pytest.CaptureFixture[str]) -> None:
    path, numbered = Path(f"{SAVED}.case"), Path(f"{SAVED}-2.case")
    path.write_text("# Mine.\n")
    assert main([*VERIFY, "--save", "."]) == 1
    assert f"saved: {numbered}, since {path} is another case\n" in capsys.readouterr().out
    assert main([*VERIFY, "--save", "."]) == 1
    assert f"kept: {numbered}, which says the same\n" in capsys.readouterr().out
    assert path.read_text() == "# Mine.\n"
    assert sorted(Path().glob("*.case")) == sorted([path, numbered])


def test_nothing_is_saved_where_nothing_is_violated(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--scenario", "one-start-empty", "--workers", "1", "--save", "cases"]) == 0
    assert capsys.readouterr().out.endswith("\nnot saved: nothing is violated\n")


@pytest.mark.long
def test_play_under_a_supervisor_is_not_saved(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*LOOP, "--save", "cases"]) == 1
    assert "not saved: supervisors_settle, which `python -m stateful verify " in capsys.readouterr().out
    assert not list(Path("cases").iterdir())


def test_text_that_an_editor_marked_as_utf_8_is_read() -> None:
    Path("marked.case").write_text(LINES["fixed"], encoding="utf-8-sig")
    assert main(["replay", "marked.case"]) == 0


ANSWERS_A_LINE = """
def gateway(home, serve):
    (home / "x").write_text("1")
    serve()

def running_pid(home):
    return "1\\n2\\n"
"""


def test_answer_of_several_lines_is_one_comment(capsys: pytest.CaptureFixture[str]) -> None:
    Path("lines.py").write_text(ANSWERS_A_LINE)
    arguments = ["verify", "lines.py", "--scenario", "one-start-empty", "--workers", "1", "--save", "."]
    assert main(arguments) == 1
    assert " answered '1\\n2\\n'" in capsys.readouterr().out
    assert main(["replay", "."]) == 1


def test_name_that_a_case_cannot_tell_is_not_saved(capsys: pytest.CaptureFixture[str]) -> None:
    Path("lines.py").write_text(
        r"def gateway(home, serve): (home / 'x\ny').exists() or (home / 'x\ny').write_text('') or serve()"
    )
    arguments = ["verify", "lines.py", "--scenario", "two-starts-empty", "--workers", "1", "--save", "."]
    assert main(arguments) == 1
    said = "not saved: at_most_one_owner, since a name in it has a line break or is not UTF-8\n"
    assert said in capsys.readouterr().out


@pytest.mark.parametrize("names", STATUS)
def test_exit_status_tells_what_has_become_of_the_cases(
    names: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_cases(*names.split())
    assert main(["replay", "cases"]) == STATUS[names]
    output = capsys.readouterr()
    shown = [line.split()[1] for line in output.out.splitlines() if line[:1].isupper()]
    assert shown == sorted(name for name in names.split() if name != "malformed")
    assert all(len(line) < 100 for line in output.out.splitlines())
    malformed = "stateful: cases/malformed.case: line 5: 'A2 B3' is no turn, event or fault; write one such"
    assert output.err.startswith(malformed) if "malformed" in names else not output.err


def test_table_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    write_cases("stale", "violated")
    main(["replay", "cases"])
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "verdict   case      why",
        "STALE     stale     A no longer makes unlink(gateway.pid): it owns before that",
        "VIOLATED  violated  at_most_one_owner: A and B both own the gateway",
    ]


def test_long_line_of_the_table_is_folded(capsys: pytest.CaptureFixture[str]) -> None:
    write_cases("stale")
    name = "a-very-long-name-of-a-case-" * 4
    Path("cases/stale.case").rename(f"cases/{name}.case")
    main(["replay", "cases"])
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) < 100
    assert out.count("-") == name.count("-")


def test_one_case_is_shown_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    write_cases("violated")
    assert main(["replay", "cases/violated.case"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("verdict ")
    assert "\nat_most_one_owner is violated: A and B both own the gateway\n" in out
    assert out.endswith('direct-unlink --scenario two-starts-empty "A1 B8 A7"\n')


WRONG = {
    "nothing in it": (
        ["replay", "."],
        ".: no file in it ends in .case; `python -m stateful",
    ),
    "no such file": (
        ["replay", "none.case"],
        "none.case: it cannot be read (No such file or directory); give a case that",
    ),
    "no text": (["replay", "bytes.case"], "bytes.case: it cannot be read (it is not a text file); give"),
    "more": (
        ["replay", ".", "--scenario", "two-starts-empty"],
        ".: a case says in which scenario it is played; give nothing else",
    ),
    "long line": (
        ["replay", "long.case"],
        f"long.case: line 1: '{'A' * 80}' is no turn, event or fault; write one such as `A until it owns`",
    ),
    "no schedule": (
        ["replay", "direct-unlink", "--scenario", "two-starts-empty"],
        "the following arguments are required: SCHEDULE; see `python -m stateful replay --help`",
    ),
    "no folder": (
        [*VERIFY, "--save", "forks.py"],
        "forks.py: no folder can be made there (File exists); give the name of another",
    ),
    "folder without files": (
        [*VERIFY, "--save", "/proc"],
        "/proc: no file can be written to it (No such file or directory); give the name of another folder",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_one_line(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("bytes.case").write_bytes(b"\xff\xfe") if case == "no text" else None
    Path("long.case").write_text("A" * 1000) if case == "long line" else None
    arguments, said = WRONG[case]
    assert main(arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(f"stateful: {said}")
    assert output.err.count("\n") == 1
