"""Mutations: the effect of each operator, the invariant that catches it, and equivalent mutants."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from stateful.__main__ import main
from stateful.model.call import Call
from stateful.mutation.operator import BY_TITLE
from stateful.mutation.score import Judgement, judge, scope, survey
from stateful.protocol.subject import Subject, find_subject
from stateful.run.examine import examine

LOCKED = """
import fcntl, os
from pathlib import Path

def gateway(home, serve):
    fd = os.open(home / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        opened, named = os.fstat(fd), os.stat(home / "lock")
    except (BlockingIOError, FileNotFoundError):
        return
    if opened.st_ino != named.st_ino:
        return
    os.ftruncate(fd, 0)
    os.write(fd, b"%d" % os.getpid())
    os.fsync(fd)
    os.stat(home)
    serve()
    Path(home, "lock").unlink()
    os.close(fd)
"""
RECORDED = """
import fcntl, os

def gateway(home, serve):
    lock = os.open(home / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if (home / "gateway.pid").exists():
            os.unlink(home / "gateway.pid")
        fd = os.open(home / "gateway.pid", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except (BlockingIOError, FileExistsError):
        return
    os.write(fd, b"%d" % os.getpid())
    serve()
"""
ALONE = ("one-start-empty-1-kill", "start-and-exit-empty-1-kill")
TOGETHER = (*ALONE, "two-starts-empty")
LOST = ("one-start-empty-1-power-loss",)
DOUBLE, WEDGED = "at_most_one_owner", "a_dead_owner_can_be_replaced"

# The source, the scenarios, and what becomes of the mutations of a line.
JUDGED = {
    "a lock that is skipped": (LOCKED, TOGETHER, 8, "flock() skipped", "caught", DOUBLE),
    "a lock that is shared": (LOCKED, TOGETHER, 8, "flock() shared", "caught", DOUBLE),
    "a lock that is held": (LOCKED, TOGETHER, 8, "flock() takes EAGAIN for success", "caught", DOUBLE),
    "a lock that comes late": (LOCKED, TOGETHER, 8, "flock() after the next call", "caught", DOUBLE),
    "a look at the name": (LOCKED, ("exit-and-start-empty",), 9, "fstat() by path", "equivalent", ""),
    "a look at the name, of one": (LOCKED, ALONE, 9, "fstat() by path", "equivalent", ""),
    "a stale look": (LOCKED, ("exit-and-start-empty",), 9, "stat() stale answer", "caught", DOUBLE),
    "a sync where power stays": (LOCKED, ALONE, 16, "fsync() skipped", "equivalent", ""),
    "a sync where power is lost": (LOCKED, LOST, 16, "fsync() skipped", "survived", ""),
    "a content that is left": (LOCKED, TOGETHER, 14, "ftruncate() skipped", "equivalent", ""),
    "a record that stays": (RECORDED, ("one-start-stale",), 9, "unlink() skipped", "caught", WEDGED),
    "a record of anybody": (RECORDED, ("one-start-stale",), 10, "open() without O_EXCL", "equivalent", ""),
    "a descriptor that stays": (LOCKED, ALONE, 20, "close() skipped", "survived", ""),
    "a name that goes twice": (LOCKED, ALONE, 19, "unlink() twice", "equivalent", ""),
}

# What a call does that an operator concerns, and does not that it leaves alone.
CONCERNS = {
    "skipped": (
        [Call("write", (3, b"1")), Call("fsync", (3,)), Call("kill", (7, 15)), Call("utime", ("/x", None))],
        [
            Call("kill", (7, 0)),
            Call("open", ("/x", 0, 0)),
            Call("sendfile", (4, 3, 0, 9)),
            Call("chdir", ("/",)),
        ],
    ),
    "twice": (
        [Call("unlink", ("/x",)), Call("rename", ("/x", "/y")), Call("rmdir", ("/x",))],
        [Call("link", ("/x", "/y")), Call("mkdir", ("/x", 0)), Call("close", (3,))],
    ),
    "shared": (
        [Call("flock", (3, fcntl.LOCK_EX)), Call("lockf", (3, fcntl.LOCK_EX | fcntl.LOCK_NB, 0, 0, 0))],
        [Call("flock", (3, fcntl.LOCK_SH)), Call("flock", (3, fcntl.LOCK_UN))],
    ),
    "by path": ([Call("fstat", (3,))], [Call("stat", ("/x", True)), Call("read", (3, 9))]),
    "stale answer": (
        [Call("pread", (3, 9, 0)), Call("stat", ("/x", True))],
        [Call("readlink", ("/x",)), Call("listdir", ("/",))],
    ),
    "without O_EXCL": (
        [Call("open", ("/x", os.O_CREAT | os.O_EXCL, 0))],
        [Call("open", ("/x", os.O_CREAT, 0))],
    ),
}


@pytest.mark.parametrize("title", CONCERNS)
def test_operator_concerns_calls_by_what_they_do(title: str) -> None:
    concerned, left_alone = CONCERNS[title]
    assert all(BY_TITLE[title].concerns(call) for call in concerned)
    assert not any(BY_TITLE[title].concerns(call) for call in left_alone)


def written(folder: Path, source: str) -> Subject:
    (folder / "subject.py").write_text(source)
    return find_subject(str(folder / "subject.py"))


def judged(subject: Subject, names: tuple[str, ...], line: int, title: str) -> Judgement:
    offer = examine(subject)
    scenarios = tuple(scope(offer, names))
    possible = survey(subject, offer, scenarios)
    found = {(mutation.site.line, str(mutation)): mutation for mutation in possible}
    return judge(subject, offer, found[line, title], possible[found[line, title]])


# These search all that there is, twice.
SLOW = (
    "a content that is left",
    "a look at the name, of one",
    "a sync where power stays",
    "a name that goes twice",
)


@pytest.mark.parametrize(
    ("source", "names", "line", "title", "verdict", "by"),
    [
        pytest.param(*row, id=name, marks=[pytest.mark.long] if name in SLOW else [])
        for name, row in JUDGED.items()
    ],
)
def test_mutation_is_judged(
    source: str, names: tuple[str, ...], line: int, title: str, verdict: str, by: str, tmp_path: Path
) -> None:
    judgement = judged(written(tmp_path, source), names, line, title)
    assert (judgement.verdict, judgement.by) == (verdict, by)


def test_site_is_the_line_of_the_subject_whatever_library_makes_the_call(tmp_path: Path) -> None:
    subject = written(tmp_path, RECORDED)
    offer = examine(subject)
    sites = {mutation.site for mutation in survey(subject, offer, scope(offer, ("one-start-stale",)))}
    assert {(site.line, site.function, site.call) for site in sites} == {
        (7, "gateway", "flock"),
        (8, "gateway", "stat"),
        (9, "gateway", "unlink"),
        (10, "gateway", "open"),
        (13, "gateway", "write"),
    }


def test_mutation_is_possible_in_every_scenario_in_which_its_call_is_made(tmp_path: Path) -> None:
    subject = written(tmp_path, LOCKED)
    offer = examine(subject)
    names = ["one-start-empty", "one-start-stale", "start-and-exit-stale-1-errno"]
    found = survey(subject, offer, scope(offer, names))
    where = {str(mutation): [scenario.name for scenario in each] for mutation, each in found.items()}
    assert where["fsync() skipped"] == names
    assert where["fsync() takes EIO for success"] == names[2:]


def test_errno_of_an_injected_fault_is_one_to_be_ignored(tmp_path: Path) -> None:
    subject = written(tmp_path, LOCKED)
    offer = examine(subject)
    found = survey(subject, offer, scope(offer, ("start-and-exit-stale-1-errno",)))
    assert {mutation.title for mutation in found if mutation.site.call == "fsync"} == {
        "skipped",
        "after the next call",
        "takes EIO for success",
        "takes ENOSPC for success",
    }


def test_mutant_leaves_the_source_alone_and_is_the_same_in_a_worker(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path, RECORDED)
    path = str(tmp_path / "subject.py")
    outputs = []
    for workers in ("1", "2"):
        assert main(["mutate", path, "--scenario", "one-start-stale", "--workers", workers]) == 1
        outputs.append(capsys.readouterr().out.partition("\n\n")[2])
    assert outputs[0] == outputs[1]
    assert (tmp_path / "subject.py").read_text() == RECORDED
    assert (
        outputs[0]
        == f"""\
subject.py:7 gateway
  flock() after the next call        at_most_one_owner                 one-start-stale
  flock() shared                     at_most_one_owner                 one-start-stale
  flock() skipped                    at_most_one_owner                 one-start-stale
  flock() takes EAGAIN for success   at_most_one_owner                 one-start-stale
subject.py:8 gateway
  stat() stale answer                equivalent
subject.py:9 gateway
  unlink() after the next call       a_dead_owner_can_be_replaced      one-start-stale
  unlink() skipped                   a_dead_owner_can_be_replaced      one-start-stale
  unlink() twice                     equivalent
subject.py:10 gateway
  open() without O_EXCL              equivalent
subject.py:13 gateway
  write() after the next call        SURVIVED
  write() skipped                    SURVIVED

{path}: 6 of 8 mutations caught, 75 %
      3 equivalent: nothing that can be observed differs, in this scope
      4 caught by at_most_one_owner
      2 caught by a_dead_owner_can_be_replaced
  scope: 1 scenario, searched exhaustively
"""
    )


# Arguments, and what is said of the subject.
NOTHING_TO_SAY = {
    "it is violated": (
        ["direct-unlink", "--scenario", "two-starts-empty"],
        "it violates at_most_one_owner in two-starts-empty itself; only a subject that holds can be "
        "mutated, so fix that first",
    ),
    "it reaches too little": (
        ["tests/planted/never_replaces.py", "--scenario", "replace-of-owner-empty"],
        "it never reaches a_replace_succeeded in replace-of-owner-empty itself; only a subject that holds "
        "can be mutated, so fix that first",
    ),
    "it is played": (
        ["direct-unlink", "--scenario", "outage*", "--scenario", "any-empty"],
        "none of these scenarios can be searched for it; name others",
    ),
}


@pytest.mark.parametrize("case", NOTHING_TO_SAY)
def test_subject_of_whose_mutants_nothing_can_be_said_is_one_line_and_status_two(
    case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, said = NOTHING_TO_SAY[case]
    assert main(["mutate", *arguments]) == 2
    assert capsys.readouterr().err == f"stateful: {arguments[0]}: {said}\n"
