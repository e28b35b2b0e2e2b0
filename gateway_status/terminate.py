"""Signals to a process that is known, and to no other: not to whoever has its pid by then.

A pidfd keeps a process apart from the next one with its pid. Where there is none (macOS, Windows, old
Linux), a process that dies between the last look and the signal could be mistaken; that is a window of
microseconds, and the reason why such a host is only second best.
"""

from __future__ import annotations

import errno
import os
import select
import signal
import subprocess
import sys
import time
from types import TracebackType

from gateway_status import identity
from gateway_status.errors import GatewayStatusError
from gateway_status.host import Host

TASKKILL_TIMEOUT_S = 10
FIRST_PAUSE_S = 0.2
SELECTABLE = 1024  # select() takes no descriptor from here on.
NO_PIDFD = frozenset({errno.ENOSYS, errno.EPERM, errno.EMFILE, errno.ENFILE})


class Victim:
    """A process that is to be asked to end: a context manager, inside of which it stays the same one.

    Raises ProcessLookupError where it is gone, or is not the one that started at ``start_time``.
    """

    def __init__(self, pid: int, start_time: int | None, host: Host) -> None:
        self.pid = pid
        self.start_time = start_time
        self._host = host
        self._fd = _open_pidfd(pid)
        try:
            if not self.is_same():
                raise ProcessLookupError(errno.ESRCH, f"pid {pid} belongs to another process now")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Victim:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def is_same(self) -> bool:
        """Whether the pid still belongs to the process that is meant."""
        return self.start_time is None or self._host.start_time(self.pid) == self.start_time

    def send(self, number: int) -> None:
        """Send a signal. Raises ProcessLookupError where it is gone, PermissionError where that is denied."""
        if self._fd is not None and sys.platform != "win32":
            signal.pidfd_send_signal(self._fd, number)
        elif self.is_same():
            os.kill(self.pid, number)
        else:
            raise ProcessLookupError(errno.ESRCH, f"process {self.pid} is gone")

    def has_ended(self, timeout_s: float) -> bool:
        """Whether it ends within a time. A zombie has ended: whoever should reap it may be stuck."""
        if self._fd is not None and self._fd < SELECTABLE:
            return bool(select.select([self._fd], [], [], timeout_s)[0])
        deadline, pause = time.monotonic() + timeout_s, FIRST_PAUSE_S
        while self._is_there():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(pause, left))
            pause *= 2
        return True

    def _is_there(self) -> bool:
        return identity.exists(self.pid, windows=self._host.windows) and self.is_same()


def _open_pidfd(pid: int) -> int | None:
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except OSError as error:
        if error.errno in NO_PIDFD:
            return None
        raise


def terminate(pid: int, host: Host, *, force: bool, expected_start_time: int | None) -> None:
    """See ``status.terminate_pid``."""
    if isinstance(pid, bool) or not isinstance(pid, int) or pid <= 1 or pid == os.getpid():
        raise GatewayStatusError(errno.EPERM, f"refused to signal pid {pid}")
    if host.windows:
        _terminate_on_windows(pid, host, force=force, expected_start_time=expected_start_time)
        return
    number = signal.SIGKILL if force else signal.SIGTERM
    if expected_start_time is None:
        os.kill(pid, number)
        return
    with Victim(pid, expected_start_time, host) as victim:
        victim.send(number)


def _terminate_on_windows(pid: int, host: Host, *, force: bool, expected_start_time: int | None) -> None:
    if expected_start_time is not None and host.start_time(pid) != expected_start_time:
        raise ProcessLookupError(errno.ESRCH, f"pid {pid} belongs to another process now")
    if not force:
        os.kill(pid, signal.SIGTERM)  # There it ends the process at once.
        return
    command = ["taskkill", "/PID", str(pid), "/T", "/F"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TASKKILL_TIMEOUT_S)
    except FileNotFoundError:
        os.kill(pid, signal.SIGTERM)
        return
    except subprocess.TimeoutExpired:
        text = f"taskkill could not end process {pid}: it took longer than {TASKKILL_TIMEOUT_S} s"
        raise OSError(errno.ETIMEDOUT, text) from None
    if done.returncode:
        text = (done.stderr or done.stdout or "").strip() or f"exit status {done.returncode}"
        raise OSError(errno.EPERM, f"taskkill could not end process {pid}: {text}")
