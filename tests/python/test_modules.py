"""Each process imports as a real one would: it gets its own copy of the subject and of modules with state."""

from __future__ import annotations

import importlib
import os
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from stateful.model.schedule import STEP, Move
from stateful.protocol.subject import find_subject
from stateful.python import simulation
from stateful.python.switch import unwind
from stateful.run.running import new_process, run_to_call

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Stage

# Subjects whose gateway asserts something, as ``id``, lines of the module, lines of the gateway.
ASSERTING = (
    (
        "future",
        "from __future__ import annotations\ndef f(a: Undefined): ...",
        "assert f.__annotations__ == {'a': 'Undefined'}",
    ),
    (
        "dataclass",
        "from dataclasses import dataclass, replace\n"
        "@dataclass(frozen=True, slots=True)\nclass A:\n    a: int = 1",
        "assert replace(A(), a=2) == A(2)",
    ),
    (
        "enum",
        "import enum\nclass A(enum.IntFlag):\n    B = 1",
        "assert A['B'] is A.B and isinstance(A.B, int)",
    ),
    (
        "named-tuple",
        "from typing import NamedTuple, get_type_hints\nclass A(NamedTuple):\n    b: 'A | None' = None",
        "assert A(A()).b == A() and get_type_hints(A)",
    ),
    (
        "pickle",
        "import copy, pickle\nclass A:\n    def __eq__(self, other): return type(self) is type(other)",
        "assert pickle.loads(pickle.dumps(A())) == A() == copy.deepcopy(A())\n"
        "assert pickle.loads(pickle.dumps(gateway)) is gateway",
    ),
    ("own-name", "import sys", "assert sys.modules[__name__].gateway is gateway and __name__ == 'subject'"),
    ("lazy-import", "def f():\n    import colorsys\n    return colorsys", "assert f() is f()"),
    (
        "import-module",
        "from importlib import import_module",
        "assert import_module('os.path').join('a', 'b') == 'a/b'",
    ),
    (
        "find-spec",
        "from importlib.util import find_spec",
        "assert find_spec('nowhere') is None and find_spec('json')",
    ),
    (
        "missing",
        "try: import nowhere\nexcept ModuleNotFoundError as e: error = e",
        "assert error.name == 'nowhere'",
    ),
    (
        "environment",
        "import os\nhome_variable = os.environ['HERMES_HOME']",
        "assert home_variable == str(home)",
    ),
    (
        "unsafe-environment",
        "import os",
        "assert os.environb[b'HERMES_HOME'] == str(home).encode()\n"
        "os.environ['A'] = 'b'\nassert os.getenvb(b'A') == b'b'",
    ),
    ("arguments", "import sys", "assert sys.argv == ['hermes_cli/main.py', 'gateway', 'run']"),
    ("search-path", "import os, sys", "assert sys.path[0] == os.path.dirname(__file__)"),
    (
        "own-path",
        "import os, sys\nsys.path.insert(0, os.path.join(os.path.dirname(__file__), 'vendored'))\n"
        "import only_vendored",
        "assert only_vendored.a == 1",
    ),
    ("sibling", "import sibling", "assert sibling.a == 1"),
    (
        "namespace-package",
        "import folder.inner\nfrom folder import inner as again",
        "assert again is folder.inner and again.a == 1",
    ),
    ("sibling-does-not-shadow", "import queue", "assert queue.Queue"),
    ("sibling-shadows-installed", "import pytest", "assert pytest.a == 1"),
    (
        "replaces-itself",
        "import sys\nclass A:\n    a = 1\nsys.modules['alias'] = A()",
        "import os\nos.stat(home)\nimport alias\nassert alias.a == 1",
    ),
    (
        "forgets-a-module",
        "import sys, json\ndel sys.modules['json']",
        "import json\nassert json.loads('1') == 1",
    ),
    ("resources", "import pkgutil, package", "assert pkgutil.get_data('package', 'data.txt') == b'a'"),
    ("relative-import", "import package.inner", "assert package.inner.neighbour.a == 1 == package.inner.top"),
    ("star-import", "from package.neighbour import *", "assert a == 1"),
    (
        "finder",
        "import sys\nclass F:\n    def find_spec(self, name, path, target=None): names.append(name)\n"
        "names = []\nsys.meta_path.insert(0, F())",
        "try: import nowhere\nexcept ImportError: assert names == ['nowhere']",
    ),
    ("random", "import random", "assert random.random() != random.random()"),
    (
        "weak-references",
        "import logging, weakref\nclass A: pass\na = A()",
        "r = weakref.finalize(a, print)\nassert r.alive and r.detach()",
    ),
    (
        "asynchronous-parts",
        "import asyncio, concurrent.futures, multiprocessing.connection",
        "assert asyncio.base_events",
    ),
)

