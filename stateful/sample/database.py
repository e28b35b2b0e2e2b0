"""Hypothesis's database, shared by all machines whose environment names the same Redis.

The setting is in the environment, because that reaches pytest, its workers, HypoFuzz's and a campaign's, and
because the URL may contain a password. Examples are also kept on this machine, so that a Redis that becomes
unreachable later can be ignored.
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
    """The Redis that the environment names is unusable: one line says why and what to do."""


def shared(local: ExampleDatabase) -> ExampleDatabase:
    """A database, combined with the Redis that the environment names, if any. Raises NotShared."""
    there = _redis()
    return MultiplexedDatabase(local, there) if there else local


def check_shared() -> None:
    """Raise NotShared if the environment names a Redis that does not answer."""
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
        """A Redis that is ignored while it is unreachable."""

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
