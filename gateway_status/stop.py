"""The signals that ask a gateway to end: noted at once, acted upon where nothing is left half done."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any


class Stop(BaseException):
    """Raised by a signal; no ``except Exception`` swallows it."""


class Signals:
    """SIGTERM and SIGINT, which are only noted, except while waiting and serving.

    Once one has come, further ones are ignored for the rest of the process.
    """

    def __init__(self) -> None:
        self._owner = os.getpid()
        self._before: dict[int, Any] = {}
        self._noted: int | None = None
        self._raises = False

    @property
    def name(self) -> str:
        return signal.Signals(self._noted or signal.SIGTERM).name

    def __enter__(self) -> Signals:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._before[number] = signal.signal(number, self._arrived)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            if self._noted is not None and handler in (signal.SIG_DFL, signal.default_int_handler):
                # It ends already, and its exit status is to say why. A second replacer's SIGTERM, or the
                # supervisor's, while the interpreter shuts down would say something else.
                handler = signal.SIG_IGN
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    @contextlib.contextmanager
    def raising(self) -> Iterator[None]:
        """Raise Stop at the first signal, also at one that has come before."""
        try:
            self._raises = True
            if self._noted is not None:
                raise Stop
            yield
        finally:
            self._raises = False

    def _arrived(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._owner:  # A child of ``serve``: it is no gateway, and just ends.
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        self._noted = number
        for each in self._before:
            if signal.getsignal(each) == self._arrived:
                signal.signal(each, signal.SIG_IGN)
        if self._raises:
            self._raises = False
            raise Stop
