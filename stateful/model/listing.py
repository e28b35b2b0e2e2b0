"""The order in which a folder lists its names, which no standard promises and no two file systems share.

A folder keeps the order of its names, as with the hashes of ext4. It lists them sorted, unless the world has
chosen another order before it first listed two names. The orders that are tried: backwards, each name first,
each name last; of three names that is every order there is. Of many names only the outermost ones are moved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from stateful.model.disk import HOME, Disk, temporary_folder

MOST_MOVED: Final = 6
SORTED: Final = ""
ALL, BACKWARDS = "*", "backwards"
FIRST, LAST = "first", "last"


def put_in_order(names: Iterable[str], order: str) -> list[str]:
    """The names of a folder as they are listed in an order: sorted, ``0002=first`` or ``*=backwards``."""
    name, _, how = order.rpartition("=")
    if how == BACKWARDS:
        return sorted(names, reverse=True)
    return sorted(names, key=lambda each: ((each != name) if how == FIRST else (each == name), each))


def orders(folder: str, names: Iterable[str]) -> Iterator[str]:
    """Every order of the names in a folder that is tried, as a schedule says it, with its folder."""
    where = "" if folder == HOME else f"{folder.removeprefix(f'{HOME}/')}/"
    known = sorted(names)
    if len(known) > MOST_MOVED:
        known = [known[0], known[-1]]
    yield f"{where}{ALL}={BACKWARDS}"
    yield from (f"{where}{name}={FIRST}" for name in known[1:])
    yield from (f"{where}{name}={LAST}" for name in known[:-1])


def split_order(detail: str) -> tuple[str, str]:
    """The folder of an order as a schedule says it, and the order alone."""
    path, _, how = detail.rpartition("=")
    folder, _, name = path.rpartition("/")
    return folder if folder.startswith("/") else f"{HOME}/{folder}".rstrip("/"), f"{name}={how}"


def names_in(disk: Disk, folder: str) -> list[str]:
    """The names in a folder."""
    inside = (path.rpartition("/") for path, _ in disk.names)
    return [name for where, _, name in inside if where == folder]


def keeps_order(folder: str) -> bool:
    """Whether the order of a folder is kept in the state: not in a folder that no other process knows."""
    return temporary_folder(folder) is None and folder != "/proc"
