"""Hypothesis profiles, and ``--subject`` for a maintainer's own file."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.database import DirectoryBasedExampleDatabase
from hypothesis.errors import InvalidArgument

from stateful import SingleOwnerMachine
from stateful.model.call import UnmodelledSyscall
from stateful.protocol.subject import SubjectError, find_subject
from stateful.run.examine import examine
from stateful.run.replay import Nondeterminism
from stateful.sample.database import NotShared, check_shared, shared

# A machine makes real files, so an example takes milliseconds; so there is no deadline.
# The explain phase is left out, since a counterexample comes with its reasons.
_COMMON = {
    "deadline": None,
    "stateful_step_count": 40,
    "report_multiple_bugs": False,
    "phases": [Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.filter_too_much],
}
_LONG = _COMMON | {"stateful_step_count": 50}


def _register_profiles() -> None:
    """Register the profiles and load one; ``--hypothesis-profile`` takes effect later. Raises NotShared."""
    check_shared()
    kept = {"database": shared(DirectoryBasedExampleDatabase(".hypothesis/examples"))}
    settings.register_profile("dev", max_examples=200, **kept, **_COMMON)
    settings.register_profile(
        "ci", max_examples=1_000, derandomize=True, database=None, print_blob=True, **_COMMON
    )
    settings.register_profile("thorough", max_examples=3_000, **kept, **_LONG)
    # Hypothesis keeps all examples in memory, 0.2 MB each: this number lasts for hours, and fits.
    settings.register_profile("fuzz", max_examples=20_000, print_blob=True, **kept, **_LONG)
    settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--subject",
        metavar="SUBJECT",
        help="verify this subject, a dotted module or the path of a .py, and run nothing else",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    try:
        _register_profiles()
        settings.get_profile(config.getoption("--hypothesis-profile") or "dev")
    except (NotShared, InvalidArgument) as error:
        raise pytest.UsageError(str(error)) from None
    name = config.getoption("--subject")
    if name is None:
        os.environ.pop("GITHUB_ACTIONS", None)  # Planted violations do not belong in a job summary.
    else:
        try:
            examine(find_subject(name))
        except (SubjectError, UnmodelledSyscall, Nondeterminism) as error:
            raise pytest.UsageError(f"--subject {error}") from None
        SingleOwnerMachine.subject = name  # tests/test_subject.py reads it, and runs alone.


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    chosen = config.getoption("--subject") is not None
    kept = [item for item in items if (item.path.name == "test_subject.py") == chosen]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept
