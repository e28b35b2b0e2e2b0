"""The one seam of locking: an exclusive lock on a descriptor, which the system drops with its last holder.

``flock`` where there is one; on Windows one byte far behind the content, because there nobody else can
read what is locked. Windows has not been tried on a real machine.
"""

from __future__ import annotations

import errno
import os
import sys
import time

LOCKED_BYTE = 0x7FFF_0000
SECONDS_BETWEEN_TRIES = 0.02
BUSY = frozenset({errno.EACCES, errno.EDEADLK})

if sys.platform == "win32":
    import msvcrt

    def lock(fd: int, *, wait: bool) -> bool:
        """Lock a descriptor, or return False where another one holds the lock and it is not waited for."""
        while True:
            os.lseek(fd, LOCKED_BYTE, os.SEEK_SET)
            try:
                msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
            except OSError as error:
                if error.errno not in BUSY:
                    raise
            else:
                return True
            if not wait:
                return False
            time.sleep(SECONDS_BETWEEN_TRIES)

else:
    import fcntl

    def lock(fd: int, *, wait: bool) -> bool:
        """Lock a descriptor, or return False where another one holds the lock and it is not waited for."""
        try:
            fcntl.flock(fd, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
