"""only_the_owner_is_signalled: a replace signals any process that has the recorded pid, if it is a number."""

import contextlib
import fcntl
import json
import os
import signal
import sys


def gateway(home, serve, *, replace=False):
    if replace:
        with contextlib.suppress(OSError, ValueError):
            os.kill(json.loads((home / "gateway.pid").read_text())["pid"], signal.SIGKILL)
    fd = os.open(home / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    (home / "gateway.pid").write_text(json.dumps({"pid": os.getpid()}))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    serve()
