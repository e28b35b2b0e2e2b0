"""Mistakes planted in what the reductions go by, and the drawn protocol that tells of each.

Most are a row of ``SYSCALLS`` that lies, or a field that says it names nothing. Each is caught where the set
of violated invariants differs from that of a search without reductions, or where the search ends badly. The
number is that of the first protocol that does so; a long test looks whether it is the first.

Not caught, because the search notices by itself and starts again without symmetry: the first argument of
``kill`` that is a number, the content of a file that names nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from typing import Annotated, Any, Final

import pytest

from stateful.model import usage
from stateful.model.call import Call
from stateful.model.disk import Disk
from stateful.model.families import fault_moves
from stateful.model.roles import Number, Role
from stateful.model.scenario import Scenario
from stateful.model.standard import find_scenario
from stateful.model.syscalls import SIGNALLING, SYSCALLS, Argument, Kind, Use
from stateful.protocol.subject import Subject
from stateful.run.replay import Nondeterminism
from stateful.search import disk_memo, explorer, partial_order_reduction
from stateful.search.effects import Calls
from stateful.search.search_state import Local, State
from stateful.search.symmetry import Symmetry
from tests.search.answers import FULL, execute, search, search_all, write
from tests.search.grammar import protocol
from tests.shortened import shortened

DRAWN = range(300)
Lie = Callable[[pytest.MonkeyPatch], None]
Broken = frozenset[str]

_names = count()


# -- lies ----------------------------------------------------------------------------------------------------


def _row(call: str, **fields: Any) -> Lie:
    """Of a call something else is said."""
    return lambda monkeypatch: monkeypatch.setitem(SYSCALLS, call, SYSCALLS[call]._replace(**fields))


def _use(call: str, use: Use) -> Lie:
    """A call is said to do something else to what its first argument names."""
    first, *rest = SYSCALLS[call].arguments
    return _row(call, arguments=(first._replace(use=use), *rest))


def kill_sends_no_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    _row("kill", sends_signal=False)(monkeypatch)
    monkeypatch.setattr(usage, "SIGNALLING", SIGNALLING - {"kill"})


def no_name_names_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no way is gone again: else the search starts again without symmetry."""
    names = tuple[tuple[Annotated[str, Role.NUMBER], Number], ...]
    monkeypatch.setitem(Disk.__annotations__, "names", names)
    monkeypatch.setattr(Symmetry, "check", lambda *_: None)


def shared_state_is_not_exchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Symmetry, "_image_of_shared", lambda self, shared, number: shared)


def listing_tells_names_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = disk_memo.Look.sees

    def sees(look: disk_memo.Look, disk: Disk) -> Any:
        seen = truth(look, disk)
        return tuple(path for path, *_ in seen) if look.what == disk_memo.FOLDER else seen

    monkeypatch.setattr(disk_memo.Look, "sees", sees)


def name_tells_only_that_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = disk_memo.Look.sees

    def sees(look: disk_memo.Look, disk: Disk) -> Any:
        return truth(look, disk) is not None if look.what == disk_memo.NAME else truth(look, disk)

    monkeypatch.setattr(disk_memo.Look, "sees", sees)


def private_folders_are_not_guarded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partial_order_reduction._TemporaryFolders, "check", lambda *_: None)


def no_sigterm_before_a_hidden_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def moves(family: str, world: Any, letter: str | None = None) -> Any:
        return [] if letter and family == "sigterm" else fault_moves(family, world, letter)

    monkeypatch.setattr(explorer, "fault_moves", moves)


def _invisible(*calls: str) -> Lie:
    """No other process sees some calls."""
    truth = partial_order_reduction._is_invisible_call

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        unseen = lambda call, *rest: call.name in calls or truth(call, *rest)  # noqa: E731
        monkeypatch.setattr(partial_order_reduction, "_is_invisible_call", unseen)

    return plant


def calls_do_the_same_on_every_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = Calls.make

    def make(calls: Calls, state: State, local: Local, call: Call, fault: str = "") -> Any:
        if not calls._remembers:
            return truth(calls, state, local, call, fault)
        known = vars(calls).setdefault("_lied", {})
        key = (local.letter, local.own, call, fault)
        if key not in known:
            known[key] = truth(calls, state, local, call, fault)
        return known[key]

    monkeypatch.setattr(Calls, "make", make)


WRITES_LITTLE: Final = tuple(fault for fault in SYSCALLS["write"].faults if fault != "enospc")
NO_TEXT: Final = (Argument(Kind.NUMBER), *SYSCALLS["symlink"].arguments[1:])

