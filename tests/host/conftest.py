"""One host for all tests of a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stateful.host import Host

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    with Host() as host:
        yield host
