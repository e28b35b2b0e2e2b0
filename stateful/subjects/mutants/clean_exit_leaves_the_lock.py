"""an_end_leaves_the_home_free: an operator removes the folder that a kill leaves; each exit leaves it too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

not_offered = {
    "a_dead_owner_can_be_replaced": "an operator removes the folder that a killed owner left",
    "supervisors_settle": "likewise",
}


def gateway(home: Path, serve: Callable[[], None]) -> None:
    try:
        (home / "gateway.lock").mkdir()
    except FileExistsError:
        return
    serve()
