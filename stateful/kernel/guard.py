"""Stops a simulated process that reaches the operating system past the interposed entry points.

The kernel makes every call in the greenlet of the harness. So an audited event raised *inside* a
process's greenlet was made by something else: an extension module, an entry point that is not
interposed, a function that was bound before. It is stopped before it has an effect.

Checked: every audit event (PEP 578) that is not known to be harmless; every call of a real entry point
of ``os``, ``fcntl``, ``signal``, ``time`` and ``select`` through a reference that the subject kept
(``sys.setprofile`` sees them); a process that computes for long without making any call.

Not checked: what an extension module does by itself without raising an event.
"""

from __future__ import annotations

import signal
import sys
import threading
from types import CodeType, FrameType
from typing import Any

from greenlet import getcurrent

from stateful.kernel.call import SubjectStuck
from stateful.kernel.interpose import caller, held_original
from stateful.kernel.paths import on_host
from stateful.kernel.process import Process

STUCK_AFTER_S = 5.0

HARMLESS_EVENTS = frozenset(
    "import compile exec marshal.loads marshal.load object.__getattr__ object.__setattr__ "
    "object.__delattr__ sys._getframe sys._getframemodulename sys._current_frames sys.excepthook "
    "sys.unraisablehook code.__new__ function.__new__ array.__new__ pickle.find_class "
    "builtins.id builtins.input gc.get_objects gc.get_referrers gc.get_referents re.compile "
    "tempfile.mkstemp tempfile.mkdtemp shutil.copyfile shutil.move shutil.rmtree shutil.copymode "
    "shutil.copystat shutil.copytree glob.glob glob.glob/2 pathlib.Path.glob pathlib.Path.rglob "
    "os.walk os.fwalk pathlib.Path.walk cpython.PyInterpreterState_New".split()
)
READING_EVENTS = frozenset({"open", "os.listdir", "os.scandir"})

_installed = False


def install() -> None:
    """Install the audit hook, once in the life of the interpreter: one cannot be removed."""
    global _installed
    if not _installed:
        _installed = True
        sys.addaudithook(_audit)


def _audit(event: str, args: tuple[Any, ...]) -> None:
    process = getcurrent()
    if type(process) is not Process or event in HARMLESS_EVENTS:
        return
    if event in READING_EVENTS and _only_reads_host(event, args):
        return
    if event == "sys.setprofile" and args == ():
        return
    shown = ", ".join(repr(argument) for argument in args)[:80]
    process.refuse(f"caused {event}({shown}), which is not modelled{caller()}")


def _only_reads_host(event: str, args: tuple[Any, ...]) -> bool:
    path = args[0]
    if isinstance(path, bytes):
        path = path.decode(errors="replace")
    if not isinstance(path, str) or not on_host(path):
        return False
    return event != "open" or args[1] in (None, "r", "rb")


def _inspect_call(function: object, frame: FrameType | None) -> bool:
    """Refuse the call of a real entry point by a process; whether there was nothing to refuse."""
    name = held_original(function)
    if name is None:
        return True
    process = getcurrent()
    if type(process) is Process and not process.buried and not (frame and _is_ours(frame)):
        process.refuse(
            f"called {name}() through a reference from before it was loaded{caller()}; "
            "call it by its module's name"
        )
    return False


if sys.version_info >= (3, 12):
    _TOOL_ID = 4

    def watch_code(code: CodeType) -> None:
        """See every call that this code, or a function inside it, makes from now on."""
        if sys.monitoring.get_tool(_TOOL_ID) is None:
            sys.monitoring.use_tool_id(_TOOL_ID, "stateful")
            sys.monitoring.register_callback(_TOOL_ID, sys.monitoring.events.CALL, _called)
        sys.monitoring.set_local_events(_TOOL_ID, code, sys.monitoring.events.CALL)
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                watch_code(constant)

    def _called(code: CodeType, offset: int, function: object, argument: object) -> object:
        return sys.monitoring.DISABLE if _inspect_call(function, None) else None

    def watch_thread(on: bool) -> None:
        """Nothing to switch: the code itself is watched."""

else:

    def watch_code(code: CodeType) -> None:
        """Nothing to prepare: the thread is watched while a process runs."""

    def watch_thread(on: bool) -> None:
        """See every call of this thread, or stop seeing them."""
        sys.setprofile(_profile if on else None)

    def _profile(frame: FrameType, event: str, function: object) -> None:
        if event == "c_call":
            _inspect_call(function, frame)


def _is_ours(frame: FrameType) -> bool:
    """Whether a call comes from the import system or from the kernel itself, which hold the real ones."""
    module = str(frame.f_globals.get("__name__"))
    return module.startswith(("importlib.", "stateful.kernel."))


class Watchdog:
    """Parks a process that runs for long without a call, even one that swallows every exception.

    The handler runs on top of the process's own frames, so it can switch away from them for good.
    """

    def __enter__(self) -> Watchdog:
        self._active = threading.current_thread() is threading.main_thread()
        if self._active:
            self._seen: tuple[object, int] = (None, 0)
            self._handler = signal.signal(signal.SIGALRM, self._tick)
            self._timer = signal.setitimer(signal.ITIMER_REAL, STUCK_AFTER_S, STUCK_AFTER_S)
        return self

    def __exit__(self, *_: object) -> None:
        if self._active:
            signal.setitimer(signal.ITIMER_REAL, *self._timer)
            signal.signal(signal.SIGALRM, self._handler)

    def _tick(self, number: int, frame: FrameType | None) -> None:
        process = getcurrent()
        if type(process) is not Process:
            return
        if (process, process.calls) != self._seen:
            self._seen = (process, process.calls)
            return
        if process.buried:
            process.abandon()
        where = ""
        if frame is not None:
            where = f" ({frame.f_code.co_filename.rsplit('/', 1)[-1]}, line {frame.f_lineno})"
        process.parent.switch(
            SubjectStuck(f"the subject ran for {STUCK_AFTER_S:g} s without making a call{where}")
        )
