"""tendo's SingleInstance: ``lockf`` on a file that its destructor removes.

It promises: it can be instantiated only once per machine.
"""

from collections.abc import Callable
from pathlib import Path

from tendo.singleton import SingleInstance, SingleInstanceException


def gateway(home: Path, serve: Callable[[], None]) -> None:
    try:
        me = SingleInstance(lockfile=str(home / "app.lock"))
    except SingleInstanceException:
        return
    serve()
    del me
