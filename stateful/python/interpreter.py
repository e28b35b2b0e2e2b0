"""One simulated process as Python sees it: a greenlet that stops before every call it makes.

A crash parks the greenlet for ever, so none of its code runs: no ``finally``, no ``with`` exit, no
exit handler, no flush. When the execution is closed the greenlet is unwound with every call refused,
so that unwinding reaches no file. One that will not be unwound is left parked for good.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, NoReturn
from weakref import WeakValueDictionary

from greenlet import GreenletExit, getcurrent, greenlet

from stateful.kernel.process import Process
from stateful.model.call import Call, Delivery, Errno, Outside, UnmodelledSyscall
from stateful.model.disk import HOME
from stateful.model.escape import visible
from stateful.model.lifecycle import LEAVING, OWNER, Outcome
from stateful.model.machine import MACHINE, Machine
from stateful.model.syscalls import WAITS

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from stateful.python.modules import Exchange

# A subject may catch GreenletExit and go on. After this many refused calls it is left parked instead.
REFUSALS_BEFORE_ABANDONING = 64

# Greenlets that would not end: kept alive, because dropping one would throw into it again.
_abandoned: list[Interpreter] = []


class Interpreter(Process, greenlet):
    """A process of the kernel's table whose program is Python: the greenlet that runs its code.

    Attributes:
        main: its code, from the first instruction to the outcome.
        folder, subject: where its code is imported from before all others, and the name of the
            top-level module that it is there for.
        libraries: the folders to import from next.
        folder_of_work: where relative paths begin.
        belongings, exchange: what ``switch`` and ``modules`` exchange when it runs.
        buried: it is being unwound; every call is refused.
        stuck: it was stopped inside code that ignores being stopped, and is never resumed.
        seed: what its randomness is drawn from; its pid where that is None.
        streams: the files that it has open for writing, in the order in which they were opened.
        tells_plans: its protocol offers a replace or a stop, and so can end an owner on purpose.
        alter: what becomes of its calls before they are made; None where nothing does.
        not_offered: the invariants that its protocol says it does not keep.
        deaf: it is past its exit handlers, and runs no more signal handlers either.
    """

    def __init__(
        self, letter: str, life: str, main: Callable[[], Outcome], machine: Machine = MACHINE
    ) -> None:
        Process.__init__(self, letter, life, machine)
        greenlet.__init__(self)
        self.main = main
        self.handlers: dict[int, Any] = {
            signal.SIGINT: signal.default_int_handler,
            signal.SIGPIPE: signal.SIG_IGN,
            signal.SIGXFSZ: signal.SIG_IGN,
        }
        self.exit_handlers: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = []
        self.streams: WeakValueDictionary[int, Any] = WeakValueDictionary()
        self.folder_of_work = HOME
        self.modules: dict[str, ModuleType] = {}
        self.folder: str | None = None
        self.subject: str | None = None
        self.libraries: tuple[str, ...] = ()
        self.environ: dict[bytes, bytes] = {}
        self.belongings: tuple[Any, ...] | None = None
        self.exchange: Exchange | None = None
        self.draws = 0
        self.seed: int | None = None
        self.calls = 0
        self.tells_plans = False
        self.alter: Callable[[Interpreter, str, tuple[Any, ...]], Any] | None = None
        self.not_offered: frozenset[str] = frozenset()
        self.deaf = False
        self.buried = False
        self.stuck = False
        self._refusals = 0
        self._harness: greenlet = getcurrent()

    # -- inside the process ---------------------------------------------------------------------

    def run(self) -> None:
        """The life of the process, from its first instruction to ``exit``."""
        try:
            outcome = self.main()
            code = 1 if outcome.kind == "refused" else 0
        except SystemExit as stop:
            outcome, code = self._refused_or_released(), _exit_code(stop)
        except GreenletExit:
            raise
        except BaseException as error:
            self._end_if_buried()
            outcome = _failed(error)
            code = 130 if isinstance(error, KeyboardInterrupt) else 1
        if self.phase != OWNER:
            self.phase = LEAVING
        for entry in reversed(self.exit_handlers[:]):  # those that register now come too late
            if not any(entry is other for other in self.exit_handlers):
                continue  # unregistered by one that ran before it
            function, args, kwargs = entry
            try:
                function(*args, **kwargs)
            except GreenletExit:
                raise
            except SystemExit:
                pass  # As in CPython, which prints it: the exit status stands.
            except BaseException as error:
                self._end_if_buried()
                outcome = _failed(error)
        self.deaf = True
        for stream in list(self.streams.values()):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        self.exit(code, outcome)

    def _end_if_buried(self) -> None:
        """A ``finally`` that raises while it is unwound turns GreenletExit into something else."""
        if self.buried:
            raise GreenletExit

    def exit(self, code: int, outcome: Outcome | None = None) -> None:
        """End now, without running anything more. Never returns."""
        outcome = outcome or self._refused_or_released()
        status = code & 0xFF
        self.call("exit", status, outcome._replace(status=status, tells_plans=self.tells_plans))

    def _refused_or_released(self) -> Outcome:
        return Outcome("released" if self.owned else "refused")

    def call(self, name: str, *args: Any) -> Any:
        """Make a call, or what becomes of it; return what the process is told, or raise an OSError."""
        return self.make(name, *args) if self.alter is None else self.alter(self, name, args)

    def make(self, name: str, *args: Any) -> Any:
        """Stop before a call; return what the kernel answers, or raise its errno as OSError."""
        self.calls += 1
        call = Call(name, args)
        while True:
            answer = self._stop_before(call)
            kind = type(answer)
            if kind is Errno:
                names = [argument for argument in args[:2] if isinstance(argument, str)]
                raise OSError(answer.code, os.strerror(answer.code), *_filenames(names))
            if kind is not Delivery:
                return answer
            if self.deaf:
                continue
            if name == "serve":
                self.phase = LEAVING  # What it is told by a signal is to go.
            self.handlers[answer.number](answer.number, None)
            if name in WAITS:
                return None

    def draw(self) -> str:
        """A seed that depends only on who asks and how often it has asked before."""
        self.draws += 1
        return f"{self.pid if self.seed is None else self.seed}/{self.draws}"

    def outside(self, function: Callable[..., Any], *args: Any) -> Any:
        """Have the harness do something that is no part of the simulated world."""
        answer, error = self._stop_before(Outside(function, args))
        if error is not None:
            raise error
        return answer

    def refuse(self, message: str) -> NoReturn:
        """Stop the whole run with UnmodelledSyscall, whatever the subject would catch.

        Never returns, even to somebody who resumes the process in spite of it.
        """
        while True:
            self._stop_before(UnmodelledSyscall(f"the subject {message}"))

    def _stop_before(self, request: Call | Outside | BaseException) -> Any:
        if self.buried:
            self._refusals += 1
            if self._refusals > REFUSALS_BEFORE_ABANDONING:
                self.abandon()
            raise GreenletExit
        return self._harness.switch(request)

    def hand_over(self, error: BaseException) -> NoReturn:
        """Have the harness raise an error, and leave this greenlet parked for good: it cannot go on."""
        self.stuck = True
        while True:
            self._harness.switch(error)

    def abandon(self) -> NoReturn:
        """Leave this greenlet parked for good: it swallows every request to end."""
        self.stuck = True
        _abandoned.append(self)
        while True:
            self._harness.switch(None)

    # -- outside the process --------------------------------------------------------------------

    def bury(self) -> None:
        """Unwind the greenlet, with every call refused."""
        self.buried = True
        if self and not self.dead:
            if self.stuck:
                _abandoned.append(self)
            else:
                self.parent = self._harness = getcurrent()
                sys.call_tracing(self.throw, (GreenletExit,))  # see ``guard.switch_to``

    def forget(self) -> None:
        """Drop all that the code of the process left behind."""
        self.modules.clear()
        self.exit_handlers.clear()
        self.handlers.clear()
        self.belongings = self.exchange = None


def _exit_code(stop: SystemExit) -> int:
    if stop.code is None:
        return 0
    return stop.code if isinstance(stop.code, int) else 1


def _failed(error: BaseException) -> Outcome:
    return Outcome("failed", described(error), error.errno if isinstance(error, OSError) else None)


def described(error: BaseException) -> str:
    """The type and text of an error in one line, whatever its ``__str__`` does."""
    try:
        text = visible(" ".join(str(error).split()))
        return f"{type(error).__name__}: {text}" if text else type(error).__name__
    except Exception as worse:
        return f"{type(error).__name__}, whose text raises {type(worse).__name__}"


def _filenames(names: list[str]) -> list[Any]:
    """The file name arguments of OSError, which takes a second name only after a winerror."""
    return names if len(names) < 2 else [names[0], None, names[1]]
