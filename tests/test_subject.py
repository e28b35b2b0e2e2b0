"""``pytest --subject SUBJECT``: every scenario and the machine, on a maintainer's own file."""

from __future__ import annotations

import pytest

from stateful.pytest_suite import SingleOwnerTests
from stateful.subject import Subject, find_subject


class TestSubject(SingleOwnerTests):
    @pytest.fixture
    def subject(self, request: pytest.FixtureRequest) -> Subject:
        return find_subject(request.config.getoption("--subject"))
