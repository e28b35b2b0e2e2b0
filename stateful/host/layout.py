"""The real directory of a play: laid out as a simulated disk, compared with one, removed."""

from __future__ import annotations

import os
import shutil
import stat as st
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from stateful.explain.disk_words import shown_path
from stateful.host.translation import Translation
from stateful.kernel.temporary import remove_tree
from stateful.model.disk import LIMIT_CONTENT_BYTES, Disk
from stateful.model.machine import FOLDERS, ROOT, USER

_RUN: Final = "/run"  # where only root makes files, and folders for others


class HostFile(NamedTuple):
    """What a name stands for on the host."""

    kind: str
    mode: int
    content: bytes
    uid: int
    gid: int


def make_root(root: str) -> None:
    """Make the folders that every machine has."""
    for path in FOLDERS:
        os.mkdir(root + path, 0o700)
    for path, (mode, uid) in reversed(FOLDERS.items()):
        give(root + path, uid, uid)
        denied = 0o222 if uid == ROOT and path.startswith(_RUN) and os.getuid() != ROOT else 0
        os.chmod(root + path, mode & ~denied)


def lay_out(root: str, disk: Disk, translation: Translation) -> None:
    """Copy a simulated disk into the directory."""
    made: dict[int, str] = {}
    files = disk.by_path()
    for path, serial in disk.names:
        where, file = root + translation.path(path), files[path]
        if serial in made:
            os.link(made[serial], where)
            continue
        made[serial] = where
        if file.kind == "dir":
            os.mkdir(where)
        elif file.kind == "link":
            target = os.fsdecode(file.content)
            os.symlink(root + target if target.startswith("/") else target, where)
        else:
            write(where, translation.to_host(file.content))
        give(where, file.uid, file.gid)
        if file.mtime is not None:
            dated = translation.moment(file.mtime)
            os.utime(where, ns=(dated, dated), follow_symlinks=False)
        if file.kind != "link":
            os.chmod(where, file.mode)


def write(where: str, content: bytes) -> None:
    """Write a content to a file; an existing file keeps its inode."""
    is_new = not os.path.lexists(where)
    fd = os.open(where, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    try:
        os.write(fd, content)
    finally:
        os.close(fd)
    if is_new:
        give(where)


def make_folder(where: str) -> None:
    """Make a folder that the processes may use."""
    os.mkdir(where, 0o700)
    give(where)


def remove(where: str) -> None:
    """Remove a file, or a folder with its content."""
    if os.path.isdir(where) and not os.path.islink(where):
        shutil.rmtree(where)
    elif os.path.lexists(where):
        os.unlink(where)


def clear(root: str) -> None:
    """Remove everything but the folders that every machine has."""
    for path, found in sorted(_walk(root), reverse=True):
        (os.rmdir if found.kind == "dir" else os.unlink)(root + path)


def remove_root(root: str) -> None:
    """Remove the real directory with its content."""
    try:
        clear(root)
        for path in reversed(FOLDERS):
            os.rmdir(root + path)
    except OSError:  # The layout is incomplete, or a folder denies access to its owner.
        remove_tree(root)


def look(root: str) -> dict[str, HostFile]:
    """What each name stands for, by virtual path."""
    return dict(_walk(root))


def difference(root: str, disk: Disk, translation: Translation) -> str:
    """The first difference from a simulated disk, in words; empty if there is none."""
    found = look(root)
    files = {translation.path(path): file for path, file in disk.by_path().items()}
    for path in sorted(found.keys() | files.keys()):
        ours, theirs = files.get(path), found.get(path)
        if ours is None or theirs is None:
            return f"{shown_path(path)} stands {'in the simulation' if ours else 'on the host'} only"
        same = ours.kind == theirs.kind and (ours.kind == "link" or ours.mode == theirs.mode)
        if os.getuid() == ROOT and (ours.uid, ours.gid) != (theirs.uid, theirs.gid):
            return f"{shown_path(path)} is of user {ours.uid} in the simulation, of {theirs.uid} on the host"
        if not same or not translation.agree(ours.content, theirs.content):
            return (
                f"{shown_path(path)} is {ours.kind} {ours.mode:o} {ours.content!r} in the simulation, "
                f"{theirs.kind} {theirs.mode:o} {theirs.content!r} on the host"
            )
    return ""


def _walk(root: str) -> Iterator[tuple[str, HostFile]]:
    folders = [path for path in FOLDERS if path.count("/") > 1 or path in ("/run", "/tmp")]
    while folders:
        folder = folders.pop()
        with os.scandir(root + folder) as entries:
            for entry in entries:
                path = f"{folder}/{entry.name}"
                if path in FOLDERS:
                    continue
                found = entry.stat(follow_symlinks=False)
                mode = found.st_mode
                content, kind = b"", "other"
                if st.S_ISDIR(mode):
                    kind = "dir"
                    folders.append(path)
                elif st.S_ISLNK(mode):
                    kind, content = "link", os.fsencode(os.readlink(entry.path).removeprefix(root))
                elif st.S_ISREG(mode):
                    kind = "file"
                    with open(entry.path, "rb") as file:
                        content = file.read(LIMIT_CONTENT_BYTES)
                yield path, HostFile(kind, st.S_IMODE(mode), content, found.st_uid, found.st_gid)


def give(where: str, uid: int = USER, gid: int = USER) -> None:
    """Give a file to a user; without root all files are the user's that the processes run as."""
    if os.getuid() == ROOT:
        os.chown(where, uid, gid, follow_symlinks=False)


@lru_cache
def file_system(folder: str) -> str:
    """The kind of file system that a folder is on."""
    best, kind = "", "an unknown file system"
    with open("/proc/self/mountinfo") as mounts:
        for line in mounts:
            where, after = line.split()[4], line.partition(" - ")[2].split()
            if f"{folder}/".startswith(f"{where.rstrip('/')}/") and len(where) >= len(best):
                best, kind = where, after[0]
    return kind
