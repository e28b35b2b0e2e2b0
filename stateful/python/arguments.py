"""The numbers among the arguments of calls, converted as CPython converts them before it makes a call."""

from __future__ import annotations

import operator
from typing import Any, Final

from stateful.model.syscalls import SYSCALLS, Kind

_INT: Final = (-(2**31), 2**31 - 1, "int")
_LONG: Final = (-(2**63), 2**63 - 1, "long")
_RANGES: Final = {
    **dict.fromkeys(
        (Kind.FD, Kind.PID, Kind.SIGNAL, Kind.FLAGS, Kind.OPERATION, Kind.WHENCE, Kind.NUMBER), _INT
    ),
    **dict.fromkeys((Kind.SIZE, Kind.POSITION), _LONG),
    Kind.USER: (-1, 2**32 - 2, "long"),
}
_NUMBERS: Final = {
    name: tuple((place, *_RANGES[one.kind]) for place, one in enumerate(row.arguments) if one.kind in _RANGES)
    for name, row in SYSCALLS.items()
}
_BETWEEN_FILES: Final = frozenset(
    name for name, row in SYSCALLS.items() if [one.kind for one in row.arguments].count(Kind.FD) > 1
)


def converted(name: str, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments of a call with whole numbers in the places of numbers.

    A position in one of two files may be None. Raises TypeError or OverflowError, as CPython does.
    """
    for place, least, most, kind in _NUMBERS.get(name, ()):
        if place < len(args) and type(args[place]) is not bool:
            if args[place] is None and name in _BETWEEN_FILES:
                continue
            number = args[place] if type(args[place]) is int else operator.index(args[place])
            if not least <= number <= most:
                raise OverflowError(f"Python int too large to convert to C {kind}")
            if number is not args[place]:
                args = (*args[:place], number, *args[place + 1 :])
    return args
