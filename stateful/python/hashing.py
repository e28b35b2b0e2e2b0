"""``hash`` with a seed of its own in each process, in the code of a subject and of libraries.

Modelled: ``hash()`` of a text, bytes, a path, a member of an enumeration, and of tuples and frozen sets of
these; numbers, and objects with a ``__hash__`` of their own, need no seed.

Not modelled: a method ``__hash__`` that is called by its name, and the order of a set of texts: they are
those of the interpreter of the harness, which all processes share.
"""

from __future__ import annotations

import os
from enum import Enum
from functools import partial
from hashlib import blake2b
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from stateful.python.interpreter import Interpreter

NAME: Final = "hash"
_hash: Final = hash
# By the function that hashes: the bytes of a value.
_SEEDED: Final[dict[Any, Callable[[Any], bytes]]] = {
    str.__hash__: lambda value: str.encode(value, "utf-8", "surrogatepass"),
    bytes.__hash__: bytes,
    PurePath.__hash__: os.fsencode,
    Enum.__hash__: lambda value: str(value.name).encode(),
}
_PARTS: Final[dict[Any, Callable[[Any], Any]]] = {tuple.__hash__: tuple, frozenset.__hash__: frozenset}


def hash_of(process: Interpreter) -> Callable[[Any], int]:
    """The function ``hash`` of a process."""
    return partial(_hashed, process)


def _hashed(process: Interpreter, value: Any) -> int:
    how = type(value).__hash__
    if how in _PARTS:
        return _hash(_PARTS[how](_hashed(process, part) for part in value))
    if how not in _SEEDED:
        return _hash(value)
    process.draws += 1  # What it does now depends on which process it is.
    data = _SEEDED[how](value)
    seed = f"{process.letter}{process.pid if process.seed is None else process.seed}"
    digest = blake2b(data, digest_size=8, key=seed.encode()).digest()
    return _hash(int.from_bytes(digest, "little", signed=True)) if data else 0


def names_hash(code: CodeType) -> bool:
    """Whether code, or a function in it, uses the name."""
    inner = (part for part in code.co_consts if isinstance(part, type(code)))
    return NAME in code.co_names or any(map(names_hash, inner))
