"""Replaces one function of an unmodified subject for a mutant, in the process's own copy of the module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def overrides(holder: Any) -> Callable[[F], F]:
    """Replace the function of the same name in a module or class.

    Raises AttributeError if there is none, so that no mutant outlives the function that it replaces.
    """

    def put(function: F) -> F:
        getattr(holder, function.__name__)
        setattr(holder, function.__name__, function)
        return function

    return put
