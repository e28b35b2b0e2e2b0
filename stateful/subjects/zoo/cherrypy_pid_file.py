"""cherrypy's PIDFile plugin: it writes the PID file, and removes it on exit.

It promises only to maintain a PID file: it never checks whether there is one.
"""

from collections.abc import Callable
from pathlib import Path

from cherrypy.process.plugins import PIDFile
from cherrypy.process.wspbus import Bus

not_offered = {
    "at_most_one_owner": "it maintains a PID file, and refuses no start",
    "release_removes_only_own_record": "so a process that exits removes the file of a later one",
}


def gateway(home: Path, serve: Callable[[], None]) -> None:
    pid_file = PIDFile(Bus(), str(home / "app.pid"))
    pid_file.start()
    serve()
    pid_file.exit()
