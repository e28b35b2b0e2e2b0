"""Writes ``docs/calls.md``, the table of modelled calls, from the rows of ``model/syscalls.py``.

The rows do not say which entry point of Python makes which call: that is measured by running the contract
scripts of ``tests/kernel``. ``test_syscalls.py`` compares the file with the output of this module::

    python -m tests.model.calls_table > docs/calls.md
"""

from __future__ import annotations

import runpy
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from textwrap import fill
from types import FrameType
from typing import Any, Final
from unittest.mock import patch

from stateful.kernel.proc import FILES
from stateful.model.faults import ERRNOS
from stateful.model.syscalls import SYSCALLS, Answer, Argument, Kind, Syscall, Use
from stateful.python import fakes, interpose, streams
from stateful.python.file_calls import FCNTL_CALLS, FILE_CALLS
from stateful.python.folder_calls import FOLDER_CALLS, DirectoryEntry
from stateful.python.interpreter import Interpreter
from stateful.python.path_calls import PATH_CALLS
from stateful.python.paths import virtual_path
from stateful.python.process_calls import ATEXIT_CALLS, OS_CALLS, SELECT_CALLS, SIGNAL_CALLS, TIME_CALLS

CONTRACT: Final = Path(__file__).parents[1] / "kernel" / "test_contract.py"
TABLES: Final = {
    "os": FILE_CALLS | PATH_CALLS | FOLDER_CALLS | OS_CALLS,
    "fcntl": FCNTL_CALLS,
    "signal": SIGNAL_CALLS,
    "time": TIME_CALLS,
    "atexit": ATEXIT_CALLS,
    "select": SELECT_CALLS,
}
MODELLED: Final = frozenset(f"{module}.{name}" for module, table in TABLES.items() for name in table)
LIMIT_COLUMNS: Final = 110
HARNESS: Final = "the harness: serve()"
END: Final = "the end of the code"

# -- which entry point makes which call ----------------------------------------------------------------------


def entry_points() -> dict[str, set[str]]:
    """The entry points of Python that make each call, in the contract scripts."""
    contract = runpy.run_path(str(CONTRACT))
    found: dict[str, set[str]] = defaultdict(set)
    make = Interpreter.call

    def note_and_make(process: Interpreter, name: str, *args: Any) -> Any:
        found[name].add(entry_point(sys._getframe(1)))
        return make(process, name, *args)

    with patch.object(Interpreter, "call", note_and_make):
        for script in contract["SCRIPTS"]:
            contract["Simulation"](script).play()
    found.pop("next_line")  # the call by which the scripts' process waits for a line
    found["serve"].add(HARNESS)
    return found


def entry_point(frame: FrameType | None) -> str:
    """The innermost entry point among the callers of a frame."""
    while frame is not None:
        code, first = frame.f_code, frame.f_locals.get("self")
        if code.co_filename == interpose.__file__ and code.co_name == "entry":
            original = frame.f_locals["original"]
            return interpose._shown.get(original) or f"threading.{original.__qualname__}"
        if code is virtual_path.__code__:
            return "dir_fd="
        if code.co_filename == streams.__file__:
            return "open"
        if isinstance(first, DirectoryEntry):
            return "os.DirEntry"
        if code.co_filename == fakes.__file__ and code.co_name != "inspect":
            return "psutil.Process" if "PsutilProcess" in code.co_qualname else f"psutil.{code.co_name}"
        if code is Interpreter.run.__code__:
            return END
        frame = frame.f_back
    return "a script"


# -- the page ------------------------------------------------------------------------------------------------

HEAD: Final = """\
# Modelled calls

A subject may do what stands here. Whatever else it does that reaches the operating system is refused in words
(README, "Modelled calls"), and the scenario is unknown. Each call is run by a script on the host and on the
simulated kernel, with the same results (`tests/kernel/test_contract.py`). What is simplified is said in
`stateful/kernel/__init__.py`.

This page is made from `stateful/model/syscalls.py` by `python -m tests.model.calls_table > docs/calls.md`.

## Calls

A call is one step of a process: the other processes and the faults come before or after it, never within.
*Silent* calls happen together with the step before them, since no other process can see them. The entry
points are those of Python's own modules that make the call directly; `open` is the builtin with its file
objects, and `dir_fd=` is that argument of any function. `pathlib`, `tempfile`, `shutil`, `logging`, `glob`
and whatever else is written in Python work as far as the entry points that they use do. The faults are those
that a scenario may let happen to the call; which of them may happen to an `open` depends on its flags.

"""

