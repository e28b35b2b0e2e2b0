"""The destructors that Python runs when a process ends normally: of objects that its modules still hold.

Found: objects that are globals of a module, or in containers and attributes of such, and whose class is
written in Python. CPython runs their ``__del__`` with the globals still in place, after the exit handlers,
when no signal handler runs any more. Simplified: the order, which is that in which they are found. Not run:
the destructor of an object that only a closure or a class holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any, Final

_HELD_ELSEWHERE: Final = (FunctionType, ModuleType, type)


def destructors(modules: Mapping[str, ModuleType]) -> Iterator[Callable[[], Any]]:
    """The destructors of the objects that some modules hold, each once."""
    seen: set[int] = set()
    queue: list[Any] = [value for module in list(modules.values()) for value in list(vars(module).values())]
    for value in queue:  # which grows meanwhile
        if id(value) in seen or isinstance(value, _HELD_ELSEWHERE):
            continue
        seen.add(id(value))
        if isinstance(value, dict):
            queue += list(value.values())
        elif isinstance(value, list | tuple | set | frozenset):
            queue += list(value)
        elif type(value).__module__ in modules:
            queue += list(getattr(value, "__dict__", {}).values())
            destructor = getattr(type(value), "__del__", None)
            if isinstance(destructor, FunctionType):
                yield destructor.__get__(value)
