"""Between which two states of a file or folder another process may find it, and which looks tell them apart.

In a pattern that is made of a row (``tests.search.patterns``) the answer to a look decides between serving
and giving up, so that a wrong one shows in the violated invariants.
"""

from __future__ import annotations

from typing import Final

from tests.search.protocols import Body, Step


def statement(
    call: str,
    line: int = 0,
    path: str = "slot",
    other: str = "lock",
    failed: Body = ("pass",),
    test: int = 0,
    passed: Body = (),
    error: str = "OSError",
) -> Step:
    return Step(call, line, path, other, error, failed, test, passed)


GIVE_UP: Final = ("return",)
SERVE: Final = ("serve()", "return")
RAISES: Final = (statement("stat", 0, "home"), "raise ValueError")
LAST: Final = (
    statement("stat", 0, "home"),
    "serve()",
)  # The step before is then none that begins or ends a phase.
SLOT: Final = (statement("open", 1),)
SLOT_X: Final = (*SLOT, statement("write", 2))
FOLDER: Final = (statement("mkdir"),)
PRIVATE: Final = (statement("mkdir", 1),)
TOLD: Final = (*PRIVATE, statement("symlink", 3, "slot", "own"))
Look = tuple[Step, ...]  # the last one is tested


def looks(*looks: Step | Look) -> tuple[Look, ...]:
    return tuple((look,) if isinstance(look, Step) else look for look in looks)


OPENED: Final = statement("open", 3, failed=GIVE_UP)
# What is done first, what is done then, one of several things, and looks that tell whether it has been done.
BETWEEN: Final[dict[str, tuple[Body, tuple[Body, ...], tuple[Look, ...]]]] = {
    "lock": (
        SLOT,
        ((statement("flock"),), (statement("lockf"),)),
        looks(
            (statement("open", 2), statement("flock", failed=GIVE_UP)),
            (statement("open", 2), statement("lockf", failed=GIVE_UP)),
        ),
    ),
    "size": (
        SLOT,
        ((statement("write", 2),), (statement("pwrite", 1),), (statement("ftruncate", 1),)),
        looks(
            statement("fdkind", 0, test=1),
            (OPENED, statement("read", 1, test=1)),
            (OPENED, statement("pread", 1, test=1)),
            (OPENED, statement("lseek", 0, test=1)),
            (statement("open", 1, "mine"), statement("sendfile", 0, test=2)),
        ),
    ),
    "copied": (
        (statement("write", 2), *SLOT),
        ((statement("sendfile", 2),),),
        looks(statement("fdkind", 0, test=1)),
    ),
    "no size": (
        SLOT_X,
        ((statement("truncate"),), (statement("ftruncate"),), (statement("open", 4),)),
        looks(statement("stat"), (OPENED, statement("fstat")), statement("fdkind")),
    ),
    "mode": (
        SLOT,
        ((statement("chmod"),), (statement("fchmod"),)),
        looks(statement("stat", 1, test=2), statement("access", 1, test=1), (OPENED, statement("fstat", 2))),
    ),
    "time": (
        SLOT,
        ((statement("utime"),), (statement("utime", 2),)),
        looks(statement("stat", 0, test=2)),
    ),
    "links": (
        SLOT,
        ((statement("link", other="mine"),),),
        looks(statement("stat", 0, test=1), (OPENED, statement("fstat", 0, test=2))),
    ),
    "no link": (
        SLOT,
        ((statement("unlink"),), (statement("rename", 0, "where"),)),
        looks((OPENED, statement("fstat", 0, test=1)), (OPENED, statement("fstat", 1))),
    ),
    "folder": (
        SLOT,
        (
            (statement("unlink"), statement("mkdir")),
            (statement("rename", 0, "slot", "mine"), statement("mkdir")),
        ),
        looks(statement("scandir", 0, "home"), statement("stat", 1), statement("scandir", 0, "home", test=2)),
    ),
    "link": (
        SLOT,
        ((statement("unlink"), statement("symlink", 1)),),
        looks(statement("stat", 1, test=1), statement("scandir", 1, "home")),
    ),
    "target": (
        (statement("symlink", 2),),
        ((statement("unlink"), statement("symlink", 1)),),
        looks(statement("readlink", 1)),
    ),
    "name": (
        (statement("open", 1, "mine"),),
        (
            (statement("open"),),
            (statement("mkdir"),),
            (statement("symlink", 1),),
            (statement("link", 0, "mine", "slot"),),
            (statement("rename", 0, "mine", "slot"),),
        ),
        looks(
            statement("listdir", 0, "home", test=1),
            statement("stat", 2),
            statement("access"),
            statement("scandir", 0, "home"),
        ),
    ),
    "name in a folder": (
        FOLDER,
        (
            (statement("open", 1, "inside"),),
            (statement("mkdir", 0, "inside"),),
            (statement("symlink", 1, "inside"),),
        ),
        looks(
            statement("listdir", 0, "slot"),
            statement("rmdir", failed=GIVE_UP),
            statement("rename", 2, "slot", "mine", failed=GIVE_UP),
            statement("stat", 2, "inside"),
        ),
    ),
    "private": (
        TOLD,
        (
            (statement("mkdir", 0, "marked"),),
            (statement("open", 1, "marked"),),
            (statement("symlink", 1, "marked"),),
            (statement("rmdir", 0, "own"),),
            (statement("chmod", 2, "own"),),
        ),
        looks(
            statement("stat", 2, "inside"),
            statement("listdir", 0, "slot"),
            statement("mkdir", 0, "inside", failed=GIVE_UP),
            statement("access", 0, "slot", test=1),
            statement("access", 1, "slot", test=1),
        ),
    ),
    "private link": (
        (*PRIVATE, statement("open", 1, "marked"), statement("link", 0, "marked", "slot")),
        (
            (statement("write", 2),),
            (statement("unlink", 0, "marked"),),
            (statement("truncate", 0, "marked"),),
        ),
        looks(statement("fdkind", 0, test=1), statement("stat", 0, test=1), statement("stat", 0)),
    ),
    "moved out": (
        (*PRIVATE, statement("open", 1, "marked"), statement("rename", 0, "marked", "slot")),
        ((statement("write", 2),), (statement("fchmod"),)),
        looks(statement("stat", 0), statement("stat", 1, test=2)),
    ),
    "leads out": (
        (*PRIVATE, statement("symlink", 3, "marked", "slot")),
        ((statement("open", 1, "marked"),),),
        looks(statement("stat", 2)),
    ),
}
