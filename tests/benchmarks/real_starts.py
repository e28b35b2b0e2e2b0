"""Runs starts of a subject on the host: no simulated kernel, nothing interposed, a temporary home.

They run in another Python. In the Python of the harness an audit hook, which cannot be removed, makes each
call slower.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stateful.kernel.temporary import temporary_folder
from stateful.model.images import RECORD
from stateful.model.machine import DEAD_PID
from stateful.protocol.subject import Subject, bind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

NEVER_A_PID: Final = (1 << 22) + 1  # Linux gives no pid above 2**22, other systems none so high.


@contextmanager
def python_beside(work: Callable[..., None], *args: object) -> Iterator[Connection]:
    """A fresh Python that does some work in a temporary home; on exit both are removed."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    with tempfile.TemporaryDirectory(prefix="stateful-host-", dir=temporary_folder()) as home:
        process = context.Process(target=_work, args=(work, home, theirs, *args), daemon=True)
        process.start()
        theirs.close()
        try:
            yield ours
        finally:
            ours.close()
            process.terminate()
            process.join()


def _work(work: Callable[..., None], home: str, link: Connection, *args: object) -> None:
    os.environ["HERMES_HOME"] = home
    with suppress(EOFError, KeyboardInterrupt):  # The parent asks no more.
        work(home, link, *args)


def lay_out(home: str) -> None:
    """Leave nothing but a stale record in a home."""
    for name in os.listdir(home):
        os.unlink(f"{home}/{name}")
    record = RECORD.replace(str(DEAD_PID).encode(), str(NEVER_A_PID).encode(), 1)
    Path(home, "gateway.pid").write_bytes(record)


def time_starts(home: str, link: Connection) -> None:
    """Answer each subject that is received with the seconds that its start takes until it owns.

    Each subject is started twice, and the second start counts: the first wakes the processor up.
    """
    while True:
        subject = link.recv()
        _time_start(subject, home)
        link.send(_time_start(subject, home))


def _time_start(subject: Subject, home: str) -> float:
    module: Any = importlib.import_module(subject.module)
    protocol = bind(module, subject.function)
    owned: list[float] = []
    lay_out(home)
    started = time.perf_counter()
    protocol.gateway(lambda: owned.append(time.perf_counter()), False)
    for name in (
        "remove_pid_file",
        "release_gateway_runtime_lock",
    ):  # A status module leaves this to its caller.
        getattr(module, name, lambda: None)()
    return owned[0] - started
