"""luigi's acquire_for, as ``luigi --lock-pid-dir`` uses it: a check, and a list of pids written in place.

It promises: the process runs only once at the same time with the same command line. The list stays behind.
"""

from collections.abc import Callable
from pathlib import Path

from luigi.lock import acquire_for


def gateway(home: Path, serve: Callable[[], None]) -> None:
    if acquire_for(str(home / "luigi")):
        serve()
