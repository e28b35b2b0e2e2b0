"""Installed distributions, for a process that asks ``importlib.metadata``: read outside of the process."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import Distribution, DistributionFinder, MetadataPathFinder
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

    from stateful.python.interpreter import Interpreter


class _ReadOutside(Distribution):
    """A distribution whose files are not on the simulated disk."""

    def __init__(self, process: Interpreter, distribution: Any) -> None:
        self._process = process
        self._distribution = distribution

    @property
    def _normalized_name(self) -> str:  # type: ignore[override,unused-ignore] # from its folder, as importlib has it
        return str(self._distribution._normalized_name)

    def read_text(self, filename: str | PathLike[str]) -> str | None:
        text: str | None = self._process.outside(_read, self._distribution, filename)
        return text

    def locate_file(self, path: str | PathLike[str]) -> Any:
        return self._distribution.locate_file(path)


def find_distributions(process: Interpreter, context: DistributionFinder.Context) -> Iterator[Distribution]:
    """The distributions in the folders from which a process imports."""
    for found in process.outside(_find, context.name, tuple(context.path)):
        yield _ReadOutside(process, found)


# Cached, since each process asks for the same.
@lru_cache
def _find(name: str | None, path: tuple[str, ...]) -> list[Distribution]:
    return list(MetadataPathFinder.find_distributions(DistributionFinder.Context(name=name, path=list(path))))


@lru_cache(maxsize=1024)
def _read(distribution: Distribution, filename: Any) -> str | None:
    return distribution.read_text(filename)
