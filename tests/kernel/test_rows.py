"""The rows of the call table declare everything that the simulated kernel does, in every contract script.

Checked: a call changes only what its row declares of the disk, locks, descriptors, processes and the clock,
and each declared change happens in some script; a silent call changes nothing that is visible to other
processes; the answer of a call does not depend on anything that its row does not declare.

Not checked: whether a row declares more dependencies than the call has, which only costs the search time;
whether links are followed; syncs, which only a power loss shows (``test_persistence.py``).
"""

from __future__ import annotations

import contextlib
import runpy
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from stateful.kernel.kernel import Kernel
from stateful.kernel.locks import BEGINS
from stateful.kernel.process import Process
from stateful.kernel.restore import restore
from stateful.kernel.signals import HANDLED
from stateful.kernel.state import SharedState
from stateful.model.call import BLOCKED, Call, Errno
from stateful.model.disk import Disk, File
from stateful.model.machine import Stranger
from stateful.model.syscalls import ENDS, NOTHING, ON_DISK, SYSCALLS, Answer, Syscall, Use
from stateful.model.usage import row, sends_signal, use_of
from stateful.run.running import new_process

CONTRACT: Final = runpy.run_path(str(Path(__file__).with_name("test_contract.py")))
SCRIPTS: Final = CONTRACT["SCRIPTS"]
EACH_STATE = CONTRACT["EACH_STATE"]

# An answer of its own kind, or one that says how the call goes on.
TIMES: Final = slice(File._fields.index("mtime"), File._fields.index("atime") + 1)
GOES_ON: Final = (HANDLED, *BEGINS.values())
TYPES: Final[dict[Answer, type]] = {
    Answer.DESCRIPTOR: int,
    Answer.DATA: bytes,
    Answer.WRITTEN: int,
    Answer.STATUS: tuple,
    Answer.NAMES: tuple,
    Answer.PROCESS: tuple,
}


Watch = Callable[[Any, Process, Call, Callable[[], Any]], Any]


def date(kernel: Kernel) -> None:
    """Have the states of a kernel tell all times of files."""
    kernel.dated = True
    kernel.changed()


def play(script: Any, watch: Watch) -> None:
    """Play a script; ``watch`` gets each call with the function that makes it, and returns its answer."""
    simulation = CONTRACT["Simulation"](script)
    kernel = simulation.execution.kernel
    date(kernel)
    perform = kernel.perform

    def perform_watched(process: Process, call: Call) -> Any:
        make = partial(perform, process, call)
        return make() if call.name == "next_line" else watch(simulation, process, call, make)

    kernel.perform = perform_watched
    simulation.play()


# -- what a call changes -------------------------------------------------------------------------------------


def changes(before: Disk, after: Disk) -> Use:
    """What has happened to a disk."""
    found = NOTHING
    was, is_ = dict(before.names), dict(after.names)
    for path in was.keys() | is_.keys():
        if was.get(path) != is_.get(path):
            found |= (Use.TAKES if path in was else NOTHING) | (Use.MAKES if path in is_ else NOTHING)
    links_before, links = Counter(was.values()), Counter(is_.values())
    files = dict(before.files)
    for serial, file in after.files:
        if serial in files and files[serial].kind == file.kind:
            found |= _change(files[serial], file)
            if links[serial] > links_before[serial] > 0:
                found |= Use.ALTERS
    return found


def _change(before: File, after: File) -> Use:
    old, new = before.content, after.content
    is_cut = new == old[: len(new)] or new == old + bytes(len(new) - len(old))
    found = NOTHING if old == new else Use.CUTS if is_cut else Use.WRITES
    if (before.mode, before.uid, before.gid) != (after.mode, after.uid, after.gid):
        found |= Use.ALTERS
    if before.label != after.label:
        found |= Use.INSPECTS
    return found


def _dates(before: Disk, after: Disk) -> bool:
    """Whether a file has another time."""
    times = {serial: file[TIMES] for serial, file in before.files}
    return any(times.get(serial, file[TIMES]) != file[TIMES] for serial, file in after.files)


def effects(before: SharedState, after: SharedState) -> set[str]:
    """What a call has changed beside the disk, as properties of a row."""
    found = set()
    if before.clock != after.clock:
        found.add("passes_time")
    if before.labels != after.labels:
        found.add("inspects")
    if before.flocks != after.flocks or before.record_locks != after.record_locks:
        found.add("locks")
    opens = [sum(count for _, count in state.opens) for state in (before, after)]
    if opens[0] != opens[1]:
        found.add("opens" if opens[0] < opens[1] else "closes")
    if before.strangers != after.strangers or _others(before) != _others(after):
        found.add("processes")
    return found


