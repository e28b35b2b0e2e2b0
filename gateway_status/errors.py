"""What the reference raises, and how everything else that the system says is turned into it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class GatewayStatusError(OSError):
    """The files or locks could not be asked, so it is known neither to be free nor to be held."""


documented_errors: tuple[type[Exception], ...] = (GatewayStatusError, FileExistsError)


def documented(function: Callable[P, R]) -> Callable[P, R]:
    """Have a function raise GatewayStatusError for whatever OSError it does not document."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except documented_errors:
            raise
        except OSError as error:
            text = f"could not tell the state of the gateway: {error.strerror}"
            raise GatewayStatusError(error.errno, text, error.filename) from error

    return wrapped
