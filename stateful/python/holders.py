"""Finds the places in the standard library that hold an entry point under a name of their own.

``glob`` keeps ``os.lstat`` in a class, ``queue`` has ``time.monotonic`` as ``time``, ``sched`` as a
default argument, ``posix`` is ``os`` under another name. Each such place is interposed as well, so that
a call reaches the kernel from any of them.

Found: globals of modules, attributes of their classes (also within ``staticmethod``), default arguments.
Not found: references kept by a closure or an extension module; ``stateful.python.guard`` detects those.
"""

from __future__ import annotations

import sys
from functools import partial
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

# These import for the harness, even while a process runs, and must reach the real files.
_NOT_SEARCHED = frozenset({"importlib", "_frozen_importlib", "_frozen_importlib_external", "zipimport"})
_CALLABLE = (BuiltinFunctionType, FunctionType, partial, type)


class Spot(NamedTuple):
    """A place that holds an entry point: the original, and its replacement."""

    owner: Any
    name: str
    original: Any
    replacement: Any


class Names:
    """Which replacement belongs to which original, and vice versa."""

    def __init__(self) -> None:
        self.replacements: dict[Any, Any] = {}
        self.originals: dict[Any, Any] = {}

    def add(self, original: Any, replacement: Any) -> None:
        self.replacements[original] = replacement
        self.originals[replacement] = original

    def pair(self, value: Any) -> tuple[Any, Any] | None:
        """The original and the replacement, if a value is one of them; else None."""
        if type(value) in _CALLABLE:
            if value in self.replacements:
                return value, self.replacements[value]
            if value in self.originals:
                return self.originals[value], value
        elif type(value) is staticmethod:
            pair = self.pair(value.__func__)
            return pair and (staticmethod(pair[0]), staticmethod(pair[1]))
        elif type(value) is tuple:
            pairs = [self.pair(item) or (item, item) for item in value]
            if any(one is not other for one, other in pairs):
                return tuple(one for one, _ in pairs), tuple(other for _, other in pairs)
        elif type(value) is dict:
            both = {key: self.pair(item) or (item, item) for key, item in value.items()}
            if any(one is not other for one, other in both.values()):
                old, new = ({key: pair[side] for key, pair in both.items()} for side in (0, 1))
                return old, new
        return None


def is_standard(name: str) -> bool:
    """Whether a module belongs to the standard library, and is not part of the import system."""
    top = name.partition(".")[0]
    return top in sys.stdlib_module_names and top not in _NOT_SEARCHED


def search(module: ModuleType, names: Names) -> Iterator[Spot]:
    """Every place in a module that holds an original or a replacement."""
    for name, value in list(vars(module).items()):
        if type(value) not in (tuple, dict) and (pair := names.pair(value)):
            yield Spot(module, name, *pair)
        elif isinstance(value, FunctionType) and value.__module__ == module.__name__:
            yield from _search_defaults(value, names)
        elif isinstance(value, type) and value.__module__ == module.__name__:
            for attribute, held in list(vars(value).items()):
                if type(held) not in (tuple, dict) and (pair := names.pair(held)):
                    yield Spot(value, attribute, *pair)
                elif isinstance(held, FunctionType):
                    yield from _search_defaults(held, names)


def _search_defaults(function: FunctionType, names: Names) -> Iterator[Spot]:
    for name in ("__defaults__", "__kwdefaults__"):
        value = getattr(function, name)
        if value and (pair := names.pair(value)):
            yield Spot(function, name, *pair)
