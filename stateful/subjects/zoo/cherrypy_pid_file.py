"""cherrypy's PIDFile plugin: it writes the PID file, and removes it on exit.

It promises to maintain a PID file, and no more: it never looks whether there is one.
"""

from collections.abc import Callable
from pathlib import Path

from cherrypy.process.plugins import PIDFile
from cherrypy.process.wspbus import Bus

not_offered = {
    "at_most_one_owner": "it maintains a PID file, and keeps nobody out",
    "release_removes_only_own_record": "so whoever exits removes the file of whoever came later",
}


def gateway(home: Path, serve: Callable[[], None]) -> None:
    pid_file = PIDFile(Bus(), str(home / "app.pid"))
    pid_file.start()
    serve()
    pid_file.exit()
