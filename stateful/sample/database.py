"""Hypothesis's database, shared by all machines whose environment names the same Redis.

The environment says so, since it reaches pytest, its workers, HypoFuzz's and a campaign's alike, and since a
password may be in the URL. What is found is kept on this machine as well: a Redis that goes away later is
done without.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

from hypothesis.database import ExampleDatabase, MultiplexedDatabase

VARIABLE: Final = "STATEFUL_REDIS"
PATIENCE_S: Final = 5.0


class NotShared(Exception):
    """The Redis that the environment names is of no use: one line that says why and what to do."""


def shared(local: ExampleDatabase) -> ExampleDatabase:
    """A database, and the Redis that the environment names beside it, if it names one. Raises NotShared."""
    there = _redis()
    return MultiplexedDatabase(local, there) if there else local


def check_shared() -> None:
    """Raise NotShared where the environment names a Redis that does not answer."""
    there = _redis()
    if there:
        from redis import RedisError

        try:
            there.redis.ping()
        except RedisError as error:
            why = f"no Redis answers there ({error}); start it, or name another"
            raise NotShared(f"{VARIABLE}: {why}") from None


def _redis() -> Any:
    url = os.environ.get(VARIABLE)
    if not url:
        return None
    try:
        from hypothesis.extra.redis import RedisExampleDatabase
        from redis import Redis, RedisError
    except ImportError:
        raise NotShared(f"{VARIABLE}: redis is not installed; pip install 'hypothesis[redis]'") from None

    class Lenient(RedisExampleDatabase):
        """A Redis that is done without while it is away."""

        def fetch(self, key: bytes) -> Iterable[bytes]:
            with suppress(RedisError):
                yield from super().fetch(key)

        def save(self, key: bytes, value: bytes) -> None:
            with suppress(RedisError):
                super().save(key, value)

        def delete(self, key: bytes, value: bytes) -> None:
            with suppress(RedisError):
                super().delete(key, value)

        def move(self, src: bytes, dest: bytes, value: bytes) -> None:
            with suppress(RedisError):
                super().move(src, dest, value)

    try:
        return Lenient(Redis.from_url(url, socket_timeout=PATIENCE_S, socket_connect_timeout=PATIENCE_S))
    except ValueError as error:
        raise NotShared(f"{VARIABLE}: no URL of a Redis, such as redis://host:6379/0: {error}") from None
