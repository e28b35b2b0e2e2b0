"""What real file systems answer is answered, so that a protocol which counts on it is not accused."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from stateful.model.call import UnmodelledSyscall
from stateful.model.scenario import Scenario
from stateful.model.standard import SCENARIOS, find_scenario
from stateful.verification.verification import verify
from tests.shortened import sampled

HEAD: Final = """import fcntl, os, time

def take(home, name):
    fd = os.open(home / name, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return None
    return fd

def gateway(home, serve):
    {before}
    fd = take(home, "{name}")
    if fd is None:
        return
    {under}
    serve()
"""
NAMES: Final = ("lock", "gateway.lock", "0")
SMALL: Final = [
    scenario
    for scenario in SCENARIOS
    if scenario.cast.name in ("one-start", "two-starts", "exit-and-start")
    and scenario.disk.name in ("empty", "stale")
    and scenario.plan in ((), ("kill",), ("errno",), ("sigint",), ("bad-disk",))
]

# What a protocol does before it takes its lock, or under it. In each it owns, as on a real machine.
BEFORE: Final = {
    "close all": """for number in range(3, 5000):
        try:
            os.close(number)
        except OSError:
            pass""",
    "close a range": "os.closerange(3, 70_000)",
    "pin the home": "pin = os.open(home, os.O_PATH)",
    "make the home": "os.makedirs(home, exist_ok=True)",
    "make the home by its path": "home.mkdir(parents=True, exist_ok=True)",
}
RECORD: Final = """new = os.open(home, os.O_TMPFILE | os.O_RDWR, 0o600)
    os.write(new, b"%d" % os.getpid())
    try:
        os.unlink(home / "record")
    except FileNotFoundError:
        pass
    os.link(f"/proc/self/fd/{new}", home / "record", src_dir_fd={folder}, follow_symlinks=True)"""
UNDER: Final = {
    "link a nameless file": RECORD.replace("{folder}", "fd"),
    "look at blocks": """found = os.fstat(fd)
    if found.st_blocks * 512 > 100 * found.st_blksize:
        os.ftruncate(fd, 0)""",
    "look at the change time": """before = os.fstat(fd).st_ctime_ns
    time.sleep(0.05)
    os.fchmod(fd, 0o640)
    if os.fstat(fd).st_ctime_ns <= before:
        return""",
    "mark by a time": """os.utime(home / "{name}", ns=(1_234_567_891, 1_987_654_321_012_345_678))
    if os.stat(home / "{name}").st_mtime_ns != 1_987_654_321_012_345_678:
        return""",
    "set the access time apart": """os.utime(home / "{name}", (1000.0, 2000.0))
    if os.stat(home / "{name}").st_atime != 1000.0:
        return""",
    "count the subfolders": """(home / "jobs").mkdir(exist_ok=True)
    if os.stat(home / "jobs").st_nlink - 2 < 0 or os.stat(home).st_nlink != 3:
        return""",
    "look at the time of the home": """before = os.stat(home).st_mtime_ns
    time.sleep(1)
    (home / "mark").touch()
    os.unlink(home / "mark")
    if os.stat(home).st_mtime_ns <= before:
        return""",
    "rename a folder": """if not (home / "current").exists():
        (home / "new").mkdir(exist_ok=True)
        os.rename(home / "new", home / "current")""",
    "names of bytes": r"""os.close(os.open(os.fsencode(home) + b"/\xff", os.O_CREAT | os.O_RDWR))
    os.rename(os.fsencode(home) + b"/\xff", os.fsencode(home) + b"/\xfe")
    if b"\xfe" not in os.listdir(os.fsencode(home)):
        return""",
}
RIGHT: Final = [
    *(pytest.param(code, "pass", id=kind) for kind, code in BEFORE.items()),
    *(pytest.param("pass", code, id=kind) for kind, code in UNDER.items()),
]


def judge(
    folder: Path, before: str, under: str, name: str = NAMES[0], scenarios: list[Scenario] = SMALL
) -> set[str]:
    """The invariants that a protocol breaks."""
    source = HEAD.replace("{before}", before).replace("{under}", under).replace("{name}", name)
    (folder / "files.py").write_text(source)
    found = verify(str(folder / "files.py"), scenarios)
    assert found.exhaustive
    return set(found.violations)


@pytest.mark.parametrize(("before", "under"), sampled(RIGHT))
@pytest.mark.parametrize(
    "name", [NAMES[0], *(pytest.param(one, marks=pytest.mark.long) for one in NAMES[1:])]
)
def test_protocol_that_counts_on_a_real_file_system_is_right(
    before: str, under: str, name: str, tmp_path: Path
) -> None:
    assert judge(tmp_path, before, under, name) == set()


# The same deeds with a mistake, which only these answers show.
DENIED: Final = {
    "a file that has lost its name": """os.unlink(home / "{name}")
    os.link(f"/proc/self/fd/{fd}", home / "record", src_dir_fd=fd, follow_symlinks=True)""",
    "a lock by O_PATH": "fcntl.flock(os.open(home / '{name}', os.O_PATH), fcntl.LOCK_SH)",
    "a nameless file of nobody": RECORD.replace("O_RDWR", "O_RDWR | os.O_EXCL").replace("{folder}", "fd"),
}


@pytest.mark.parametrize("kind", sampled(DENIED))
def test_what_a_real_file_system_denies_is_denied(kind: str, tmp_path: Path) -> None:
    assert "only_documented_errors" in judge(tmp_path, "pass", DENIED[kind])


LEASES: Final = {
    "by the change time": ("os.stat(path).st_ctime", "os.chmod(path, 0o600)"),
    "by the access time": ("os.stat(path).st_atime", "os.utime(path)"),
    "by the time of its folder": ("os.stat(home).st_mtime", "os.unlink(path), path.touch()"),
}


@pytest.mark.parametrize("kind", LEASES)
def test_lease_that_nobody_renews_is_found(kind: str, tmp_path: Path) -> None:
    """After half a minute a second process takes over, by whichever time it tells that."""
    told, takes = LEASES[kind]
    before = f"""path = home / "lease"
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR))
    except FileExistsError:
        time.sleep(31)
        if time.time() - {told} < 30:
            return
        {takes}
    serve()
    return"""
    assert "at_most_one_owner" in judge(
        tmp_path, before, "pass", scenarios=[find_scenario("two-starts-empty")]
    )


def test_process_may_have_a_hundred_files_open(tmp_path: Path) -> None:
    held = "held = [os.open(home / 'lock', os.O_RDONLY) for _ in range(100)]"
    assert judge(tmp_path, "pass", held, scenarios=[find_scenario("one-start-empty")]) == set()


def test_file_too_large_to_be_recorded_is_refused(tmp_path: Path) -> None:
    """Its end would be missing in every state that is restored."""
    (tmp_path / "large.py").write_text(
        "import os\n"
        "def gateway(home, serve):\n"
        "    os.truncate(os.open(home / 'log', os.O_CREAT | os.O_RDWR), 2_000_000)\n"
        "    serve()\n"
    )
    with pytest.raises(UnmodelledSyscall, match=r"hermes/log 2,000,000 bytes long; no more than 1,048,576"):
        verify(str(tmp_path / "large.py"), [find_scenario("one-start-empty")])
