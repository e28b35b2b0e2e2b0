"""Hypothesis profiles, and ``--subject`` for a maintainer's own file."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings

from stateful.deciders.behaviour import Nondeterminism
from stateful.examine import examine
from stateful.kernel.call import UnmodelledSyscall
from stateful.subject import SubjectError, find_subject

# A machine makes real files, so an example takes milliseconds; how long is the machine's business.
# The phase that explains is left out: the counterexample explains itself.
_COMMON = {
    "deadline": None,
    "stateful_step_count": 20,
    "phases": [Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.filter_too_much],
}
settings.register_profile("dev", max_examples=200, **_COMMON)
settings.register_profile(
    "ci", max_examples=1_000, derandomize=True, database=None, print_blob=True, **_COMMON
)
settings.register_profile("thorough", max_examples=3_000, **(_COMMON | {"stateful_step_count": 50}))
settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--subject",
        metavar="SUBJECT",
        help="verify this subject, a dotted module or the path of a .py, and run nothing else",
    )


def pytest_configure(config: pytest.Config) -> None:
    name = config.getoption("--subject")
    if not name:
        os.environ.pop("GITHUB_ACTIONS", None)  # What is planted here is no news to a job summary.
    if name:
        try:
            examine(find_subject(name))
        except (SubjectError, UnmodelledSyscall, Nondeterminism) as error:
            raise pytest.UsageError(f"--subject {error}") from None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    chosen = bool(config.getoption("--subject"))
    kept = [item for item in items if (item.path.name == "test_subject.py") == chosen]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept
