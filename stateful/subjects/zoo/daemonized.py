"""daemonize's Daemonize, in the foreground: ``flock`` on a PID file that is removed at exit.

It promises: only one instance of the daemon runs at any time.
"""

from collections.abc import Callable
from pathlib import Path

from daemonize import Daemonize


def gateway(home: Path, serve: Callable[[], None]) -> None:
    Daemonize("app", str(home / "app.pid"), serve, foreground=True, chdir=str(home)).start()
