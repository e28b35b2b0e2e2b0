"""An interrupt ends a verification and is recorded; the results so far are kept."""

from __future__ import annotations

from typing import Any

import pytest

from stateful.model.standard import find_scenario
from stateful.search.result import VIOLATED
from stateful.verification.verification import verify


def interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def test_interrupt_while_a_violation_is_made_small_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(verify.__globals__, "minimise", interrupt)
    found = verify("foreign-guard", [find_scenario("one-start-stale")])
    assert found.interrupted
    assert "a_dead_owner_can_be_replaced" in found.violations


def test_interrupt_of_the_search_leaves_the_rest_not_begun() -> None:
    scenarios = [find_scenario(name) for name in ("one-start-empty", "one-start-stale")]
    found = verify("foreign-guard", scenarios, listen=interrupt)
    assert found.interrupted
    assert [result.reason for result in found.results][1:] == ["not begun"]


def test_verification_that_is_left_alone_was_not_interrupted() -> None:
    found = verify("direct-unlink", [find_scenario("one-start-empty")])
    assert not found.interrupted
    assert found.verdict != VIOLATED
