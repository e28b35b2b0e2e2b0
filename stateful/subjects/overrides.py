"""How a mutant changes one function of an unmodified subject, in a process's own copy of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def overrides(holder: Any) -> Callable[[F], F]:
    """Have a function stand in the place of the one that a module or class has by that name.

    Raises AttributeError where it has none, so that no mutant outlives the function it changes.
    """

    def put(function: F) -> F:
        getattr(holder, function.__name__)
        setattr(holder, function.__name__, function)
        return function

    return put