FILES = {
    "sibling.py": "a = 1\n",
    "queue.py": "raise SystemExit('the standard library is not shadowed')\n",
    "pytest.py": "a = 1\n",
    "folder/inner.py": "a = 1\n",
    "vendored/only_vendored.py": "a = 1\n",
    "package/__init__.py": "top = 1\n",
    "package/data.txt": "a",
    "package/neighbour.py": "a = 1\n",
    "package/inner.py": "from . import neighbour\nfrom . import top\n",
}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        where = folder / name
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_text(textwrap.dedent(text))


@pytest.mark.parametrize(("top", "body"), [row[1:] for row in ASSERTING], ids=[row[0] for row in ASSERTING])
def test_process_imports_as_a_real_one_does(stage: Stage, top: str, body: str) -> None:
    before = dict(sys.modules)
    write(stage.folder, FILES)
    assert stage.run(body, top).text == "serves"
    assert {name for name in before if sys.modules.get(name) is not before[name]} == set()
    assert {"alias", "folder", "only_vendored", "package", "sibling", "subject"}.isdisjoint(sys.modules)
    assert not [path for path in stage.folder.rglob("*") if path.name == "__pycache__"]


COUNTING = """
    import {module}, os
    count = 0
    def bump():
        global count
        count += 1
        {module}.count = getattr({module}, "count", 0) + 1
        return count, {module}.count
"""


@pytest.mark.parametrize(
    ("module", "second"),
    (
        ("sibling", "(1, 1)"),
        ("rich", "(1, 1)"),  # the harness's own
        ("pygments", "(1, 1)"),  # installed, and loaded by the harness
        ("tempfile", "(1, 1)"),
        ("logging", "(1, 1)"),
        ("random", "(1, 1)"),
        ("uuid", "(1, 1)"),
        ("weakref", "(1, 1)"),
        ("warnings", "(1, 1)"),
    ),
)
def test_each_process_has_its_own_copy(stage: Stage, module: str, second: str) -> None:
    loaded = importlib.import_module(module) if module != "sibling" else None
    write(stage.folder, FILES)
    subject = stage.write(
        "(home / 'a').write_text(str(bump()))\nos.stat(home)", textwrap.dedent(COUNTING).format(module=module)
    )
    with stage.begin(subject, "two-starts-empty") as execution:
        for letter, expected in (("A", "(1, 1)"), ("B", second)):
            for _ in range(4):
                execution.make(Move(STEP, letter))
            assert execution.kernel.disk().by_path()["/home/user/.hermes/a"].content.decode() == expected
    if loaded is not None:
        assert sys.modules[module] is loaded
        assert "count" not in vars(loaded)


def test_lock_handle_of_a_module_is_each_processs_own(stage: Stage) -> None:
    top = """
        import fcntl, os
        from pathlib import Path
        LOCKER = fcntl.flock
        handle = None
        def lock(home):
            global handle
            assert handle is None
            handle = open(home / "lock", "w")
            LOCKER(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    """
    subject = stage.write("try: lock(home)\nexcept BlockingIOError: return", top)
    with stage.begin(subject, "two-starts-empty") as execution:
        assert stage.finish(execution, "A").text == "serves"
        assert stage.finish(execution, "B").text == "refused"
        execution.make(Move("crash", "A"))
        execution.make(Move("start", "C"))
        assert stage.finish(execution, "C").text == "serves"


def test_environment_and_paths_of_a_process_stay_its_own(stage: Stage) -> None:
    body = """
        assert "MINE" not in os.environ and "/mine" not in sys.path and sys.argv[-1] != "mine"
        os.environ["MINE"] = "1"; sys.path.append("/mine"); sys.argv.append("mine")
        os.stat(home)
        assert "MINE" in os.environ and "/mine" in sys.path and sys.argv[-1] == "mine"
        os.stat(home)
    """
    subject = stage.write(body, "import os, sys")
    with stage.begin(subject, "two-starts-empty") as execution:
        for letter in "ABAB":
            execution.make(Move(STEP, letter))
        assert [process.phase for process in execution.processes().values()] == ["owner", "owner"]


