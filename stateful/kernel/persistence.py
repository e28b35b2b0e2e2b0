"""What a power loss may leave of the disk, depending on what has been synced.

Three *profiles* say what a file system promises, from the strongest to the weakest:

- ``ordered``: the whole disk is as it was at some moment not before the last sync of anything. ZFS does this,
  and ext4 with data=journal, or with data=ordered and without delayed allocation (``nodelalloc``).
- ``writeback``: all names are as they were at some moment not before the last sync of anything, since changes
  of names are journalled in order. A file contains anything that was written to it since it was synced,
  complete, torn or as zeros, whenever its name was made. ext4 with data=writeback, XFS and btrfs do this, and
  ext4 as mounted by default: it delays allocation, and writes the data before the name only where a rename
  or a truncation replaces a file (``auto_da_alloc``).
- ``posix``: each name independently means any file that it meant since its folder was synced; contents are
  as in ``writeback``. A protocol that relies on no more is safe on any file system: ext2, FAT, a network.

Sources: fsync(2), which promises the content and not the name in the folder; POSIX, rationale of fsync;
Linux, Documentation/admin-guide/ext4.rst (data=, auto_da_alloc, delalloc); Pillai et al., "All File Systems
Are Not Created Equal", OSDI 2014.

No log of operations is kept, but for each profile what the disk may still become: the moments, the namings,
what each name and each file may be. A later sync or power loss depends on nothing else, so two paths to the
same possibilities lead to the same state.

Simplified:

- ``fsync`` and ``fdatasync`` of a file promise the same, and with a journal all earlier changes of names;
  ext4 and XFS promise only those before the last change of that file. A write through a descriptor with
  O_SYNC or O_DSYNC promises the same. Nothing relies on what the system writes back without a sync.
- A torn write leaves half of what it changed. Files are smaller than a block.
- Permission bits and users belong to the content with which they were seen; times are those of the loss.
- The disk keeps what an fsync promises: it does not lie about its cache.

Not modelled: blocks of other files in a file (data=writeback may show them); a file system that must be
repaired by hand, as where a folder stands under its old name and its new one; folders that are renamed with
what is in them: each name in them counts for itself.

There is no contract test: a host cannot lose power under a test. ``tests/kernel/test_ext4.py`` checks what is
said here of ext4 on copies of a real mounted image; it needs root, and runs only on request.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import combinations, product
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from stateful.model.disk import Disk, File
from stateful.model.faults import ORDERED, POSIX, WRITEBACK
from stateful.model.syscalls import BYTES, SYSCALLS
from stateful.model.usage import use_of

if TYPE_CHECKING:
    from stateful.kernel.files import OpenFile
    from stateful.model.call import Call

# At one moment; images nearest to the current disk come first. If each name may be lost independently, ten
# files make thousands of images, which no file system with a journal leaves.
MOST_IMAGES: Final = {ORDERED: 5_000, WRITEBACK: 5_000, POSIX: 300}


class Version(NamedTuple):
    """The kind, permission bits, content, user and group of an inode at one moment."""

    kind: str
    mode: int
    content: bytes
    uid: int
    gid: int


Names = tuple[tuple[str, int], ...]  # each path and its inode, sorted
Image = tuple[tuple[str, int, Version], ...]  # path, inode within the image, its version; by path
Choice = TypeVar("Choice", bound=Any)


class Images(NamedTuple):
    """The distinct disks that a profile allows after a power loss.

    Attributes:
        whole: whether these are all; otherwise they are the first ones.
    """

    listed: tuple[Image, ...]
    whole: bool


class Persistence(NamedTuple):
    """What the disk may become, as a hashable value; the first option of each choice is the current one.

    An inode is named by its serial number while it exists, and by a negative number afterwards.

    Attributes:
        moments: the possible disks of ``ordered``.
        namings: the possible names of ``writeback``.
        entries: each path of ``posix``, and the inodes that it may name; None for none.
        versions: each inode, and its possible versions.
    """

    moments: tuple[Image, ...]
    namings: tuple[Names, ...]
    entries: tuple[tuple[str, tuple[int | None, ...]], ...]
    versions: tuple[tuple[int, tuple[Version, ...]], ...]

    def images(self, profile: str) -> Images:
        """Every disk that a power loss may leave, in an order that depends only on this value."""
        return _images(self, profile)

    def follow(self, before: Disk, now: Disk) -> Persistence:
        """What the disk may become after a change."""
        was, is_ = dict(before.files), dict(now.files)
        gone = [serial for serial in was if serial not in is_ or is_[serial].kind != was[serial].kind]
        lowest = min((inode for inode, _ in self.versions), default=0)
        ghosts = {serial: min(lowest, 0) - number for number, serial in enumerate(gone, 1)}
        versions = {ghosts.get(inode, inode): known for inode, known in self.versions}
        for serial, file in is_.items():
            known = versions.get(serial, (_version(file)._replace(content=_first_content(file)),))
            versions[serial] = _with_all(known, _after_write(known[0], file))
        namings = tuple(
            tuple((path, ghosts.get(inode, inode)) for path, inode in naming) for naming in self.namings
        )
        entries = {
            path: tuple(None if inode is None else ghosts.get(inode, inode) for inode in known)
            for path, known in self.entries
        }
        named = dict(now.names)
        for path in {*entries, *named}:
            entries[path] = _with(entries.get(path, (None,)), named.get(path))
        moments = _with(self.moments, _image_of(now))
        return _canonical(moments, _with(namings, now.names), entries, versions)

    def sync_file(self, now: Disk, serial: int) -> Persistence:
        """What the disk may become after a sync of a file."""
        versions = dict(self.versions) | {serial: dict(self.versions)[serial][:1]}
        return _canonical((_image_of(now),), (now.names,), dict(self.entries), versions)

    def sync_folder(self, now: Disk, folder: str) -> Persistence:
        """What the disk may become after a sync of a folder."""
        entries = {
            path: known[:1] if path.rpartition("/")[0] == folder else known for path, known in self.entries
        }
        return _canonical((_image_of(now),), (now.names,), entries, dict(self.versions))


def all_on_disk(now: Disk) -> Persistence:
    """What a disk may become on which everything has been synced: only itself."""
    versions = {serial: (_version(file),) for serial, file in now.files}
    entries: dict[str, tuple[int | None, ...]] = {path: (serial,) for path, serial in now.names}
    return _canonical((_image_of(now),), (now.names,), entries, versions)


def syncs(call: Call, file: OpenFile) -> bool:
    """Whether a call that was made on an open file has synced it."""
    if SYSCALLS[call.name].syncs:
        return True
    return bool(use_of(call) & BYTES and file.flags & os.O_DSYNC)  # a part of O_SYNC


def as_disk(image: Image, made: int, *, dated: bool) -> Disk:
    """The contents of a disk that has become an image; no process has looked at its files yet."""
    files = {}
    for _, inode, kept in image:
        times = made, made, made
        file = File(kept.kind, kept.mode, kept.content, None, None, *times, kept.uid, kept.gid)
        files[inode] = file if dated else file.undated()
    return Disk(tuple((path, inode) for path, inode, _ in image), tuple(sorted(files.items())))


def _version(file: File) -> Version:
    return Version(file.kind, file.mode, file.content, file.uid, file.gid)


def _first_content(file: File) -> bytes:
    """The content of an inode when it is made."""
    return b"" if file.kind == "file" else file.content


def _after_write(before: Version, file: File) -> Iterator[Version]:
    """The versions that a file may have after its content changed; the new content comes last."""
    old, new = before.content, file.content
    kept = next(
        (at for at, (x, y) in enumerate(zip(old, new, strict=False)) if x != y), min(len(old), len(new))
    )
    changed = len(new) - kept
    if file.kind == "file" and changed:
        yield _version(file)._replace(content=new[:kept] + bytes(changed))
        yield _version(file)._replace(content=new[: kept + changed // 2])
    yield _version(file)


def _with(known: tuple[Choice, ...], now: Choice) -> tuple[Choice, ...]:
    """Some options, with the current one first."""
    return known if known[:1] == (now,) else (now, *(choice for choice in known if choice != now))


def _with_all(known: tuple[Choice, ...], more: Iterable[Choice]) -> tuple[Choice, ...]:
    for choice in more:
        known = _with(known, choice)
    return known


def _canonical(
    moments: tuple[Image, ...],
    namings: tuple[Names, ...],
    entries: Mapping[str, tuple[int | None, ...]],
    versions: Mapping[int, tuple[Version, ...]],
) -> Persistence:
    """The canonical value: options sorted except for the first, inodes without a possible name dropped."""
    named = {inode for naming in namings for _, inode in naming}
    named |= {inode for known in entries.values() for inode in known if inode is not None}

    def features(ghost: int) -> Any:
        paths = [path for path, known in sorted(entries.items()) if ghost in known]
        where = [tuple(path for path, inode in naming if inode == ghost) for naming in namings]
        return sorted(versions[ghost]), paths, sorted(where)

    ghosts = sorted((inode for inode in named if inode < 0), key=features)
    numbers: dict[int | None, int] = {ghost: -number for number, ghost in enumerate(ghosts, 1)}
    namings = tuple(tuple((path, numbers.get(inode, inode)) for path, inode in naming) for naming in namings)
    return Persistence(
        _sorted(moments),
        _sorted(namings),
        tuple(
            (path, _sorted(tuple(numbers.get(inode, inode) for inode in known)))
            for path, known in sorted(entries.items())
            if known != (None,) or any(other.startswith(f"{path}/") for other in entries)
        ),
        tuple(
            sorted(
                (numbers.get(inode, inode), _sorted(known) if inode >= 0 else tuple(sorted(known)))
                for inode, known in versions.items()
                if inode >= 0 or inode in named
            )
        ),
    )


def _sorted(known: tuple[Choice, ...]) -> tuple[Choice, ...]:
    """Options in an order that does not depend on when they arose; the current one stays first."""
    return (known[0], *sorted(known[1:], key=lambda choice: (choice is None, choice)))


# -- images


@lru_cache(maxsize=1024)
def _images(persistence: Persistence, profile: str) -> Images:
    found: dict[Image, None] = {}
    every = persistence.moments if profile == ORDERED else _nearest_first(persistence, profile)
    for image in every:
        if _has_a_folder_twice(image):
            continue
        if image not in found and len(found) == MOST_IMAGES[profile]:
            return Images(tuple(found), False)
        found[image] = None
    return Images(tuple(found), True)


def _has_a_folder_twice(image: Image) -> bool:
    """Whether a folder has two names, as after a rename of which the half was lost."""
    folders = [inode for _, inode, version in image if version.kind == "dir"]
    return len(folders) > len(set(folders))


def forget_images() -> None:
    """Free the memory of listed images: those of long random executions do not recur."""
    _images.cache_clear()


def _nearest_first(persistence: Persistence, profile: str) -> Iterator[Image]:
    """Every image, some repeatedly; those with the fewest differences from the current disk come first."""
    versions = dict(persistence.versions)
    paths = [path for path, _ in persistence.entries]
    which: list[Sequence[Any]] = [persistence.namings]
    if profile == POSIX:
        which = [known for _, known in persistence.entries]
    most = len(which) + len(versions)
    for others, other_names in ((count, n) for count in range(most + 1) for n in range(count + 1)):
        for named in _choose(which, other_names):
            names = list(zip(paths, named, strict=True)) if profile == POSIX else named[0]
            inodes = list(dict.fromkeys(inode for _, inode in names if inode is not None))
            for chosen in _choose([versions[inode] for inode in inodes], others - other_names):
                yield _image(names, dict(zip(inodes, chosen, strict=True)))


def _choose(choices: Sequence[Sequence[Any]], others: int) -> Iterator[list[Any]]:
    """Every selection of one option per choice that deviates from the first option in ``others`` choices."""
    open_ = [at for at, options in enumerate(choices) if len(options) > 1]
    for places in combinations(open_, others):
        for other in product(*(choices[at][1:] for at in places)):
            chosen = [options[0] for options in choices]
            for at, option in zip(places, other, strict=True):
                chosen[at] = option
            yield chosen


def _image_of(disk: Disk) -> Image:
    return _image(disk.names, {serial: _version(file) for serial, file in disk.files})


def _image(names: Sequence[tuple[str, int | None]], versions: Mapping[int, Version]) -> Image:
    """The image in which paths name inodes; a path in a missing folder is dropped."""
    numbers: dict[int, int] = {}
    known, folders = {path for path, _ in names}, set()
    image = []
    for path, inode in names:
        folder = path.rpartition("/")[0]
        if inode is None or (folder in known and folder not in folders):
            continue
        version = versions[inode]
        if version.kind == "dir":
            folders.add(path)
        image.append((path, numbers.setdefault(inode, len(numbers)), version))
    return tuple(image)
