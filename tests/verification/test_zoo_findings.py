"""The zoo: pins and adapters; if a package index is available, each entry's row is compared with README."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import stateful.protocol.subject
from stateful.__main__ import main
from stateful.command.zoo import HEAD, row
from stateful.model.lifecycle import OWNER
from stateful.model.schedule import STEP, Move
from stateful.model.standard import find_scenario
from stateful.protocol.installation import CannotInstall, installed
from stateful.protocol.subject import find_subject
from stateful.run.execution import Execution
from stateful.subjects import zoo
from stateful.subjects.zoo import ANIMALS
from stateful.verification.zoo_findings import look_at

FOLDER = Path(zoo.__file__).parent
README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
MOST_STATEMENTS = 20  # of an adapter: a reader who copies one should understand it at once

LOCK = """
import fcntl
class InterProcessLock:
    def __init__(self, path): self.file = open(path, 'a')
    def acquire(self, blocking):
        try: fcntl.lockf(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError: return False
        return True
    def release(self): self.file.close()
"""
EACH = pytest.mark.parametrize("name", ANIMALS)
# Three starts have too many states for a test; what tells the two apart has one of its own.
LARGE = ("soft-file-lock-4.0.12", "soft-file-lock-4.1.0")


@EACH
def test_entry_is_pinned_and_its_adapter_explains_itself(name: str) -> None:
    animal = ANIMALS[name]
    assert all(pin.count("==") == 1 for pin in animal.pins)
    tree = ast.parse((FOLDER / f"{animal.adapter}.py").read_text(encoding="utf-8"))
    text = ast.get_docstring(tree) or ""
    assert "It promises" in text
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]
    assert len(statements) <= MOST_STATEMENTS
    assert any(isinstance(node, ast.FunctionDef) and node.name == "gateway" for node in tree.body)


def test_every_adapter_is_in_the_zoo() -> None:
    adapters = {path.stem for path in FOLDER.glob("*.py")} - {"__init__"}
    assert adapters == {animal.adapter for animal in ANIMALS.values()}


def test_library_is_imported_from_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "fasteners.py").write_text(LOCK)
    monkeypatch.setattr(stateful.protocol.subject, "installed", lambda pins: str(tmp_path))
    assert main(["zoo", "fasteners", "--workers", "1"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        *HEAD,
        "| `fasteners` | `InterProcessLock` of fasteners 0.20 | holds |  |  |  |  |",
    ]


def test_what_a_library_does_that_is_not_modelled_is_its_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fasteners.py").write_text(LOCK.replace("import fcntl", "import fcntl, os\nos.fork()"))
    monkeypatch.setattr(stateful.protocol.subject, "installed", lambda pins: str(tmp_path))
    assert row(look_at("fasteners")) == (
        "| `fasteners` | `InterProcessLock` of fasteners 0.20 | not modelled: the subject called os.fork(), "
        "which is not modelled (fasteners.py, line 3): a simulated process starts no others; leave it out of "
        "the code under test, or stub it in a wrapper module |  |  |  |  |"
    )


def test_two_owners_of_a_library_are_shown_with_a_schedule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "fasteners.py").write_text(
        LOCK.replace("except OSError: return False", "except OSError: pass")
    )
    monkeypatch.setattr(stateful.protocol.subject, "installed", lambda pins: str(tmp_path))
    assert main(["zoo", "fasteners"]) == 0
    assert (
        '| violated | `at_most_one_owner` |  | `one-start-empty "A2 start-B B2"` | confirmed |'
        in capsys.readouterr().out
    )
    assert main(["replay", "zoo:fasteners", "--scenario", "one-start-empty", "A2 start-B B2"]) == 1


@pytest.mark.parametrize("arguments", [["zoo", "lion"], ["verify", "zoo:lion"]], ids=["verb", "subject"])
def test_who_is_not_in_the_zoo_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert "lion: not in the zoo; it has soft-file-lock-4.0.12, " in said
    assert said.count("\n") == 1


def test_no_index_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert main(["zoo", "pid"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("stateful: pid==3.0.4: pip cannot install it: ERROR: No matching distribution")
    assert said.endswith("the zoo needs pip, and an index that it can reach (see `pip config list`)\n")
    assert said.count("\n") == 1
    assert list((tmp_path / "stateful" / "zoo").iterdir()) == []


def test_cache_that_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(CannotInstall, match="set XDG_CACHE_HOME to a folder that can be written"):
        installed(("pid==3.0.4",))


def owners_where_a_breaker_is_held_up(name: str, steps: int, *, fourth: bool = False) -> str | None:
    """A owned and was killed. B is held up after some steps, C starts, and B goes on.

    None where B owned before it could be held up; else who owns. A fourth one starts when B has gone on by
    one more step.
    """
    scenario = find_scenario("three-starts-empty-1-kill")
    with Execution(find_subject(name), scenario) as execution:

        def go(letter: str, most: int = 200) -> bool:
            for _ in range(most):
                process = execution.processes().get(letter)
                if process is not None and (process.phase == OWNER or not process.alive):
                    return True
                execution.make(Move(STEP, letter))
            return False

        go("A")
        execution.make(Move("crash", "A"))
        if go("B", steps):
            return None
        go("C")
        if fourth:
            go("B", 1)
            execution.make(Move("start", "D"))
            go("D")
        else:
            go("B")
        owners = [letter for letter, each in execution.processes().items() if execution.view(each).owns]
    return " and ".join(owners)


@pytest.mark.long
@pytest.mark.parametrize(("version", "both"), [("4.0.12", True), ("4.1.0", False)])
def test_filelock_puts_back_what_it_took_away_since_4_1_0(version: str, both: bool) -> None:
    """Up to 4.0.12 who breaks a stale lock may take away a live one, and then own beside its holder."""
    name = f"soft-file-lock-{version}"
    try:
        installed(ANIMALS[name].pins)
    except CannotInstall as why:
        pytest.skip(str(why))
    found = []
    while (owners := owners_where_a_breaker_is_held_up(f"zoo:{name}", len(found) + 1)) is not None:
        found.append(owners)
    assert len(found) > 30
    assert ("B and C" in found) == both
    assert set(found) <= {"B", "C", "B and C"}


@pytest.mark.long
def test_filelock_lets_a_fourth_in_before_it_puts_back_what_it_took_away() -> None:
    """As 4.1.0 says itself, of a third process beside the holder and who breaks the lock."""
    name = "soft-file-lock-4.1.0"
    try:
        installed(ANIMALS[name].pins)
    except CannotInstall as why:
        pytest.skip(str(why))
    found = []
    while (
        owners := owners_where_a_breaker_is_held_up(f"zoo:{name}", len(found) + 1, fourth=True)
    ) is not None:
        found.append(owners)
    assert found.count("C and D") == 1


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in ANIMALS if name not in LARGE])
def test_entry_is_as_readme_says(name: str) -> None:
    try:
        installed(ANIMALS[name].pins)
    except CannotInstall as why:
        pytest.skip(str(why))
    expected = next(line for line in README.splitlines() if line.startswith(f"| `{name}` |"))
    assert row(look_at(name)) == expected
