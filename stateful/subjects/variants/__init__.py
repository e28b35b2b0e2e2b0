"""Variants: unusual protocols that are correct and must hold.

Not included, because the kernel does not model them: an abstract Unix socket, OFD locks by ``fcntl.fcntl``,
a file without a name (O_TMPFILE).
"""

from __future__ import annotations

from typing import Final

VARIANTS: Final = (
    "record-in-the-lock",
    "record-lock-beside-a-record",
    "locks-the-home",
    "retries-the-lock",
    "waits-behind-a-queue",
    "unlinks-its-own-lock",
    "renames-its-record",
    "links-its-record",
    "symlink-says-who",
    "folder-says-who",
    "earliest-line-owns",
    "lowest-ticket-owns",
)
