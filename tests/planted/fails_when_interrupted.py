"""only_documented_errors: what cleans up after an interrupt assumes that the process owns."""

import fcntl
import os


def gateway(home, serve):
    name = None
    try:
        fd = os.open(home / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        name = home / "gateway.pid"
        name.write_text(str(os.getpid()))
        serve()
    except BlockingIOError:
        return
    except KeyboardInterrupt:
        os.truncate(name, 0)
        raise