REDUCTIONS: Final[dict[str, tuple[Lie, int]]] = {
    # Of the partial-order reduction.
    "a rename is on the disk": (_row("rename", syncs=True), 85),
    "a write only lets go": (_use("write", Use.RELEASES), 9),
    "a kill sends no signal": (kill_sends_no_signal, 75),
    "a sleep passes no time": (_row("sleep", passes_time=False), 7),
    "a link's target is a number": (_row("symlink", arguments=NO_TEXT), 145),
    "private folders are not guarded": (private_folders_are_not_guarded, 7),
    "changes are invisible": (_invisible("write", "pwrite", "chmod", "utime", "ftruncate", "truncate"), 9),
    "open is invisible": (_invisible("open"), 7),
    "flock is invisible": (_invisible("flock"), 1),
    # Of the memo of alike disks.
    "listdir lists nothing": (_use("listdir", Use.FINDS), 105),
    "stat only finds": (_use("stat", Use.FINDS), 57),
    "open only finds": (_use("open", Use.FINDS), 9),
    "a listing tells names alone": (listing_tells_names_alone, 97),
    "a name tells only that it stands": (name_tells_only_that_it_stands, 45),
    # Of the symmetry.
    "shared state is not exchanged": (shared_state_is_not_exchanged, 1),
    # Of the faults.
    "no SIGTERM before a hidden step": (no_sigterm_before_a_hidden_step, 55),
}


# Where this protocol's second process overtakes the first one, a name of the first one's is exchanged.
OVERTAKES: Final = """
import os
documented_errors = (OSError,)
def gateway(home, serve):
    try:
        os.close(os.open(home / "lock", os.O_CREAT | os.O_EXCL))
    except OSError:
        if len(os.listdir(home)) < 2:
            return
        for _ in range(6):
            os.stat(home)
        if "slot" in os.listdir(home):
            return
        if "slot" in os.listdir(home):
            raise ValueError
        return
    os.close(os.open(home / str(os.getpid()), os.O_CREAT))
    try:
        os.rename(home / str(os.getpid()), home / "slot")
    except OSError:
        pass
    serve()
"""
EFFECTS: Final = 1  # the number of the first protocol that tells of the lie of the memo of effects
FAULT: Final = 119  # and of the fault that a row lacks


# -- whether they are caught ---------------------------------------------------------------------------------

Ask = Callable[[Subject, Scenario], Iterable[Broken]]


def by_two_searches(subject: Subject, scenario: Scenario) -> list[Broken]:
    found = search_all(subject, scenario, {"full": FULL, "reduced": {}})
    return [each.broken for each in found.values()]


def with_and_without_the_memo(subject: Subject, scenario: Scenario) -> list[Broken]:
    return [search(subject, scenario, remembers=remembers).broken for remembers in (True, False)]


def by_plain_execution(subject: Subject, scenario: Scenario) -> list[Broken]:
    return [search(subject, scenario).broken, frozenset(execute(subject, scenario))]


def is_caught(number: int, folder: Path, ask: Ask) -> bool:
    """Whether the answers differ on a drawn protocol, or a search ends badly."""
    drawn = protocol(number)
    try:
        return len(set(ask(write(drawn.source, folder, f"lied_{next(_names)}"), drawn.scenario))) > 1
    except (KeyError, OSError, RuntimeError, Nondeterminism):
        return True


# Of those that a large protocol shows, one by default.
BY_DEFAULT: Final = sorted(REDUCTIONS, key=lambda name: (REDUCTIONS[name][1] == 7, name))


@pytest.mark.parametrize("name", shortened(BY_DEFAULT, len(BY_DEFAULT) - 2))
def test_lie_of_a_reduction_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    lie, number = REDUCTIONS[name]
    assert not is_caught(number, tmp_path, by_two_searches)
    lie(monkeypatch)
    assert is_caught(number, tmp_path, by_two_searches)


def test_name_that_names_no_process_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No drawn protocol depends on that whatever the digests are by which ties are decided."""
    subject, scenario = write(OVERTAKES, tmp_path, "overtakes"), find_scenario("two-starts-empty")
    assert len(set(by_two_searches(subject, scenario))) == 1
    no_name_names_a_process(monkeypatch)
    assert len(set(by_two_searches(subject, scenario))) == 2


@pytest.mark.long
@pytest.mark.parametrize("name", REDUCTIONS)
def test_lie_of_a_reduction_is_caught_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    lie, number = REDUCTIONS[name]
    lie(monkeypatch)
    assert next(each for each in DRAWN if is_caught(each, tmp_path, by_two_searches)) == number


def test_lie_of_the_memo_of_effects_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls_do_the_same_on_every_disk(monkeypatch)
    assert is_caught(EFFECTS, tmp_path, with_and_without_the_memo)


def test_fault_that_a_row_lacks_is_told_by_plain_execution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which faults may befall a call ``test_referee.befalls`` says as well."""
    assert not is_caught(FAULT, tmp_path, by_plain_execution)
    _row("write", faults=WRITES_LITTLE)(monkeypatch)
    assert is_caught(FAULT, tmp_path, by_plain_execution)


def test_pid_that_is_said_to_be_a_number_ends_the_symmetry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *rest = SYSCALLS["kill"].arguments
    _row("kill", arguments=(first._replace(kind=Kind.NUMBER), *rest))(monkeypatch)
    assert not any(is_caught(number, tmp_path, by_two_searches) for number in (31, 35))
