"""Stops a simulated process that reaches the operating system past the interposed entry points.

The kernel makes every call in the greenlet of the harness. So an audit event raised *inside* a process's
greenlet has another cause: an extension module, an entry point that is not interposed, a function that was
bound earlier. The process is stopped before the event has an effect.

Checked: every audit event (PEP 578) that is not known to be harmless; every call of a real entry point
of ``os``, ``fcntl``, ``signal``, ``time`` and ``select`` through a reference that the subject kept; a
process that computes for a long time without making any call.

Not checked: actions of an extension module that raise no event; a real entry point that C code calls
(``map(unlink, ...)``), unless it raises an event; a call of C code that never returns.
"""

from __future__ import annotations

import signal
import sys
import threading
from types import CodeType, FrameType
from typing import Any, Self

from greenlet import GreenletExit, getcurrent

from stateful.model.call import SubjectStuck
from stateful.python.interpose import held_original, refuse_other_greenlets
from stateful.python.interpreter import Interpreter
from stateful.python.paths import on_host
from stateful.python.refusal import advice, caller

STUCK_AFTER_S = 5.0

HARMLESS_EVENTS = frozenset(
    "import compile exec marshal.loads marshal.load marshal.dumps object.__getattr__ "
    "object.__setattr__ object.__delattr__ sys._getframe sys._getframemodulename "
    "sys._current_frames sys.excepthook sys.unraisablehook code.__new__ function.__new__ "
    "array.__new__ pickle.find_class builtins.id builtins.input builtins.input/result "
    "gc.get_objects gc.get_referrers gc.get_referents re.compile "
    "tempfile.mkstemp tempfile.mkdtemp shutil.copyfile shutil.move shutil.rmtree shutil.copymode "
    "shutil.copystat shutil.copytree shutil.chown shutil.make_archive shutil.unpack_archive "
    "glob.glob glob.glob/2 pathlib.Path.glob pathlib.Path.rglob pathlib.Path.walk os.walk os.fwalk".split()
)
READING_EVENTS = frozenset({"open", "os.listdir", "os.scandir"})

_installed = False


def begin() -> None:
    """Watch processes. Raises RuntimeError if other tools use all of ``sys.monitoring``."""
    global _installed
    if not _installed:
        _installed = True
        sys.addaudithook(_audit)  # for the life of the interpreter: a hook cannot be removed
    _watch()


def end() -> None:
    """Stop watching, and free the place in ``sys.monitoring``."""
    _watch_no_more()


def _audit(event: str, args: tuple[Any, ...], current: Any = getcurrent, ours: Any = Interpreter) -> None:
    try:
        process = current()  # The defaults outlive this module when the interpreter exits, as the hook does.
    except RuntimeError:  # greenlet does not outlive the interpreter.
        return
    if type(process) is not ours:
        if process.parent is not None and event not in HARMLESS_EVENTS:
            refuse_other_greenlets(process)
        return
    if event in HARMLESS_EVENTS or (event in READING_EVENTS and _only_reads_host(event, args)):
        return
    shown = ", ".join(repr(one) for one in args if isinstance(one, str | bytes | int | tuple | None))
    process.refuse(f"reached {event}({shown[:80]}), which is not modelled{caller()}{advice(event)}")


def _only_reads_host(event: str, args: tuple[Any, ...]) -> bool:
    path = args[0]
    if isinstance(path, bytes):
        path = path.decode(errors="replace")
    if not isinstance(path, str):
        return False
    if path[:1] == "<" and path[-1:] == ">":  # CPython looks for the source of code that has no file.
        return event == "open"
    if not on_host(path):
        return False
    return event != "open" or args[1] in (None, "r", "rb")


def _inspect_call(function: object, frame: FrameType | None) -> None:
    """Refuse a process's call of a real entry point."""
    name = held_original(function)
    if name is None:
        return
    process = getcurrent()
    if type(process) is Interpreter and not (frame and _is_ours(frame)):
        process.refuse(
            f"called {name}() through a reference from before it was loaded{caller()}; "
            "call it by its module's name"
        )


