"""The layout of the code: which package may import which, how long a file may be, unique names."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

HARNESS: Final = Path(__file__).parents[1] / "stateful"
# Each package imports only itself and those before it; not even a function or a type checker sees more.
ORDER: Final = (
    "model kernel python subjects protocol run explain search sample host verification campaign mutation "
    "report command"
).split()
LONGEST_FILE_LINES: Final = 350

FILES: Final = sorted(HARNESS.rglob("*.py"))


def name_of(file: Path) -> str:
    return str(file.relative_to(HARNESS))


@cache
def nodes(file: Path) -> list[ast.stmt]:
    """The imports and classes of a file, wherever in it."""
    tree = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    return [node for node in tree if isinstance(node, ast.Import | ast.ImportFrom | ast.ClassDef)]


def imports(file: Path, top: str = "stateful") -> Iterator[str]:
    """The dotted names of a top-level package that a file imports, wherever in it."""
    for node in nodes(file):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.partition(".")[0] == top)


def against_the_order(package: str, imported: str) -> bool:
    """Whether a package may not import a name."""
    other = imported.split(".")[1]
    return other not in ORDER or ORDER.index(other) > ORDER.index(package)


def test_every_package_is_in_the_order() -> None:
    packages = {file.parent.name for file in HARNESS.glob("*/__init__.py")}
    assert packages == set(ORDER)


@pytest.mark.parametrize("package", ORDER)
def test_package_imports_only_those_before_it(package: str) -> None:
    files = sorted((HARNESS / package).rglob("*.py"))
    assert files
    wrong = [
        f"{name_of(file)} imports {name}"
        for file in files
        for name in imports(file)
        if against_the_order(package, name)
    ]
    assert wrong == []


def test_order_is_one_that_forbids_something() -> None:
    assert against_the_order("model", "stateful.kernel.real")
    assert against_the_order("search", "stateful.report.text")
    assert not against_the_order("report", "stateful.model.trace.Trace")


def test_reference_does_not_import_the_harness() -> None:
    reference = sorted((HARNESS.parent / "gateway_status").rglob("*.py"))
    assert reference
    assert [str(file) for file in reference for _ in imports(file)] == []


def test_harness_does_not_import_its_tests() -> None:
    """The benchmarks among them are not installed."""
    assert [name_of(file) for file in FILES for _ in imports(file, "tests")] == []
    assert list(imports(Path(__file__).parent / "benchmarks" / "__main__.py", "tests"))


def test_no_file_is_too_long() -> None:
    lines = {name_of(file): len(file.read_text(encoding="utf-8").splitlines()) for file in FILES}
    assert {name: count for name, count in lines.items() if count > LONGEST_FILE_LINES} == {}


def test_name_of_a_file_has_one_meaning() -> None:
    """A file of ``command/`` is the verb of its name, whatever that is about."""
    named = [file for file in FILES if not {"command", "subjects"} & {*file.relative_to(HARNESS).parts}]
    counted = Counter(file.name for file in named if file.name != "__init__.py")
    assert [name for name, count in counted.items() if count > 1] == []


def test_name_of_a_class_has_one_meaning() -> None:
    own = [file for file in FILES if "subjects" not in file.relative_to(HARNESS).parts]
    classes = Counter(
        node.name
        for file in own
        for node in nodes(file)
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert [name for name, count in classes.items() if count > 1] == []
