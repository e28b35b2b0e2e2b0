"""The host's own entry points, captured before anything is interposed.

The kernel uses only these, so that its work never passes through its own interposition.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from typing import Any

O_CREAT, O_EXCL, O_NOFOLLOW, O_TRUNC = os.O_CREAT, os.O_EXCL, os.O_NOFOLLOW, os.O_TRUNC
O_APPEND = os.O_APPEND
O_TMPFILE: int = getattr(os, "O_TMPFILE", 0)  # Linux only
O_PATH: int = getattr(os, "O_PATH", 0)  # Linux and FreeBSD only

close = os.close
copy_file_range: Any = getattr(os, "copy_file_range", None)  # Linux only
dup = os.dup
fdatasync = getattr(os, "fdatasync", os.fsync)  # macOS has none
fstat = os.fstat
fsync = os.fsync
ftruncate = os.ftruncate
link = os.link
listdir = os.listdir
lseek = os.lseek
lstat = os.lstat
mkdir = os.mkdir
open = os.open
pread = os.pread
pwrite = os.pwrite
read = os.read
readlink = os.readlink
rename = os.rename
rmdir = os.rmdir
scandir = os.scandir
stat = os.stat
symlink = os.symlink
truncate = os.truncate
unlink = os.unlink
write = os.write
flock = fcntl.flock
rmtree = shutil.rmtree