if sys.version_info >= (3, 12):
    # The two ids that no kind of tool has reserved come first.
    _TOOL_IDS = (4, 3, 5, 2, 1, 0)
    _tool: int | None = None
    _last_tool: int | None = None
    _watched: list[CodeType] = []

    def _watch() -> None:
        global _tool, _last_tool
        monitoring = sys.monitoring
        _tool = next((tool for tool in _TOOL_IDS if monitoring.get_tool(tool) is None), None)
        if _tool is None:
            tools = ", ".join(str(monitoring.get_tool(tool)) for tool in sorted(_TOOL_IDS))
            raise RuntimeError(
                f"all six tools that sys.monitoring has room for are in use ({tools}), and the guard needs "
                "one to see calls that slip past the kernel; stop a debugger, coverage or profiler"
            )
        monitoring.use_tool_id(_tool, "stateful")
        monitoring.register_callback(_tool, monitoring.events.CALL, _watch_call)
        if _tool != _last_tool:
            for code in _watched:
                monitoring.set_local_events(_tool, code, monitoring.events.CALL)
        _last_tool = _tool

    def _watch_no_more() -> None:
        global _tool
        if _tool is not None:
            sys.monitoring.register_callback(_tool, sys.monitoring.events.CALL, None)
            sys.monitoring.free_tool_id(_tool)
            _tool = None

    def watch_code(code: CodeType) -> None:
        """Watch every call that this code, or a function inside it, makes from now on."""
        assert _tool is not None
        _watched.append(code)
        sys.monitoring.set_local_events(_tool, code, sys.monitoring.events.CALL)
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                watch_code(constant)

    def _watch_call(code: CodeType, offset: int, function: object, argument: object) -> None:
        # Do not return DISABLE: the same place in the code may call len() first and a real unlink() later.
        if held_original(function) is not None:
            _inspect_call(function, None)

    def switch_to(process: Interpreter, answer: tuple[Any, ...]) -> Any:
        """Resume a process; its code is watched by ``watch_code``.

        A process may be parked for ever inside our callback. Until a callback returns, CPython calls no other
        in this thread, unless the code runs under ``call_tracing``.
        """
        return sys.call_tracing(process.switch, answer)

else:
    _setprofile = sys.setprofile

    def _watch() -> None:
        """Nothing to prepare."""

    def _watch_no_more() -> None:
        """Nothing to give back."""

    def watch_code(code: CodeType) -> None:
        """Nothing to prepare: ``switch_to`` watches the thread while a process runs."""

    def switch_to(process: Interpreter, answer: tuple[Any, ...]) -> Any:
        """Resume a process, and watch every call that its thread makes until it stops again."""
        before: Any = sys.getprofile()
        if before is not None and not callable(before):
            before.disable()  # the profiler of cProfile, which cannot be exchanged otherwise
        _setprofile(_watch_call)
        try:
            return sys.call_tracing(process.switch, answer)  # for the reason above
        finally:
            if before is None or callable(before):
                _setprofile(before)
            else:
                _setprofile(None)
                before.enable()

    def _watch_call(frame: FrameType, event: str, function: object) -> None:
        if event == "c_call" and held_original(function) is not None:
            _inspect_call(function, frame)


def _is_ours(frame: FrameType) -> bool:
    """Whether a call comes from the import system or the kernel, which hold real entry points."""
    module = str(frame.f_globals.get("__name__"))
    return module.startswith(("importlib.", "stateful.kernel.", "stateful.python."))


class Watchdog:
    """Parks a process that runs for a long time without a call, even if it swallows every exception.

    The handler runs on top of the process's own frames, so it can switch away from them for good. It
    needs the main thread: in others CPython runs no signal handlers, and the watchdog does nothing.
    """

    def __enter__(self) -> Self:
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
            self._seen = (None, 0)

    def _tick(self, number: int, frame: FrameType | None) -> None:
        process = getcurrent()
        if type(process) is not Interpreter:
            return
        if self._seen != (process, process.calls):
            self._seen = (process, process.calls)
            if process.unwound:  # This ends a destructor, unless it swallows the exception.
                raise GreenletExit
            return
        if process.unwound:
            process.abandon()
        process.hand_over(
            SubjectStuck(f"the subject ran for {STUCK_AFTER_S:g} s without making a call{caller()}")
        )