def _others(state: SharedState) -> list[Any]:
    """The process table but for what a process says of itself: what is done with signals, and its comm."""
    return [entry._replace(dispositions=(), comm="") for entry in state.table]


def allowed(call: Call) -> set[str]:
    """What a call may change beside the disk, as its row says."""
    said, use = row(call), use_of(call)
    found = set()
    if said.passes_time:
        found.add("passes_time")
    if use & Use.INSPECTS:
        found.add("inspects")
    if use & (Use.LOCKS | Use.RELEASES):
        found.add("locks")
    if said.answer is Answer.DESCRIPTOR:
        found.add("opens")
    if use & Use.RELEASES:
        found.add("closes")
    if said.enters:
        found.add("processes")
    if call.name in ENDS or sends_signal(call):
        found |= {"processes", "locks", "closes"}
    return found


@EACH_STATE
def test_call_changes_what_its_row_says(script: Any) -> None:
    def watch(simulation: Any, process: Process, call: Call, make: Callable[[], Any]) -> Any:
        kernel = simulation.execution.kernel
        before = kernel.shared_state()
        answer = make()
        after = kernel.shared_state()
        assert not changes(before.disk, after.disk) & ~use_of(call), call
        assert effects(before, after) <= allowed(call), call
        if _dates(before.disk, after.disk):
            assert use_of(call) & ON_DISK, call
        if isinstance(answer, Errno):
            assert not changes(before.disk, after.disk) & ON_DISK, call
        if row(call).silent:
            assert answer is not BLOCKED
            assert (*before[:1], *before[2:]) == (*after[:1], *after[2:]), call
        if row(call).waits:
            assert answer is BLOCKED
        _check_answer(row(call), answer, process)
        return answer

    play(script, watch)


def _check_answer(said: Syscall, answer: Any, process: Process) -> None:
    if answer is BLOCKED or isinstance(answer, Errno) or answer in GOES_ON:
        return
    if said.answer is Answer.NOTHING:
        assert answer is None, said
    elif said.answer in TYPES:
        assert type(answer) is TYPES[said.answer], said
    if said.answer is Answer.DESCRIPTOR:
        assert answer in process.fds, said


def test_each_change_that_a_row_says_happens_in_a_script() -> None:
    seen: dict[str, Use] = defaultdict(lambda: NOTHING)
    other: dict[str, set[str]] = defaultdict(set)

    def watch(simulation: Any, process: Process, call: Call, make: Callable[[], Any]) -> Any:
        kernel = simulation.execution.kernel
        before = kernel.shared_state()
        answer = make()
        after = kernel.shared_state()
        seen[call.name] |= changes(before.disk, after.disk)
        other[call.name] |= effects(before, after)
        if before.disk != after.disk and Use.ALTERS in use_of(call):
            seen[call.name] |= Use.ALTERS  # also a time
        return answer

    for script in SCRIPTS:
        play(script, watch)
    for name, said in SYSCALLS.items():
        assert said.use & ON_DISK & ~seen[name] == NOTHING, name
        assert ("passes_time" in other[name]) == said.passes_time, name
        assert ("processes" in other[name]) == (said.sends_signal or said.enters or name in ENDS), name
        if said.use & Use.RELEASES:
            assert {"closes", "locks"} <= other[name], name
        if said.use & Use.LOCKS:
            assert "locks" in other[name], name


# -- what a call looks at ------------------------------------------------------------------------------------


def with_files(shared: SharedState, change: Callable[[File], File]) -> SharedState:
    """A state in which each regular file is another one."""
    files = tuple(
        (serial, change(file) if file.kind == "file" else file) for serial, file in shared.disk.files
    )
    return shared._replace(disk=shared.disk._replace(files=files))


def other_contents(shared: SharedState) -> SharedState:
    return with_files(shared, lambda file: file._replace(content=bytes(byte ^ 1 for byte in file.content)))


def other_sizes(shared: SharedState) -> SharedState:
    return with_files(shared, lambda file: file._replace(content=file.content + b"x"))


def other_times(shared: SharedState) -> SharedState:
    return with_files(shared, lambda file: file._replace(ctime=(file.ctime or 0) + 1_000_000))


def other_modes(shared: SharedState) -> SharedState:
    return with_files(shared, lambda file: file._replace(mode=file.mode ^ 0o700))


def other_users(shared: SharedState) -> SharedState:
    return with_files(shared, lambda file: file._replace(uid=file.uid ^ 1, gid=file.gid ^ 1))


def other_names(shared: SharedState) -> SharedState:
    """The names of regular files are gone."""
    files = dict(shared.disk.files)
    names = tuple((path, serial) for path, serial in shared.disk.names if files[serial].kind != "file")
    named = {serial for _, serial in names} | {serial for serial, _ in shared.opens}
    kept = tuple((serial, file) for serial, file in shared.disk.files if serial in named)
    return shared._replace(disk=Disk(names, kept))


