"""One simulated process as Python sees it: a greenlet that stops before every call it makes.

A crash parks the greenlet for ever, so none of its code runs: no ``finally``, no ``with`` exit, no
exit handler, no flush. When the execution is closed the greenlet is unwound with every call refused,
so that its code reaches no file. A greenlet that resists unwinding stays parked for good.
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
from stateful.model.call import Call, Delivery, Errno, Interrupted, Outside, UnmodelledSyscall
from stateful.model.lifecycle import LEAVING, OWNER, Outcome
from stateful.model.machine import MACHINE, ONE_PER, Machine
from stateful.model.printable import printable
from stateful.model.syscalls import CLOSES, OPENS, WAITS
from stateful.python.arguments import converted
from stateful.python.destructors import destructors
from stateful.python.readings import Readings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from stateful.python.modules import Exchange

# A subject may catch GreenletExit and go on. After this many refused calls it stays parked instead.
REFUSALS_BEFORE_ABANDONING = 64
LOOKS = frozenset({bytes, str, tuple})  # the types of answers in which there may be a time

# Greenlets that would not end: kept alive, because dropping one would throw into it again.
_abandoned: list[Interpreter] = []


class Interpreter(Process, greenlet):
    """A process of the kernel's table whose program is Python: the greenlet that runs its code.

    Attributes:
        main: its code, from the first instruction to the outcome.
        folder, subject: the folder that it imports from first, and the top-level module that it runs.
        libraries: the folders to import from next.
        belongings, exchange, attributes: what is exchanged when it runs; see ``switch``.
        unwound: it is being unwound or has been; every call is refused.
        stuck: it was stopped inside code that ignores being stopped, and is never resumed.
        readings: what the clocks tell it.
        seed: the seed of its randomness; None for its pid.
        dated: it has looked at a time of a file other than that of its last write, or at one of a folder.
        held: the descriptors that it has been given and has not closed.
        held_back: the signals whose handlers wait for the end of a call of C code; None outside such a call.
        streams: the files that it has open for writing, in the order in which they were opened.
        tells_plans: its protocol offers a replace or a stop, and so can end an owner on purpose.
        alter: changes each of its calls before it is made; None for no change.
        not_offered: the invariants that its protocol says it does not keep.
        one_per: of what its protocol lets one owner live: see ``Offer``.
        raised: the exception by which the world has ended its serve; None if it has not.
        deaf: its exit handlers have run, so it runs no signal handlers any more.
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
        self.modules: dict[str, ModuleType] = {}
        self.folder: str | None = None
        self.subject: str | None = None
        self.libraries: tuple[str, ...] = ()
        self.dated = False
        self.held: set[int] = set()
        self.held_back: list[int] | None = None
        self.environ: dict[bytes, bytes] = {}
        self.belongings: tuple[Any, ...] | None = None
        self.exchange: Exchange | None = None
        self.attributes: dict[str, dict[str, Any]] = {}
        self.draws = 0
        self.readings = Readings()
        self.seed: int | None = None
        self.calls = 0
        self.tells_plans = False
        self.alter: Callable[[Interpreter, str, tuple[Any, ...]], Any] | None = None
        self.not_offered: frozenset[str] = frozenset()
        self.one_per = ONE_PER[0]
        self.raised: BaseException | None = None
        self.deaf = False
        self.unwound = False
        self.stuck = False
        self._refusals = 0
        self._harness: greenlet = getcurrent()

    # -- inside the process

    def run(self) -> None:
        """The life of the process, from its first instruction to ``exit``."""
        last: BaseException | None = None  # whose frames CPython keeps until after the exit handlers
        try:
            outcome = self.main()
            code = 1 if outcome.kind == "refused" else 0
        except SystemExit as stop:
            outcome, code = self._refused_or_released(), _exit_code(stop)
        except KeyboardInterrupt as error:  # of SIGINT: an end like that of SystemExit
            self._end_if_unwound()
            last = error
            outcome, code = self._refused_or_released(), 130
        except GreenletExit:
            raise
        except BaseException as error:
            self._end_if_unwound()
            last = error
            outcome, code = self._refused_or_released() if error is self.raised else _failed(error), 1
        if self.phase != OWNER:
            self.phase = LEAVING
        for entry in reversed(self.exit_handlers[:]):  # a copy: handlers registered meanwhile do not run
            if not any(entry is other for other in self.exit_handlers):
                continue  # unregistered by an earlier handler
            function, args, kwargs = entry
            try:
                function(*args, **kwargs)
            except GreenletExit:
                raise
            except SystemExit:
                pass  # CPython only prints it; the exit status stands.
            except KeyboardInterrupt:
                self._end_if_unwound()  # Likewise.
            except BaseException as error:
                self._end_if_unwound()
                outcome = _failed(error)
        self.deaf = True
        del last
        for destructor in [*destructors(self.modules)]:
            try:
                destructor()
            except GreenletExit:
                raise
            except BaseException:
                self._end_if_unwound()  # CPython only prints it.
        for stream in list(self.streams.values()):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        self.exit(code, outcome)

    def _end_if_unwound(self) -> None:
        """End a process whose ``finally`` replaced GreenletExit by another exception while being unwound."""
        if self.unwound:
            raise GreenletExit

    def exit(self, code: int, outcome: Outcome | None = None) -> None:
        """End now, without running any more code. Never returns."""
        outcome = outcome or self._refused_or_released()
        status = code & 0xFF
        self.call("exit", status, outcome._replace(status=status, tells_plans=self.tells_plans))

    def _refused_or_released(self) -> Outcome:
        return Outcome("released" if self.owned else "refused")

    def call(self, name: str, *args: Any) -> Any:
        """Make a call, altered if ``alter`` says so; return its answer, or raise its errno as OSError.

        Raises TypeError or OverflowError if a number is none, or too large.
        """
        args = converted(name, args)
        return self.make(name, *args) if self.alter is None else self.alter(self, name, args)

    def make(self, name: str, *args: Any) -> Any:
        """Stop before a call; return what the kernel answers, or raise its errno as OSError."""
        self.calls += 1
        call = Call(name, args)
        if name in CLOSES:
            self.held.discard(args[0])
        while True:
            answer = self._stop_before(call)
            kind = type(answer)
            if kind is Errno:
                names = [argument for argument in args[:2] if isinstance(argument, str)]
                raise OSError(answer.code, os.strerror(answer.code), *_filenames(names))
            if kind is not Delivery:
                told = answer.answer if kind is Interrupted else answer
                if name in OPENS:
                    self.held.add(told)
                if kind is Interrupted:
                    self._handle_or_hold(answer.number)
                if kind in LOOKS:
                    self.readings.look(told)
                return told
            if self.deaf:
                continue
            if name == "serve":
                self.phase = LEAVING  # The signal tells it to go.
            self._handle(answer.number)
            if name in WAITS:
                return None

    def _handle(self, number: int) -> None:
        """Run the handler of a signal; CPython, too, lets go of one whose handler is no longer there."""
        handler = self.handlers[number]
        if callable(handler) and not self.deaf:
            handler(number, None)

    def _handle_or_hold(self, number: int) -> None:
        if self.held_back is None:
            self._handle(number)
        else:
            self.held_back.append(number)

    @contextlib.contextmanager
    def holding_back(self) -> Iterator[None]:
        """Inside this context the handlers of signals that arrive in calls run only at its end."""
        before, self.held_back = self.held_back, []
        try:
            yield
        finally:
            numbers, self.held_back = self.held_back, before
        for number in numbers:
            self._handle_or_hold(number)

    def draw(self) -> str:
        """A seed that depends only on the process and on how many seeds it has drawn before.

        In another container it is another one, although the pid is the same.
        """
        self.draws += 1
        return f"{self.namespace}{self.pid if self.seed is None else self.seed}/{self.draws}"

    def outside(self, function: Callable[..., Any], *args: Any) -> Any:
        """Let the harness call a function that is no part of the simulated world; return its result."""
        answer, error = self._stop_before(Outside(function, args))
        if error is not None:
            raise error
        return answer

    def refuse(self, message: str) -> NoReturn:
        """Stop the whole run with UnmodelledSyscall, which the subject cannot catch.

        Never returns, even if the process is resumed afterwards.
        """
        while True:
            self._stop_before(UnmodelledSyscall(f"the subject {message}"))

    def _stop_before(self, request: Call | Outside | BaseException) -> Any:
        if self.unwound:
            self._refusals += 1
            if self._refusals > REFUSALS_BEFORE_ABANDONING:
                self.abandon()
            raise GreenletExit
        return self._harness.switch(request)

    def hand_over(self, error: BaseException) -> NoReturn:
        """Raise an error in the harness, and leave this greenlet parked for good: it cannot go on."""
        self.stuck = True
        while True:
            self._harness.switch(error)

    def abandon(self) -> NoReturn:
        """Leave this greenlet parked for good: it swallows every request to end."""
        self.stuck = True
        _abandoned.append(self)
        while True:
            self._harness.switch(None)

    # -- outside the process

    def unwind(self) -> None:
        """Unwind the greenlet, refusing every call."""
        self.unwound = True
        if self and not self.dead:
            if self.stuck:
                _abandoned.append(self)
            else:
                self.parent = self._harness = getcurrent()
                sys.call_tracing(self.throw, (GreenletExit,))  # see ``guard.switch_to``

    def clear(self) -> None:
        """Drop the modules and handlers that the code of the process left behind."""
        self.modules.clear()
        self.exit_handlers.clear()
        self.handlers.clear()
        self.belongings = self.exchange = None
        self.attributes.clear()


def _exit_code(stop: SystemExit) -> int:
    if stop.code is None:
        return 0
    return stop.code if isinstance(stop.code, int) else 1


def _failed(error: BaseException) -> Outcome:
    return Outcome("failed", described(error), error.errno if isinstance(error, OSError) else None)


def described(error: BaseException) -> str:
    """The type and text of an error in one line, whatever its ``__str__`` does."""
    try:
        text = printable(" ".join(str(error).split()))
        return f"{type(error).__name__}: {text}" if text else type(error).__name__
    except Exception as worse:
        return f"{type(error).__name__}, whose text raises {type(worse).__name__}"


def _filenames(names: list[str]) -> list[Any]:
    """The file name arguments of OSError, which takes a second name only after a winerror."""
    return names if len(names) < 2 else [names[0], None, names[1]]
