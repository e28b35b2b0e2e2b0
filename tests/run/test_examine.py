"""The message for a subject that cannot be imported: it names the subject's own line, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from stateful.protocol.subject import SubjectError, find_subject
from stateful.run.examine import examine

GATEWAY = "def gateway(home, serve): serve()\n"
AS_A_PROGRAM = 'keep what it does as a program below `if __name__ == "__main__":`'

# The files of a subject, the first of which is named, and the whole of what is said of it.
BROKEN: dict[str, tuple[dict[str, str], str]] = {
    "library raises": (
        {"single.py": "import helper", "helper.py": "import json\n\njson.loads('{')"},
        "it fails on import: JSONDecodeError: Expecting property name enclosed in double quotes: line 1 "
        "column 2 (char 1), line 3 of helper.py",
    ),
    "syntax": (
        {"single.py": "import helper", "helper.py": "def gateway(home:\n"},
        "it fails on import: SyntaxError: '(' was never closed (helper.py, line 1)",
    ),
    "encoding": (
        {"single.py": "\nimport helper", "helper.py": "# coding: nothing\n"},
        "it fails on import: SyntaxError: unknown encoding: nothing, line 2 of single.py",
    ),
    "missing library": (
        {"single.py": "import no_such_module"},
        "it fails on import: ModuleNotFoundError: No module named 'no_such_module', line 1 of single.py; "
        "install it beside the harness, or name its folder in PYTHONPATH",
    ),
    "missing file": (
        {"single.py": "from pathlib import Path\nPath('/etc/acme.conf').read_text()"},
        "it fails on import: FileNotFoundError: [Errno 2] No such file or directory: '/etc/acme.conf', "
        "line 2 of single.py; a process sees only its home, which is empty, and the files beside the "
        "subject: have the module do without, or verify a wrapper module that stubs what reads it",
    ),
    "missing variable": (
        {"single.py": "import os\nTOKEN = os.environ['ACME_TOKEN']"},
        "it fails on import: KeyError: 'ACME_TOKEN', line 2 of single.py; the environment of a process is "
        "fixed (HOME, HERMES_HOME, LANG, PATH, TMPDIR, USER, XDG_RUNTIME_DIR): have the module do without, "
        "or verify a wrapper module that calls os.environ.setdefault('ACME_TOKEN', ...) before it imports it",
    ),
    "missing key": (
        {"single.py": "{}['ACME_TOKEN']"},
        "it fails on import: KeyError: 'ACME_TOKEN', line 1 of single.py",
    ),
    "no Exception": (
        {"single.py": "class Odd(BaseException): ...\nraise Odd('no')"},
        "it fails on import: Odd: no, line 2 of single.py",
    ),
    "exit": (
        {"single.py": "import sys\nsys.exit('usage: single')"},
        f"it ends on import: SystemExit: usage: single, line 2 of single.py; {AS_A_PROGRAM}",
    ),
    "arguments": (
        {"single.py": "import argparse\nargparse.ArgumentParser().parse_args(['a'])"},
        f"it ends on import: SystemExit: 2, line 2 of single.py; {AS_A_PROGRAM}",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_line_of_the_subject_is_told(tmp_path: Path, what: str) -> None:
    files, said = BROKEN[what]
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    path = tmp_path / next(iter(files))
    with pytest.raises(SubjectError) as raised:
        examine(find_subject(path))
    assert str(raised.value) == f"{path}: {said}"


def test_wrapper_module_sets_a_variable_as_advised(tmp_path: Path) -> None:
    (tmp_path / "single.py").write_text("import os\nTOKEN = os.environ['ACME_TOKEN']\n" + GATEWAY)
    wrapper = tmp_path / "wrapper.py"
    wrapper.write_text("import os\nos.environ.setdefault('ACME_TOKEN', 'x')\nfrom single import *\n")
    assert examine(find_subject(wrapper)).lives == ("start",)