def more_names(shared: SharedState) -> SharedState:
    """There is one more file in each folder."""
    files = dict(shared.disk.files)
    folders = [path for path, serial in shared.disk.names if files[serial].kind == "dir"]
    new = {}
    for number, folder in enumerate(folders, max(files, default=0) + 1):
        new[f"{folder}/another"] = number
        files[number] = File("file", 0o644, b"", None, None, *[shared.clock.wall * 1000] * 3)
    return shared._replace(
        disk=Disk(tuple(sorted({**dict(shared.disk.names), **new}.items())), tuple(sorted(files.items())))
    )


def more_processes(shared: SharedState) -> SharedState:
    return shared._replace(strangers=(*shared.strangers, Stranger(4_242, 7, ("/bin/other",))))


# What there may be in another state, and what a row has to say for a call to answer otherwise there.
ELSEWHERE: Final[dict[str, tuple[Callable[[SharedState], SharedState], Use]]] = {
    "contents": (other_contents, Use.READS),
    "sizes": (other_sizes, Use.READS | Use.INSPECTS),
    "times": (other_times, Use.INSPECTS),
    "modes": (other_modes, Use.FINDS | Use.INSPECTS),
    "users": (other_users, Use.FINDS | Use.INSPECTS | Use.ALTERS),
    "names": (other_names, Use.FINDS | Use.INSPECTS),
    "more names": (more_names, Use.LISTS),
    "more processes": (more_processes, Use.LISTS),
}


# Simplified, as kernel/__init__ says: a position from the end is taken at once, and depends on the size.
NOT_SAID: Final = {("sizes", "lseek")}


@EACH_STATE
def test_call_looks_at_what_its_row_says(script: Any) -> None:
    with contextlib.closing(Kernel(script.machine)) as restored:
        date(restored)

        def watch(simulation: Any, process: Process, call: Call, make: Callable[[], Any]) -> Any:
            kernel = simulation.execution.kernel
            shared, own = CONTRACT["states_of"](kernel)
            answer = make()
            for name, (alter, needed) in ELSEWHERE.items():
                said = use_of(call) & needed or (row(call).lists_processes and alter is more_processes)
                if said or (name, call.name) in NOT_SAID:
                    continue
                altered = alter(shared)
                if altered != shared:
                    restore(
                        restored,
                        altered,
                        own,
                        partial(new_process, simulation.player, machine=script.machine),
                    )
                    assert restored.perform(restored.processes[process.letter], call) == answer, (name, call)
            return answer

        play(script, watch)


# -- a row that says less is noticed -------------------------------------------------------------------------


def without(name: str, use: Use) -> Syscall:
    """The row of a call that says less of its arguments."""
    said = SYSCALLS[name]
    return said._replace(arguments=tuple(one._replace(use=one.use & ~use) for one in said.arguments))


@pytest.mark.parametrize(
    ("said", "test"),
    [
        (without("unlink", Use.TAKES), test_call_changes_what_its_row_says),
        (without("mkdir", Use.MAKES), test_call_changes_what_its_row_says),
        (without("write", Use.WRITES), test_call_changes_what_its_row_says),
        (without("truncate", Use.CUTS), test_call_changes_what_its_row_says),
        (without("chmod", Use.ALTERS), test_call_changes_what_its_row_says),
        (without("flock", Use.LOCKS), test_call_changes_what_its_row_says),
        (without("close", Use.RELEASES), test_call_changes_what_its_row_says),
        (SYSCALLS["sleep"]._replace(passes_time=False), test_call_changes_what_its_row_says),
        (SYSCALLS["write"]._replace(silent=True), test_call_changes_what_its_row_says),
        (without("read", Use.READS), test_call_looks_at_what_its_row_says),
        (without("stat", Use.INSPECTS), test_call_looks_at_what_its_row_says),
        (without("stat", Use.FINDS | Use.INSPECTS), test_call_looks_at_what_its_row_says),
        (without("listdir", Use.LISTS), test_call_looks_at_what_its_row_says),
        (without("rmdir", Use.LISTS), test_call_looks_at_what_its_row_says),
    ],
)
def test_row_that_says_less_is_noticed(
    said: Syscall, test: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SYSCALLS, said.name, said)
    with pytest.raises(AssertionError, match=f"name='{said.name}'"):
        _try_all(test, f".{said.name}(")


def _try_all(test: Callable[[Any], None], text: str) -> None:
    """Test each script whose code contains a text."""
    for script in SCRIPTS:
        if text in CONTRACT["code_of"](script):
            test(script)
