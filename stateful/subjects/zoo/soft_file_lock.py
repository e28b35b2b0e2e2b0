"""filelock's SoftFileLock: a marker file that exists while the lock is held and names pid and host.

It promises: one holder at a time, and that a contender removes the marker of a dead process of this host. It
documents that a marker without content is removed after 2 s, and from 4.1.0 on that between two calls of such
a removal a third process can acquire the lock beside its holder.
"""

from collections.abc import Callable
from pathlib import Path

from filelock import SoftFileLock, Timeout

not_offered = {
    "a_dead_owner_can_be_replaced": "an empty marker is removed after 2 s of waiting",
    "an_answer_was_true_at_some_moment": "pid tells what the file says",
}


def gateway(home: Path, serve: Callable[[], None]) -> None:
    try:
        with SoftFileLock(home / "app.lock", timeout=0.5, poll_interval=0.5):
            serve()
    except Timeout:
        return


def running_pid(home: Path) -> int | None:
    return SoftFileLock(home / "app.lock").pid