def test_subject_may_be_named_like_a_standard_module(stage: Stage) -> None:
    write(
        stage.folder,
        {"neighbour.py": "import colorsys, subject_beside\n", "subject_beside.py": "import json\n"},
    )
    for name in ("colorsys", "json", "queue", "logging", "status"):
        subject = stage.write(
            f"import {name}\nassert {name}.gateway is gateway", "import os, tempfile", f"{name}.py"
        )
        assert stage.run_subject(subject).text == "serves"
        assert not hasattr(importlib.import_module("json"), "gateway")
    other = stage.write(
        "import json, colorsys, neighbour\nassert json.dumps({}) and colorsys.rgb_to_hls", name="other.py"
    )
    assert stage.run_subject(other).text == "serves"


def test_subject_in_a_package_is_imported_from_it(stage: Stage) -> None:
    write(
        stage.folder, {"outer/__init__.py": "", "outer/inner/__init__.py": "", "outer/beside.py": "a = 1\n"}
    )
    subject = stage.write(
        "assert __name__ == 'outer.inner.status' and beside.a == 1",
        "from .. import beside",
        "outer/inner/status.py",
    )
    assert stage.run_subject(subject).text == "serves"


def test_subject_by_dotted_name_is_fresh_though_the_harness_has_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = "import os\nfrom os import stat, unlink\ncount = []\n"
    stage.write("assert count == []\ncount.append(1)\nstat(home)", top, "already_loaded.py")
    monkeypatch.syspath_prepend(stage.folder)
    loaded = importlib.import_module("already_loaded")
    assert loaded.stat is os.stat
    for _ in range(2):
        seen = stage.run_subject(find_subject("already_loaded"))
        assert (seen.text, seen.calls) == ("serves", ["stat"])
    assert loaded.count == []
    assert sys.modules.pop("already_loaded") is loaded


def test_built_in_subject_brings_nothing_but_what_it_runs() -> None:
    """Each process pays for it again: the table of all subjects once took half the time of a start."""
    process = new_process(find_subject("direct-unlink"), "A", "start")
    simulation.begin()
    try:
        run_to_call(process)
        ours = {name for name in process.modules if name.startswith("stateful")}
    finally:
        unwind([process])
        simulation.end()
    assert ours == {f"stateful.subjects{name}" for name in ("", ".direct_unlink", ".records")}


def test_edited_file_is_read_anew(stage: Stage) -> None:
    for number in range(3):
        assert stage.run(f"assert number == {number}", f"number = {number}{'#' * number}").text == "serves"


def test_warnings_are_those_of_an_interpreter_without_options(stage: Stage) -> None:
    """This test runs with warnings as errors; a gateway does not."""
    body = """
        warnings.warn("a"); warnings.warn("b", DeprecationWarning); warnings.warn("c", ResourceWarning)
        datetime.datetime.utcnow()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            warnings.warn("d")
        assert [str(warning.message) for warning in caught] == ["d"]
        warnings.simplefilter("error")
        os.stat(home)
        try: warnings.warn("e")
        except UserWarning: os.stat(home)
    """
    seen = stage.run(body, "import datetime, os, warnings")
    assert (seen.text, seen.calls) == ("serves", ["stat", "stat"])


def test_shared_module_is_loaded_once(stage: Stage) -> None:
    """It was run once by the harness and once more in each process, which left two of each class."""
    sys.modules.pop("colorsys", None)
    subject = stage.write(
        "import colorsys\n(home / 'a').write_text(str(hash(colorsys.rgb_to_hls)))\nimport os\nos.stat(home)"
    )
    with stage.begin(subject, "two-starts-empty") as execution:
        for letter in "AB":
            for _ in range(4):
                execution.make(Move(STEP, letter))
            content = execution.kernel.disk().by_path()["/home/user/.hermes/a"].content
            assert int(content) == hash(sys.modules["colorsys"].rgb_to_hls)
    spec = sys.modules["colorsys"].__spec__
    assert type(spec.loader).__module__ != "stateful.python.loading"  # type: ignore[union-attr]
