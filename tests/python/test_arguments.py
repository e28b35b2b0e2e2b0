"""What is no argument of a call is an error in the process that made the call, and none of the harness."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Final

import pytest

from stateful.model.call import UnmodelledSyscall
from tests.conftest import Stage
from tests.shortened import shortened

CALLS: Final = {
    "numbers": """
        os.pread(fd, bad, 0), os.pread(fd, 1, bad), os.pwrite(fd, b"", bad), os.read(fd, bad), os.dup(bad),
        os.lseek(fd, bad, 0), os.lseek(fd, 0, bad), os.ftruncate(fd, bad), os.fsync(bad), os.fstat(bad),
        os.write(bad, b""), os.close(bad)""",
    "modes and operations": """
        os.fchmod(fd, bad), os.chmod(name, bad), os.umask(bad), os.mkdir("x", bad), os.rmdir("x"),
        os.access(name, bad), fcntl.flock(fd, bad), fcntl.flock(bad, 2), os.open(name, bad)""",
    "paths and contents": """
        os.stat(bad), os.unlink(bad), os.rename(bad, bad), os.rename(name, bad), os.readlink(bad),
        os.mkdir(bad), os.rmdir(bad), os.symlink(bad, "y"), os.link(bad, bad), os.truncate(bad, 0),
        os.truncate(name, bad), os.listdir(bad), os.write(fd, bad), os.utime(name, bad), os.chdir(bad)""",
    "users": "os.chown(name, bad, -1), os.fchown(fd, -1, bad)",
}
BAD: Final = '"x"', "None", "1.5", "[]", "b'x'", "-1", "2**31", "2**63", "2**70", "object()", '"a\\0b"'
BODY: Final = """
import errno, fcntl, json, os
name = "some"
os.chdir(home)
fd = os.open(name, os.O_CREAT | os.O_RDWR)
said = []
for bad in ({bad},):
    for call in ({calls},):
        os.lseek(fd, 0, 0)
        try:
            call(bad)
            said.append("ok")
        except OSError as error:
            said.append(errno.errorcode[error.errno])
        except Exception as error:
            said.append(type(error).__name__)
(home / "said").write_text(json.dumps(said))
"""


def body(calls: str, bad: str) -> str:
    lambdas, depth, start = [], 0, 0
    for place, letter in enumerate(calls):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            lambdas.append(calls[start:place])
            start = place + 1
    each = ", ".join(f"(lambda bad: {one.strip()})" for one in (*lambdas, calls[start:]))
    return BODY.replace("{calls}", each).replace("{bad}", bad)


@pytest.mark.parametrize("calls", CALLS)
@pytest.mark.parametrize("bad", shortened(BAD, 6))
def test_process_goes_on_or_is_refused_in_words(stage: Stage, calls: str, bad: str) -> None:
    said = None
    with contextlib.suppress(UnmodelledSyscall):
        said = json.loads(stage.run(body(CALLS[calls], bad)).files["said"])
    assert said != []


@pytest.mark.parametrize("bad", ['"x"', "1.5", "[]", "object()"])
def test_number_that_is_none_is_the_error_of_cpython(
    stage: Stage, bad: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = body(CALLS["numbers"], bad)
    simulated = json.loads(stage.run(code).files["said"])
    monkeypatch.chdir(tmp_path)
    exec(code, {"home": tmp_path})
    assert simulated == json.loads((tmp_path / "said").read_text())
