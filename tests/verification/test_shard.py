"""Shards: each does some of the searches, and together they do all of them."""

from __future__ import annotations

import pytest

from stateful.model.scenario import Scenario
from stateful.model.standard import STANDARD, find_scenarios
from stateful.search.jobs import Job, jobs_of
from stateful.search.part import WHOLE, Part
from stateful.verification.shard import LIMIT_SHARDS, Shard, deal, is_played, parse_shard


def jobs(*patterns: str) -> list[Job]:
    scenarios: list[Scenario] = [each for pattern in patterns for each in find_scenarios(pattern)]
    return jobs_of(scenarios or STANDARD, ())


def test_shard_is_read_as_it_is_written() -> None:
    assert parse_shard("3/8") == Shard(3, 8)
    assert str(Shard(3, 8)) == "3/8"
    assert parse_shard(f"1/{LIMIT_SHARDS}").of == LIMIT_SHARDS


@pytest.mark.parametrize(
    "text", ("", "3", "3/", "/8", "0/8", "9/8", "3/0", "-1/8", "3/8/2", "3 / 8", "٣/8", "03/8", "1/1001")
)
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a shard such as 3/8"):
        parse_shard(text)


@pytest.mark.parametrize("shards", (1, 2, 3, 8, 20))
def test_every_search_of_the_standard_is_done_by_one_shard(shards: int) -> None:
    every = jobs()
    done = [job for share in deal(every, shards) for job in share]
    assert all(job.part == WHOLE for job in done)
    assert sorted(job.scenarios[0][0] for job in done) == sorted(
        job.scenarios[0][0] for job in every if not is_played(job)
    )


def test_of_few_searches_each_shard_does_a_part() -> None:
    every = jobs("three-starts-empty-2-kills", "start-and-stop-empty-1-errno")
    first, second = deal(every, 2)
    assert sorted(first) == sorted(job._replace(part=Part(1, 2)) for job in every)
    assert sorted(second) == sorted(job._replace(part=Part(2, 2)) for job in every)


def test_searches_without_faults_and_of_power_losses_have_no_parts() -> None:
    every = jobs("two-replaces-empty", "one-start-empty-1-power-loss")
    assert [[job.part for job in share] for share in deal(every, 3)] == [[WHOLE], [WHOLE], []]


def test_the_longest_searches_are_dealt_out_first() -> None:
    for share in deal(jobs(), 4):
        assert len(share[0].scenarios[0][1].cast.lives) == 3
