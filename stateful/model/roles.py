"""Roles: what each field of a state names, so that exchanging processes cannot miss a field.

The types that make up a state annotate their fields with roles. From such a type, ``exchanger`` derives the
function that exchanges processes in its values; it refuses a field without a role.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, auto
from types import NoneType, UnionType
from typing import Annotated, Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints


class Role(Enum):
    """What a value names."""

    LETTER = auto()
    PID = auto()
    TICKS = auto()  # the start time of a process
    TEXT = auto()  # any text, which is searched for pids and start times
    NUMBER = auto()  # a value that names no process
    VALUE = auto()  # the answer of a process, which may be a pid
    HISTORY = auto()  # the number of a history of answers to a process
    OWN = auto()  # the number of a part of the kernel that only one process can see
    SORTED = auto()  # a sorted tuple
    ALONE = auto()  # a value that must be None when processes are exchanged


Item = TypeVar("Item")

Letter = Annotated[str, Role.LETTER]
Pid = Annotated[int, Role.PID]
Ticks = Annotated[int, Role.TICKS]
Text = Annotated[str, Role.TEXT]
Number = Annotated[int, Role.NUMBER]
Value = Annotated[Any, Role.VALUE]
History = Annotated[int, Role.HISTORY]
Own = Annotated[int, Role.OWN]
Sorted = Annotated[tuple[Item, ...], Role.SORTED]
Alone = Annotated[Item | None, Role.ALONE]

Change = Callable[[Any], Any]
_NAME_NOTHING: Final = (bool, NoneType)


def exchanger(kind: Any, changes: Mapping[Role, Change]) -> Change:
    """The function that exchanges processes in the values of a type.

    Args:
        changes: how to change a value, by its role; values of other roles stay.

    Raises TypeError if the type, or a field of it, has no role.
    """
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        role = args[1]
        if role is Role.SORTED:
            inner = exchanger(args[0], changes)
            return lambda value: tuple(sorted(inner(value)))
        return _stay_empty if role is Role.ALONE else changes.get(role, _stay)
    if origin in (Union, UnionType):
        rest = [part for part in args if part is not NoneType]
        if len(rest) == 1 and len(args) == 2:
            change = exchanger(rest[0], changes)
            return lambda value: None if value is None else change(value)
    if origin is tuple and args[1:] == (...,):
        each = exchanger(args[0], changes)
        return lambda value: tuple(map(each, value))
    if origin is tuple:
        return _fields(tuple, [exchanger(part, changes) for part in args])
    if kind is bytes:
        return changes.get(Role.TEXT, _stay)
    if kind in _NAME_NOTHING:
        return _stay
    if isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_make"):
        hints = get_type_hints(kind, include_extras=True)
        return _fields(kind._make, [exchanger(hint, changes) for hint in hints.values()])
    raise TypeError(f"{kind} does not say what it names: annotate it with a role of stateful.model.roles")


def _fields(make: Callable[[Any], Any], parts: list[Change]) -> Change:
    return lambda value: make([part(item) for part, item in zip(parts, value, strict=True)])


def _stay(value: Any) -> Any:
    return value


def _stay_empty(value: Any) -> Any:
    if value is not None:
        raise TypeError(f"no processes can be exchanged beside {type(value).__name__}")
