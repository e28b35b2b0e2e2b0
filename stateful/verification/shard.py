"""A shard of a verification: the searches of one of several machines that do not communicate.

With many searches per shard, whole searches are dealt out, those expected to be longest first. With few,
each shard does a part of each search (``stateful.search.part``), except for searches that have no parts:
those without faults and those of power losses. Supervised scenarios are played when the shards are merged.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from stateful.search.jobs import Job
from stateful.search.part import Part

MANY: Final = 4  # searches per shard; with fewer, one of them may take as long as all the others
LIMIT_SHARDS: Final = 1000

_SHARD: Final = re.compile(r"([1-9][0-9]{0,3})/([1-9][0-9]{0,3})", re.ASCII)


class Shard(NamedTuple):
    """One of several shards, counted from 1; written ``3/8``."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def parse_shard(text: str) -> Shard:
    """The shard that a text such as ``3/8`` means. Raises ValueError."""
    match = _SHARD.fullmatch(text)
    shard = Shard(int(match[1]), int(match[2])) if match else Shard(0, 0)
    if not 1 <= shard.number <= shard.of <= LIMIT_SHARDS:
        raise ValueError(f"{text!r} is not a shard such as 3/8, the third of eight")
    return shard


def is_played(job: Job) -> bool:
    """Whether the scenarios of a job are not searched but played."""
    return job.scenarios[0][1].cast.supervision is not None


def deal(jobs: Sequence[Job], shards: int) -> list[list[Job]]:
    """The jobs of each shard; jobs that are played, not searched, are left out."""
    shares: list[list[Job]] = [[] for _ in range(shards)]
    searched = [job for job in jobs if not is_played(job)]
    few = len(searched) < MANY * shards
    whole = 0
    for job in sorted(searched, key=_length, reverse=True):
        if few and _has_parts(job):
            for number, share in enumerate(shares, 1):
                share.append(job._replace(part=Part(number, shards)))
        else:
            shares[whole % shards].append(job)
            whole += 1
    return shares


def _has_parts(job: Job) -> bool:
    return any(scenario.plan and not scenario.loses_power for _, scenario in job.scenarios)


def _length(job: Job) -> tuple[int, int]:
    """A key that orders jobs by expected duration: more processes, then more plans of faults, take longer."""
    return len(job.scenarios[0][1].cast.lives), len(job.scenarios)
