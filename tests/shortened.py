"""Parameters of a test of which only some are in the default run."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

import pytest
from _pytest.mark import ParameterSet


def shortened(parameters: Iterable[Any], first: int = 1) -> list[Any]:
    """Some parameters, with the mark ``long`` from a number on. A tuple stands for several arguments."""
    rest = iter(parameters)
    return [*islice(rest, first), *(_long(each) for each in rest)]


def sampled(parameters: Iterable[Any], every: int = 2) -> list[Any]:
    """Some parameters that are alike, with the mark ``long`` on all but the first of each so many."""
    return [_long(one) if number % every else one for number, one in enumerate(parameters)]


def _long(parameter: Any) -> ParameterSet:
    if isinstance(parameter, ParameterSet):
        return pytest.param(*parameter.values, id=parameter.id, marks=(*parameter.marks, pytest.mark.long))
    return pytest.param(
        *(parameter if isinstance(parameter, tuple) else (parameter,)), marks=pytest.mark.long
    )
