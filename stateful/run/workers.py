"""Searches jobs in several worker processes, and stops them cleanly whatever happens.

Each worker has a pipe of its own: nothing is shared that one could leave locked or half written. An
interrupt only sets a flag, which is looked at between two messages; as an exception it could be raised, and
lost, in the middle of any bookkeeping. A worker that dies takes only its job with it. If this process
dies, its workers end at their next message.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from types import FrameType
from typing import Any, Final

from stateful.kernel.temporary import remove_left_by

PATIENCE_S: Final = 10.0  # with a worker that is to stop
SECONDS_BETWEEN_LOOKS: Final = 0.2
SECONDS_UNTIL_ANOTHER_TRY: Final = 0.01  # of the processor's time
INTERRUPTS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Tell = Callable[[Any], None]
DONE: Final = "done"


class Interruption:
    """Notes, while it is entered, that the run is to stop, instead of raising KeyboardInterrupt."""

    def __init__(self) -> None:
        self.requested = False
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            for number in INTERRUPTS:
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._handlers[number] = signal.signal(number, self._request)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _request(self, number: int, frame: FrameType | None) -> None:
        self.requested = True


class _Worker:
    """A worker process, its pipe, and the job that it has."""

    def __init__(self, context: Any, do: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, do, arguments), daemon=True)
        resource_tracker.ensure_running()  # Starting it unblocks SIGINT.
        # Ctrl-C and the end of a terminal reach the whole group; a worker is to be stopped by this process
        # alone, and in order.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
        try:
            self.process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
        self.job: Any = None

    def give(self, job: Any) -> None:
        self.job = job
        with contextlib.suppress(OSError):  # It has died; the end of its pipe will say so.
            self.pipe.send(job)

    def clean_up(self) -> None:
        """Remove what it leaves, once it has died: killed, it could not do that itself."""
        self.process.join()
        remove_left_by(self.process.pid)


def in_parallel(
    do: Callable[..., None],
    arguments: tuple[Any, ...],
    jobs: Iterable[Any],
    workers: int,
    hear: Tell,
    lost: Callable[[Any, int | None], None],
    is_over: Callable[[], bool] = lambda: False,
) -> None:
    """Call ``do(*arguments, job, tell)`` for each job in some worker; ``hear`` gets what it tells.

    Args:
        jobs: each is asked for when a worker is free, and one that died is replaced as long as there are any.
        lost: is called with the job and the exit status of a worker that died.
        is_over: whether all are to be stopped now; asked at least every SECONDS_BETWEEN_LOOKS.

    Raises:
        KeyboardInterrupt: an interrupt came; every worker has been stopped before.
        Exception: what ``do`` raised.
    """
    context = multiprocessing.get_context("spawn")
    coming = iter(jobs)
    busy: list[_Worker] = []
    with Interruption() as interruption:
        try:
            more = True
            while (more or busy) and not (interruption.requested or is_over()):
                while more and len(busy) < workers:
                    job = next(coming, DONE)
                    more = job != DONE
                    if more:
                        busy.append(_Worker(context, do, arguments))
                        busy[-1].give(job)
                for worker, message in _messages(busy):
                    if message is None:
                        worker.clean_up()
                        busy.remove(worker)
                        if not interruption.requested:
                            lost(worker.job, worker.process.exitcode)
                    elif isinstance(message, BaseException):
                        raise message
                    elif message != DONE:
                        hear(message)
                    elif more and (job := next(coming, DONE)) != DONE:
                        worker.give(job)
                    else:
                        more = False
                        busy.remove(worker)
                        _stop([worker], hear)
        except BaseException:
            _stop(busy, lambda message: None)
            raise
        _stop(busy, hear)
    if interruption.requested:
        raise KeyboardInterrupt


def _messages(busy: list[_Worker]) -> Iterator[tuple[_Worker, Any]]:
    """One message of each worker that has one; None from a worker that has died."""
    ready = wait([worker.pipe for worker in busy], SECONDS_BETWEEN_LOOKS)
    for worker in list(busy):
        if worker.pipe in ready:
            try:
                yield worker, worker.pipe.recv()
            except (EOFError, OSError):
                yield worker, None


def _stop(workers: Sequence[_Worker], hear: Tell) -> None:
    """Have workers clean up and end; hear what they still tell; kill those that do not end."""
    for worker in workers:
        worker.process.terminate()
    for worker in workers:
        with contextlib.suppress(EOFError, OSError):
            while worker.pipe.poll(PATIENCE_S):
                message = worker.pipe.recv()
                if message != DONE and not isinstance(message, BaseException):
                    hear(message)
        worker.process.join(PATIENCE_S)
        worker.process.kill()
        worker.clean_up()
        worker.pipe.close()


def _would_be_lost(frame: FrameType | None) -> bool:
    """Whether an exception here would be ignored: in a destructor, or in Hypothesis's look at collections."""
    while frame is not None:
        if frame.f_code.co_name in ("__del__", "gc_callback"):
            return True
        frame = frame.f_back
    return False


def _work(pipe: Connection, do: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    """The life of a worker: one job after another, until SIGTERM or the end of its pipe."""
    stopping = sending = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopping
        if _would_be_lost(frame):
            signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS_UNTIL_ANOTHER_TRY)
            return
        again, stopping = stopping, True
        if not (again or sending):  # Neither cleaning up nor a message is to be left half done.
            raise KeyboardInterrupt

    def tell(message: Any) -> None:
        nonlocal sending
        sending = True
        pipe.send(message)
        sending = False
        if stopping:
            raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGVTALRM, stop)
    # The end of the pipe means that the parent is gone, or that it does not wait any more.
    with contextlib.suppress(KeyboardInterrupt, EOFError, BrokenPipeError, ConnectionResetError):
        try:
            while True:
                job = pipe.recv()
                try:
                    do(*arguments, job, tell)
                except Exception as error:
                    tell(error)
                else:
                    tell(DONE)
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
