"""A referee for the exhaustive search: it executes every schedule prefix from a fresh kernel.

It shares no memory, no restoring of kernels and no reduction with the search, and derives the faults
independently. The numbers of states are compared.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from stateful.kernel import real
from stateful.model.call import Call
from stateful.model.disk import home_files
from stateful.model.families import FAMILIES
from stateful.model.faults import CALL_FAULTS, PROFILES
from stateful.model.lifecycle import OWNER
from stateful.model.scenario import Scenario
from stateful.model.schedule import STEP, Move, ScheduleMismatch
from stateful.model.standard import find_scenario
from stateful.model.syscalls import SILENT, SYSCALLS
from stateful.protocol.subject import find_subject
from stateful.run.execution import Execution
from stateful.run.participant import Participant

RECOVERIES = ("sigcont", "disk-well")
# The calls after which a handler may meet another world than before; opening may make or empty a file.
LEAVE_A_MARK = (
    "close write pwrite sendfile copy_file_range ftruncate flock lockf truncate unlink rename link symlink"
    " mkdir rmdir chmod fchmod utime"
)
# The calls that may fail so, as the manual pages say; ``befalls`` says what depends on the arguments.
BEFALLS = {
    "eio": "open close read pread write pwrite sendfile copy_file_range ftruncate fsync fdatasync flock lockf"
    " stat truncate unlink rename link symlink readlink mkdir rmdir listdir scandir",
    "enospc": "open write pwrite sendfile copy_file_range fsync fdatasync rename link symlink mkdir",
    "erofs": "open truncate unlink rename link symlink mkdir rmdir chmod fchmod chown fchown utime",
    "eacces": "open stat truncate unlink rename link symlink readlink mkdir rmdir listdir scandir",
    "emfile": "open dup listdir scandir pidfd_open",
    "eperm": "link symlink chmod fchmod chown fchown utime kill pidfd_open pidfd_send_signal",
    "enolck": "flock lockf",
    "eintr": "close",
    "short": "write pwrite sendfile copy_file_range",
}


def befalls(call: Call) -> list[str]:
    """The faults that may befall a call, independent of what its row says."""
    faults = [fault for fault, calls in BEFALLS.items() if call.name in calls.split()]
    never = []
    if call.name == "open":
        path, flags = call.args[:2]
        if path.startswith("/proc/"):
            return ["eacces", "emfile"]
        never += [] if flags & os.O_CREAT else ["enospc"]
        never += [] if flags & (os.O_CREAT | os.O_WRONLY | os.O_RDWR) else ["erofs"]
    if call.name in ("write", "pwrite") and len(call.args[1]) < 2:
        never.append("short")
    if call.name in ("kill", "pidfd_send_signal") and call.args[1] == 0:
        never.append("eperm")
    return [fault for fault in faults if fault not in never]


def leaves_a_mark(call: Call) -> bool:
    """Whether others may see that a call was made."""
    if call.name == "open":
        return bool(call.args[1] & (os.O_CREAT | os.O_TRUNC))
    if call.name in ("kill", "pidfd_send_signal"):
        return bool(call.args[1])
    return call.name in LEAVE_A_MARK.split()


def test_rows_name_the_faults_of_the_manual_pages() -> None:
    for fault, calls in BEFALLS.items():
        assert {name for name, said in SYSCALLS.items() if fault in said.faults} == set(calls.split()), fault


def referee(subject: str, scenario: Scenario) -> int:
    """The number of states that a subject reaches; of two, where it is ``one with another``."""
    found = find_subject(*subject.split(" with "))
    seen: set[Any] = set()
    queue: deque[list[Move]] = deque([[]])
    settling = settle(found, scenario)
    if settling:
        queue = deque([settling])
        seen.update(range(len(settling)))  # The search counts the states on the way there.
    while queue:
        moves = queue.popleft()
        with Listening(found, scenario, moves) as execution:
            state = execution.state()
            lost = bool(moves) and moves[-1].kind == "power-loss"
            if lost:
                state = execution.kernel.shared_state()  # Nobody is there any more.
            if state in seen or execution.violation is not None:
                continue
            seen.add(state)
            if lost:
                continue  # One start alone is all that is asked of it.
            queue.extend([*moves, move] for move in execution.options(moves))
    return len(seen)


def settle(found: Any, scenario: Scenario) -> list[Move]:
    """The steps by which those become owners that are to own from the beginning."""
    moves = []
    with Execution(found, scenario, judged=False) as execution:
        for letter in scenario.cast.settled:
            while letter not in execution.processes() or execution.processes()[letter].phase != OWNER:
                moves.append(Move(STEP, letter))
                execution.make(moves[-1])
    return moves


class _Listener(Participant):
    """A participant that remembers all that its process was told."""

    def __init__(self, kernel: Any, process: Any, others: Any) -> None:
        super().__init__(kernel, process, others)
        self.heard: list[Any] = []

    def tell(self, *answer: Any) -> None:
        self.heard += answer
        super().tell(*answer)


class Listening(Execution):
    """An execution of some moves that remembers all that each process was told."""

    participant = _Listener

    def __init__(self, subject: Any, scenario: Scenario, moves: list[Move], *, referee: bool = False) -> None:
        super().__init__(subject, scenario, referee=referee)
        self.kernel.dated = referee  # The states of the search have no more times than the subject looks at.
        self.kernel.changed()
        perform = self.kernel.perform

        def listen(process: Any, call: Any) -> Any:
            answer = perform(process, call)
            if call.name in SILENT:
                self._heard(process.letter).append(answer)
            return answer

        self.kernel.perform = listen  # type: ignore[method-assign]
        for move in moves:
            try:
                self.make(move)
            except ScheduleMismatch:
                break

    def _heard(self, letter: str) -> list[Any]:
        participant = self._participants[letter]
        assert isinstance(participant, _Listener)
        return participant.heard

    def is_stopped(self, letter: str) -> bool:
        process = self.processes().get(letter)
        return process is not None and process.stopped

    def options(self, moves: list[Move]) -> list[Move]:
        """The moves that may be possible after those that were made."""
        scenario = self.scenario
        letters = "ABC"[: len(scenario.cast.lives)]
        every = [
            *(Move(kind, letter) for kind in (STEP, "exit", "sigcont") for letter in letters),
            Move("disk-well"),
        ]
        struck = sum(move.is_fault and move.kind not in RECOVERIES for move in moves)
        exits = sum(move.kind == "exit" for move in moves)
        options = []
        for move in every:
            if move.kind == "exit" and exits >= scenario.cast.exits:
                continue
            if move.kind == "sigcont" and not self.is_stopped(move.letter):
                continue
            if move.kind == "disk-well" and not self.kernel.disk_fails():
                continue
            if self.possible(move):
                options.append(move)
        if struck < len(scenario.plan):
            options += self.faults(scenario.plan[struck])
        return options

    def faults(self, family: str) -> list[Move]:
        """Every fault of a family, whether it is possible now or not."""
        letters = [*self.processes(), *self.waiting()]
        alive = [letter for letter, each in self.processes().items() if each.alive]
        dead = [letter for letter in self.processes() if letter not in alive]
        names = home_files(self.kernel.disk())
        return {
            "kill": [Move("crash", letter) for letter in alive],
            "sigterm": self._signals("term", 15),
            "sigint": self._signals("int", 2),
            "exception": [Move("raise", letter) for letter in alive if self.possible(Move("exit", letter))],
            "sigstop": [Move("sigstop", letter) for letter in alive],
            "errno": [Move(fault, letter) for fault in CALL_FAULTS for letter in letters],
            "recycled-pid": [
                move
                for kind in ("recycle", "lookalike")
                for move in (Move(kind, "", "99"), *(Move(kind, letter) for letter in dead))
            ],
            "power-loss": [Move("power-loss", "", image) for image in self._images()],
            "reboot": [Move("reboot")],
            "removal": [Move("remove", "", name) for name in names],
            "corruption": [
                Move("corrupt", "", f"{name}={how}")
                for name in names
                for how in ("empty", "torn", "minus-one", "directory", "link")
            ],
            "planted-link": [Move("plant", "", name) for name in names],
            "bad-disk": [Move("disk-full"), Move("read-only")],
            "listing-order": [*self._orders(letters)] if family == "listing-order" else [],
            "lost-parent": [Move("parent-gone")],
            "lost-home": [Move("home-gone"), Move("home-new")],
            "clock-step": [Move("clock", "", "+172800"), Move("clock", "", "-172800")],
            "suspend": [Move("suspend", "", "172800")],
            "long-run": [Move("later", "", time) for time in ("2678400", "34560000") if self._is_at_rest()],
        }[family]

    def _is_at_rest(self) -> bool:
        """Whether each live process serves, or is not stopped and has no next step; none has a signal."""
        for letter, process in self.processes().items():
            waits = not process.stopped and not self.possible(Move(STEP, letter))
            if process.alive and (process.signals or not (process.phase == OWNER or waits)):
                return False
        return True

    def _orders(self, letters: list[str]) -> Iterator[Move]:
        """The orders of the folders that processes list next, if that is the first time that it matters."""
        steps = filter(None, map(self.upcoming, letters))
        listed = {
            step.call.args[0] for step in steps if step.call and step.call.name in ("listdir", "scandir")
        }
        for folder in listed - self.kernel.orders.keys():
            names = sorted(real.listdir(self.kernel.root + folder)) if folder != "/proc" else []
            where = folder.removeprefix("/home/user/.hermes").removeprefix("/")
            told = [("*", "backwards")] if len(names) > 1 else []
            told += [(name, "first") for name in names[1:]] + [(name, "last") for name in names[:-1]]
            yield from (Move("listing", "", f"{where}/{name}={how}".removeprefix("/")) for name, how in told)

    def _signals(self, name: str, number: int) -> list[Move]:
        """A signal to each live process, and to those that handle it before their first call or in a call."""
        moves = []
        begun = [*self.processes()]
        for letter in [*begun, *self.waiting()]:
            with self.begun(letter) as participant:
                process = participant.process
                handled = process.dispositions.get(number, "handler" if number == 2 else "") == "handler"
                if process.alive and (letter in begun or handled):
                    moves.append(Move(name, letter))
                call = process.pending
                if process.alive and call and handled and leaves_a_mark(call) and not process.signals:
                    moves.append(Move(f"{name}-in", letter))
        return moves

    def _images(self) -> list[str]:
        persistence = self.kernel.follow()
        if persistence is None:
            return []
        return [
            f"{profile}-{number}"
            for profile in PROFILES
            for number, _ in enumerate(persistence.images(profile).listed, 1)
        ]

    def state(self) -> Any:
        own = []
        for letter, process in sorted(self.processes().items()):
            told: Any = tuple(self._heard(letter))
            if process.outcome is not None:
                killed = process.outcome.kind == "killed"
                told = process.outcome._replace(value=None) if killed else process.outcome
            kernel = self.kernel.own_state(process) if process.alive else None
            own.append((letter, process.phase, process.owned, *self._marks(process), told, kernel))
        return self.kernel.shared_state(), tuple(own)

    def _marks(self, process: Any) -> tuple[Any, ...]:
        view = self.view(process)
        return (view.asked, view.excuse)


CALM = (
    ("direct-unlink", "one-start-stale-1-kill"),
    ("direct-unlink", "two-starts-empty"),
    ("foreign-guard", "two-starts-empty-1-kill"),
    ("guarded-lock", "start-and-exit-empty-1-kill"),
    ("reference-status", "start-and-status-empty"),
    ("tests/planted/raises_out.py", "start-and-replace-stale"),
    ("tests/planted/raises_out.py", "start-and-stop-empty-1-kill"),
    ("tests/planted/raises_out.py", "replace-of-owner-empty-1-kill"),
    ("tests/planted/raises_out.py", "replace-and-status-empty"),
    ("tests/planted/replaces_by_force.py", "replace-of-owner-stale-2-kills"),
    ("tests/planted/raises_out.py with guarded-lock", "owner-and-other-start-empty-1-kill"),
    ("tests/planted/flock_only.py with tests/planted/raises_out.py", "start-and-other-start-stale-1-kill"),
    ("tests/planted/raises_out.py", "stop-of-owner-no-proc-1-kill"),
    ("tests/planted/flock_only.py", "two-starts-containers-1-kill"),
    ("reference-status", "one-start-own-pid-1-kill"),
    ("reference-status", "one-replace-lookalike"),
    ("tests/planted/flock_only.py", "two-starts-zombie-1-kill"),
    ("tests/planted/lockf_only.py", "two-starts-root-1-kill"),
    ("tests/planted/raises_out.py", "replace-of-owner-zombie-1-kill"),
    ("tests/planted/raises_out.py", "replace-of-owner-root-1-kill"),
    ("tests/planted/spares_the_stopped.py", "replace-of-owner-empty-1-sigstop"),
    ("tests/planted/raises_out.py", "replace-of-owner-two-homes"),
    ("tests/planted/raises_out.py", "start-and-status-two-homes"),
    ("tests/planted/lockf_only.py", "two-starts-elsewhere"),
    ("tests/planted/raises_out.py", "exit-and-start-wrapped-pids-1-kill"),
    ("tests/planted/raises_out.py", "one-start-thread-1-kill"),
)
UPSET = (
    ("tests/planted/flock_only.py", "two-starts-empty-1-sigterm"),
    ("tests/planted/flock_only.py", "two-starts-empty-1-sigint"),
    ("tests/planted/flock_only.py", "two-starts-empty-1-sigstop"),
    ("tests/planted/flock_only.py", "two-starts-empty-1-exception"),
    ("tests/planted/gives_up_after_term.py", "two-starts-empty-1-sigterm"),
    ("tests/planted/victim_removes_successor.py", "start-and-exit-stale-1-sigterm"),
    ("tests/planted/flock_only.py", "two-starts-empty-1-errno"),
    ("tests/planted/flock_only.py", "two-starts-empty-1-removal"),
    ("tests/planted/flock_only.py", "two-starts-empty-1-bad-disk"),
    ("tests/planted/flock_only.py", "two-starts-empty-1-lost-home"),
    ("tests/planted/lockf_only.py", "exit-and-start-empty-1-corruption"),
    ("tests/planted/flock_only.py", "exit-and-start-empty-1-kill-1-planted-link"),
    ("tests/planted/raises_out.py", "replace-of-owner-empty-1-errno"),
    ("tests/planted/raises_out.py", "stop-of-owner-empty-1-sigstop"),
    ("direct-unlink", "start-and-exit-stale-1-errno"),
    ("direct-unlink", "start-and-exit-stale-1-clock-step"),
    ("tests/planted/first_claim_owns.py", "two-starts-empty-1-listing-order"),
    ("tests/planted/trusts_the_parent.py", "two-starts-in-a-shell-1-lost-parent"),
    ("direct-unlink", "start-and-exit-stale-1-suspend"),
    ("lease-nobody-renews", "two-starts-empty-1-long-run"),
    ("direct-unlink", "start-and-exit-stale-1-reboot-1-recycled-pid"),
    ("direct-unlink", "start-and-exit-stale-1-kill-1-recycled-pid"),
    ("direct-unlink", "start-and-exit-stale-1-power-loss"),
    ("tests/planted/trusts_the_rename.py", "start-and-exit-empty-1-power-loss"),
    ("tests/planted/trusts_the_rename.py", "two-starts-empty-1-power-loss"),
)
# What no drawn protocol has: two subjects, a replace of a stopped owner, containers, a stop, a second fault.
# Of all others the plain executions of test_answers.py say more, and here they are long.
UNLIKE_DRAWN = (
    "start-and-other-start-stale-1-kill",
    "replace-of-owner-empty-1-sigstop",
    "two-starts-containers-1-kill",
    "start-and-stop-empty-1-kill",
    "start-and-exit-stale-1-kill-1-recycled-pid",
    "replace-of-owner-two-homes",
    "one-start-thread-1-kill",
)


def marked(keys: Sequence[tuple[str, str]]) -> list[Any]:
    return [key if key[1] in UNLIKE_DRAWN else pytest.param(*key, marks=pytest.mark.long) for key in keys]


def test_every_family_of_faults_is_refereed() -> None:
    assert {family for _, name in (*CALM, *UPSET) for family in find_scenario(name).plan} == {*FAMILIES}


@pytest.mark.parametrize(("subject", "name"), marked(CALM))
def test_memory_and_plain_reexecution_reach_the_same_states(search: Any, subject: str, name: str) -> None:
    scenario = find_scenario(name)
    assert search(subject, scenario, reduced=False).states == referee(subject, scenario)


@pytest.mark.parametrize(("subject", "name"), marked(UPSET))
def test_memory_and_plain_reexecution_agree_on_what_faults_do(search: Any, subject: str, name: str) -> None:
    scenario = find_scenario(name)
    assert search(subject, scenario, reduced=False).states == referee(subject, scenario)


# It handles SIGTERM, waits, and reads the clock afterwards.
AT_WORK = """
import fcntl, os, signal, sys, time

def gateway(home, serve):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    fd = os.open(home / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    os.pwrite(fd, b"%d" % time.time(), 0)
    serve()
"""


@pytest.mark.parametrize("plan", [("long-run",), ("sigterm", "long-run"), ("sigstop", "long-run")])
def test_time_passes_only_while_no_process_is_at_work(
    search: Any, plan: tuple[str, ...], tmp_path: Path
) -> None:
    """Neither one that has a signal to handle is at rest, nor one that is stopped before it serves."""
    (tmp_path / "at_work.py").write_text(AT_WORK)
    subject, calm = str(tmp_path / "at_work.py"), find_scenario("two-starts-empty")
    scenario = Scenario(calm.cast, calm.disk, plan)
    assert search(subject, scenario, reduced=False).states == referee(subject, scenario)
