"""Signals that reach the harness while a simulated process runs: the harness handles them.

CPython runs a signal handler on top of the code that is running. Inside a process, the KeyboardInterrupt
of Ctrl-C would be an exception of the subject, which may swallow it. So the handlers of the harness are
run in the harness; if they raise, the process stays parked.
"""

from __future__ import annotations

# signal's own functions turn every number into an Enum, which takes ten times as long.
import _signal  # type: ignore[import-not-found]
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

from greenlet import getcurrent

from stateful.model.call import Outside
from stateful.python.interpreter import Interpreter

# The signals by which people and tools interrupt a run. SIGALRM belongs to the watchdog.
RELAYED: Final = (int(signal.SIGINT), int(signal.SIGTERM), int(signal.SIGHUP))

_getsignal, _set = _signal.getsignal, _signal.signal

Handler = Callable[[int, FrameType | None], Any]

# How many switches between processes are under way. ``switch`` changes it without a call, since CPython runs
# handlers at calls.
switching = 0

_handlers: dict[int, Handler] = {}
_late: list[int] = []
_holding = 0


def begin() -> None:
    """Relay signals from now on."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in RELAYED:
        handler = _getsignal(number)
        if callable(handler):
            _handlers[number] = handler
            _set(number, _arrived)


def end() -> None:
    """Restore the handlers that the signals had."""
    for number, handler in _handlers.items():
        if _getsignal(number) is _arrived:
            _set(number, handler)
    _handlers.clear()


def hold() -> None:
    """Defer signals: the current work must not be interrupted halfway."""
    global _holding
    _holding += 1


def let_go() -> None:
    """Handle the signals that were deferred."""
    global _holding
    _holding -= 1
    handle_deferred()


def handle_deferred() -> None:
    """Handle the signals that were deferred, unless they still have to wait."""
    if not _holding and not switching and _late:
        late, _late[:] = _late[:], []
        for number in late:
            signal.raise_signal(number)


def _arrived(number: int, frame: FrameType | None) -> None:
    process = getcurrent()
    runs = type(process) is Interpreter and not process.unwound
    if _holding or (switching and not runs):
        _late.append(number)
    elif type(process) is Interpreter:
        process.stuck = True  # unless the handler returns
        _, error = process._stop_before(Outside(_handlers[number], (number, frame)))
        if error is not None:
            process.hand_over(error)
        process.stuck = False
    else:
        _handlers[number](number, frame)
