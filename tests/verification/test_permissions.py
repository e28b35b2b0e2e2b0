"""What root has left, a umask, and links that somebody planted: what is wrong is found, and only that."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from stateful.model.standard import SCENARIOS
from stateful.report.text import trace_text
from stateful.verification.verification import Verification, verify
from tests.shortened import sampled

HEAD: Final = """import fcntl, os

documented_errors = (PermissionError,)

def lock(fd):
    try:
        fcntl.{family}(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
"""
ROOT: Final = """
def gateway(home, serve):
    fd = os.open(home / "{name}", os.O_CREAT | os.O_RDWR, {mode})
    if lock(fd):
        serve()
"""
# What root makes belongs to the user of the home; or the lock is opened only to read.
GIVEN: Final = """
def gateway(home, serve):
    if os.getuid() == 0 and not os.path.exists(home / "{name}"):
        aside = os.open(home / "{name}.{mode}", os.O_CREAT | os.O_RDWR, 0o600)
        os.fchown(aside, os.stat(home).st_uid, -1)
        try:
            os.link(home / "{name}.{mode}", home / "{name}")
        except FileExistsError:
            pass
    fd = os.open(home / "{name}", os.O_CREAT | os.O_RDWR, {mode})
    if lock(fd):
        serve()
"""
READ: Final = """
def gateway(home, serve):
    fd = os.open(home / "{name}", os.O_CREAT | os.O_RDONLY, {mode})
    if lock(fd):
        serve()
"""
UMASK: Final = """
def gateway(home, serve):
    fd = os.open(home / "{name}", os.O_CREAT | os.O_RDWR, {mode})
    if os.fstat(fd).st_mode & 0o022:
        raise PermissionError("others may write it")
    if lock(fd):
        serve()
"""
UMASK_MENDED: Final = UMASK.replace(
    '        raise PermissionError("others may write it")\n',
    "        if os.fstat(fd).st_uid != os.getuid():\n"
    '            raise PermissionError("others may write it")\n'
    "        os.fchmod(fd, 0o600)\n",
).replace("{mode}", "0o600 if os.getuid() == 0 else {mode}")
LINK: Final = """
def gateway(home, serve):
    fd = os.open(home / "{name}", os.O_CREAT | os.O_RDWR | os.O_TRUNC, 0o600)
    if lock(fd):
        serve()
"""
LINK_MENDED: Final = LINK.replace("os.O_TRUNC", "os.O_NOFOLLOW | os.O_TRUNC")
RECORD: Final = """
def gateway(home, serve):
    if lock(os.open(home / "{name}", os.O_CREAT | os.O_RDWR, 0o600)):
        (home / "{name}.pid").write_text(str(os.getpid()))
        serve()
"""
RECORD_MENDED: Final = RECORD.replace(
    '        (home / "{name}.pid").write_text(str(os.getpid()))\n',
    '        new = home / f"new.{os.getpid()}"\n'
    "        new.write_text(str(os.getpid()))\n"
    '        os.replace(new, home / "{name}.pid")\n',
)
# What is right for a reason of its own.
PRIVATE: Final = ROOT.replace("{mode}", "0o600")
LOG: Final = PRIVATE.replace(
    "        serve()", '        open(home / "log", "a").write("starts")\n        serve()'
)
IN_THE_LOCK: Final = PRIVATE.replace(
    "        serve()",
    "        os.ftruncate(fd, 0)\n        os.write(fd, b'%d' % os.getpid())\n        serve()",
)

MAY_START: Final = "a_dead_owner_can_be_replaced"
OWN_FILES: Final = "only_own_files_are_changed"
KINDS: Final = {
    "the lock of root": (ROOT, GIVEN, "0o644", MAY_START),
    "the lock of root, opened to read": (ROOT, READ, "0o644", MAY_START),
    "the lock of root, for a group": (ROOT, GIVEN, "0o664", MAY_START),
    "the lock of root, executable": (ROOT, GIVEN, "0o777", MAY_START),
    "a umask that lets a group write": (UMASK, UMASK_MENDED, "0o660", MAY_START),
    "a link at the lock": (LINK, LINK_MENDED, "0o600", OWN_FILES),
    "a link at the record": (RECORD, RECORD_MENDED, "0o600", OWN_FILES),
}
SMALL: Final = [
    scenario
    for scenario in SCENARIOS
    if scenario.cast.name in ("one-start", "two-starts", "start-and-exit", "exit-and-start")
    and (scenario.disk.name in ("root", "umask-0002") or scenario.plan[-1:] == ("planted-link",))
]


def judge(source: str, name: str, mode: str, folder: Path, family: str = "flock") -> Verification:
    text = (HEAD + source).replace("{name}", name).replace("{mode}", mode).replace("{family}", family)
    file = folder / f"made_{len(list(folder.iterdir()))}.py"
    file.write_text(text)
    return verify(str(file), SMALL)


@pytest.mark.parametrize("name", ["app.lock", pytest.param("0", marks=pytest.mark.long)])
@pytest.mark.parametrize("kind", sampled(KINDS))
def test_what_another_user_or_a_link_does_is_found(kind: str, name: str, tmp_path: Path) -> None:
    broken, mended, mode, invariant = KINDS[kind]
    found = judge(broken, name, mode, tmp_path)
    assert set(found.violations) == {invariant}
    found = judge(mended, name, mode, tmp_path)
    assert not found.violations
    assert found.exhaustive


@pytest.mark.parametrize("source", [PRIVATE, LOG, IN_THE_LOCK], ids=["private", "log", "in the lock"])
@pytest.mark.parametrize("errors", ["(PermissionError,)", "()"])
def test_error_beside_a_private_file_of_root_is_right(source: str, errors: str, tmp_path: Path) -> None:
    (tmp_path / "right.py").write_text(
        (HEAD.replace("(PermissionError,)", errors) + source)
        .replace("{name}", "lock")
        .replace("{family}", "flock")
    )
    found = verify(str(tmp_path / "right.py"), SMALL)
    assert (found.violations, found.verdict) == ({}, "holds")


@pytest.mark.parametrize(
    ("source", "mode", "invariant"),
    [(ROOT, "0o644", MAY_START), (LINK, "0o600", OWN_FILES)],
    ids=["root", "link"],
)
def test_lockf_makes_no_difference(source: str, mode: str, invariant: str, tmp_path: Path) -> None:
    assert set(judge(source, "lock", mode, tmp_path, "lockf").violations) == {invariant}


def test_private_log_does_not_hide_a_lock_that_others_may_read(tmp_path: Path) -> None:
    log = '        os.open(home / "log", os.O_CREAT | os.O_RDWR, 0o600)\n'
    log = f"    try:\n{log}    except OSError:\n        pass\n"
    source = ROOT.replace("serve):\n", f"serve):\n{log}")
    assert set(judge(source, "lock", "0o644", tmp_path).violations) == {MAY_START}


def test_violations_are_printed_with_what_denied_and_what_was_changed(tmp_path: Path) -> None:
    found = judge(ROOT, "lock", "0o644", tmp_path)
    assert "open(lock, CREAT)            EACCES" in trace_text(found.violations[MAY_START])
    assert "scenario: one start, empty disk, A runs as root" in trace_text(found.violations[MAY_START])
    found = judge(LINK, "lock", "0o600", tmp_path)
    text = trace_text(found.violations[OWN_FILES])
    assert text.splitlines()[:2] == [
        "only_own_files_are_changed is violated: B emptied the user's diary, which no gateway has made: lock",
        "    is a link to it",
    ]
    assert "-- lock becomes a link to the user's diary --" in text
