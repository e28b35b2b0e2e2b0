"""The modules that a simulated process gets in place of the real ones: psutil, datetime, greenlet, _random.

Modelled of psutil: ``pid_exists``, ``pids``, ``boot_time`` and of ``Process`` ``pid``, ``name``,
``cmdline``, ``create_time``, ``ppid``, ``uids``, ``status``, ``is_running``, ``send_signal``, ``terminate``,
``kill`` and ``oneshot``. ``datetime`` differs from the real module only in the current time.
"""

from __future__ import annotations

import _random as real_random
import contextlib
import datetime as real_datetime
import time
from collections import namedtuple
from types import ModuleType
from typing import TYPE_CHECKING, Any

from stateful.model.machine import TICKS_PER_S
from stateful.python.process_calls import send, urandom, when_booted
from stateful.python.refusal import advice
from stateful.python.refusal import refuse as refuse_call

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stateful.python.interpreter import Interpreter

SEED_BYTES = 32
_Uids = namedtuple("puids", "real effective saved")  # type: ignore[name-match] # noqa: PYI024 - psutil's


def make_psutil(process: Interpreter) -> ModuleType:
    """psutil as this process sees it."""
    module = ModuleType("psutil")

    class Error(Exception):
        def __init__(self, pid: int | None = None, name: str | None = None, msg: str = "") -> None:
            super().__init__(msg or f"process no longer exists (pid={pid})")
            self.pid = pid
            self.name = name

    class NoSuchProcess(Error):
        pass

    class ZombieProcess(NoSuchProcess):
        pass

    class AccessDenied(Error):
        pass

    class TimeoutExpired(Error):
        pass

    def inspect(pid: int) -> Any:
        try:
            return process.call("inspect", pid)
        except (ProcessLookupError, OverflowError):
            raise NoSuchProcess(pid) from None

    class PsutilProcess:
        def __init__(self, pid: int | None = None) -> None:
            if pid is not None and pid < 0:
                raise ValueError(f"pid must be a positive integer (got {pid})")
            self.pid = process.pid if pid is None else pid
            self._start = inspect(self.pid)[1]
            self._created: float | None = None  # asked once, as by psutil

        def name(self) -> str:
            return str(inspect(self.pid)[0][0]).rsplit("/", 1)[-1]

        def cmdline(self) -> list[str]:
            words, _, _, status, _ = inspect(self.pid)
            if status == "zombie":
                raise ZombieProcess(self.pid)
            return list(words)

        def create_time(self) -> float:
            if self._created is None:
                self._created = when_booted(process) + float(self._start) / TICKS_PER_S
            return self._created

        def __eq__(self, other: object) -> bool:
            if not isinstance(other, PsutilProcess):
                return NotImplemented
            return (self.pid, self._start) == (other.pid, other._start)

        def __hash__(self) -> int:
            return hash((self.pid, self._start))

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                raise AttributeError(name)
            refuse_call(process, f"used psutil.Process.{name}, which is not modelled", advice("psutil."))

        def ppid(self) -> int:
            return int(inspect(self.pid)[-1])

        def uids(self) -> Any:
            return _Uids(*[inspect(self.pid)[2]] * 3)

        def status(self) -> str:
            return str(inspect(self.pid)[3])

        def is_running(self) -> bool:
            try:
                return bool(inspect(self.pid)[1] == self._start)
            except NoSuchProcess:
                return False

        def send_signal(self, number: int) -> None:
            if not self.is_running():
                raise NoSuchProcess(self.pid)
            try:
                send(process, "kill", self.pid, int(number))
            except ProcessLookupError:  # It has ended since.
                raise NoSuchProcess(self.pid) from None
            except PermissionError:
                raise AccessDenied(self.pid) from None

        def terminate(self) -> None:
            self.send_signal(15)

        def kill(self) -> None:
            self.send_signal(9)

        @contextlib.contextmanager
        def oneshot(self) -> Iterator[None]:
            yield

    def pid_exists(pid: int) -> bool:
        if pid >= 2**31:
            raise OverflowError("signed integer is greater than maximum")
        return bool(process.call("pid_exists", pid) == str(pid))  # of a thread's id it says no

    def pids() -> list[int]:
        return sorted(int(name) for name in process.call("pids"))

    def boot_time() -> float:
        return float(when_booted(process))

    def refuse(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        refuse_call(process, f"used psutil.{name}, which is not modelled", advice("psutil."))

    vars(module).update(
        Error=Error,
        NoSuchProcess=NoSuchProcess,
        ZombieProcess=ZombieProcess,
        AccessDenied=AccessDenied,
        TimeoutExpired=TimeoutExpired,
        Process=PsutilProcess,
        pid_exists=pid_exists,
        __getattr__=refuse,
        pids=pids,
        boot_time=boot_time,
        STATUS_ZOMBIE="zombie",
        STATUS_STOPPED="stopped",
        STATUS_SLEEPING="sleeping",
        STATUS_RUNNING="running",
        LINUX=True,
        POSIX=True,
        MACOS=False,
        WINDOWS=False,
    )
    return module


class _Like(type):
    """Counts instances of the real class, which shared modules return, as instances of the fake class."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, cls.__mro__[1])

    def __subclasscheck__(cls, other: type) -> bool:
        return issubclass(other, cls.__mro__[1])


class _datetime(real_datetime.datetime, metaclass=_Like):
    @classmethod
    def now(cls, tz: real_datetime.tzinfo | None = None) -> _datetime:
        return cls.fromtimestamp(time.time(), tz)

    @classmethod
    def utcnow(cls) -> _datetime:
        return cls.fromtimestamp(time.time(), real_datetime.UTC).replace(tzinfo=None)

    @classmethod
    def today(cls) -> _datetime:
        return cls.now()


class _date(real_datetime.date, metaclass=_Like):
    @classmethod
    def today(cls) -> _date:
        return cls.fromtimestamp(time.time())


_datetime.__name__ = _datetime.__qualname__ = "datetime"
_date.__name__ = _date.__qualname__ = "date"
_datetime.__module__ = _date.__module__ = "datetime"  # so that pickle finds them


def make_datetime(process: Interpreter) -> ModuleType:
    """datetime, reading the virtual clock."""
    module = ModuleType("datetime")
    vars(module).update(vars(real_datetime))
    vars(module).update(datetime=_datetime, date=_date)
    return module


def make_greenlet(process: Interpreter) -> ModuleType:
    """greenlet, which a process may not use: its switches would be taken for those of the harness."""
    module = ModuleType("greenlet")

    def refuse(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        refuse_call(process, f"uses greenlet.{name}, which is not modelled", advice("greenlet"))

    module.__getattr__ = refuse  # type: ignore[method-assign] # PEP 562
    return module


def make__random(process: Interpreter) -> ModuleType:
    """_random, whose generators draw from the kernel's randomness if they are not seeded."""
    module = ModuleType("_random")

    class Random(real_random.Random):
        """A generator of the C library of Python."""

        def __new__(cls, *_: Any) -> Random:
            return super().__new__(cls, 0)  # type: ignore[call-arg] # as it takes a seed in 3.11

        def __init__(self, seed: Any = None) -> None:
            self.seed(seed)

        def seed(self, seed: Any = None) -> None:
            super().seed(int.from_bytes(urandom(process, SEED_BYTES)) if seed is None else seed)

    module.Random = Random  # type: ignore[attr-defined]
    return module


FAKES = {"_random": make__random, "psutil": make_psutil, "datetime": make_datetime, "greenlet": make_greenlet}
