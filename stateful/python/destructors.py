"""The destructors that Python runs when a process ends normally: of objects that its modules still hold.

Found: objects that are globals of a module, or in containers and attributes of such, and whose class is
written in Python. CPython runs their ``__del__`` with the globals still in place, after the exit handlers,
when no signal handler runs any more. Simplified: the order, which is that in which they are found. Not run:
the destructor of an object that only a closure or a class holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import BuiltinFunctionType, FunctionType, ModuleType, NoneType
from typing import Any, Final

_id: Final = id
# They hold nothing, or only what a class or a module holds.
_PASSED_OVER: Final = frozenset(
    (FunctionType, BuiltinFunctionType, ModuleType, type, NoneType, str, bytes, int, bool, float)
)


def destructors(modules: Mapping[str, ModuleType]) -> Iterator[Callable[[], Any]]:
    """The destructors of the objects that some modules hold, each once."""
    seen: set[int] = set()  # by the real ``id``: a process has one of its own
    queue: list[Any] = [vars(module) for module in list(modules.values())]
    for value in queue:  # which grows meanwhile
        if _id(value) in seen or isinstance(value, type):
            continue
        seen.add(_id(value))
        held: Iterable[Any] = ()
        if isinstance(value, dict):
            held = value.values()
        elif isinstance(value, list | tuple | set | frozenset):
            held = value
        elif type(value).__module__ in modules:
            held = getattr(value, "__dict__", {}).values()
            destructor = getattr(type(value), "__del__", None)
            if isinstance(destructor, FunctionType):
                yield destructor.__get__(value)
        queue += [each for each in held if type(each) not in _PASSED_OVER]