WORDS: Final = {
    Use.FINDS: "looks up",
    Use.READS: "reads",
    Use.INSPECTS: "inspects",
    Use.LISTS: "lists",
    Use.MAKES: "makes the name",
    Use.TAKES: "takes the name away",
    Use.WRITES: "writes to",
    Use.CUTS: "changes the length of",
    Use.ALTERS: "alters mode, time or links of",
    Use.LOCKS: "locks",
    Use.RELEASES: "closes, and drops the locks of",
}
KINDS: Final = {
    Kind.PATH: "path",
    Kind.TEXT: "target",
    Kind.FD: "descriptor",
    Kind.FILE: "path or descriptor",
    Kind.FDS: "descriptors",
    Kind.PID: "pid",
    Kind.SIGNAL: "signal",
    Kind.FLAGS: "flags",
    Kind.OPERATION: "operation",
    Kind.DATA: "data",
    Kind.SIZE: "size",
    Kind.POSITION: "position",
    Kind.WHENCE: "whence",
    Kind.DURATION: "duration",
    Kind.TIME: "time",
    Kind.STATUS: "exit status",
    Kind.OUTCOME: "outcome",
    Kind.USER: "user",
    Kind.DISPOSITION: "disposition",
    Kind.NUMBER: "number",
}
ANSWERS: Final = {
    Answer.NOTHING: "",
    Answer.DESCRIPTOR: "a descriptor",
    Answer.DATA: "data",
    Answer.WRITTEN: "how many bytes were written",
    Answer.STATUS: "the status of a file",
    Answer.NAMES: "names",
    Answer.PROCESS: "what psutil tells of a process",
    Answer.VALUE: "a value",
}
PROPERTIES: Final = {
    "silent": "silent",
    "tells_time": "tells the time",
    "waits": "waits until a signal or the request to exit",
    "passes_time": "lets time pass",
    "syncs": "syncs the file",
    "sends_signal": "sends a signal",
    "lists_processes": "lists all processes",
}


def page(made: dict[str, set[str]]) -> str:
    """The whole of ``docs/calls.md``."""
    rows = "\n".join(_row(row, made[name]) for name, row in SYSCALLS.items())
    without = sorted(MODELLED - set().union(*made.values()))
    return (
        f"{HEAD}| call | entry points | what it does | answer | faults |\n|---|---|---|---|---|\n{rows}\n"
        f"{_rest(without)}"
    )


def _row(row: Syscall, made_by: set[str]) -> str:
    arguments = ", ".join(KINDS[argument.kind] for argument in row.arguments)
    does = "; ".join(
        (*_uses(row.arguments), *(words for name, words in PROPERTIES.items() if getattr(row, name)))
    )
    faults = " ".join(fault.upper() if fault in ERRNOS else fault for fault in row.faults)
    makers = ", ".join(f"`{name}`" if name not in (HARNESS, END) else name for name in sorted(made_by))
    return f"| `{row.name}({arguments})` | {makers} | {does} | {ANSWERS[row.answer]} | {faults} |"


def _uses(arguments: tuple[Argument, ...]) -> Iterator[str]:
    """What a call does to what its arguments name, in words."""
    named = [argument for argument in arguments if argument.kind in (Kind.PATH, Kind.FD, Kind.FILE)]
    for number, argument in enumerate(named):
        words = ", ".join(text for use, text in WORDS.items() if use in argument.use)
        which = ("first: ", "second: ")[number] if len(named) > 1 else ""
        link = (
            ""
            if argument.follows or argument.kind not in (Kind.PATH, Kind.FILE)
            else " (not through a link at its end)"
        )
        if words:
            yield f"{which}{words}{link}"


def _rest(without: list[str]) -> str:
    names = fill(", ".join(f"`{name}`" for name in without), LIMIT_COLUMNS)
    files = ", ".join(f"`{name}`" for name in FILES)
    return f"""
## Without a call

These answer at once, from what the process knows of itself, or do nothing that another process could see:

{names}.

So do `socket.gethostname`, `threading.get_native_id`, `os.listxattr`, `os.register_at_fork`,
`sys.addaudithook` (whose hook is never called), and the switches of `gc` and `faulthandler`.
`datetime.now`, `datetime.today` and `datetime.utcnow` read the clock as `time.time` does.

## What there is to see

- `/proc/<pid>/` has {files}, `exe`, `cwd` and `ns/pid`;
  beside it there are `/proc/stat`, `/proc/sys/kernel/random/boot_id` and `/proc/sys/kernel/pid_max`.
- Of `psutil` there are `pid_exists`, `pids`, `boot_time` and `Process` with `name`, `cmdline`, `create_time`,
  `ppid`, `uids`, `status`, `is_running`, `send_signal`, `terminate`, `kill` and `oneshot`.
- There are zombies, pid namespaces and processes of other users. `lockf` locks are lost when the process
  closes any descriptor of the file. `select` waits for pidfds, or sleeps.
"""


if __name__ == "__main__":
    print(page(entry_points()), end="")
