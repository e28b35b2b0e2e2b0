"""What is changed in a process's copy of a standard module, so that it tells the same in every run.

``random`` draws from the kernel's randomness, ``uuid`` from the virtual clock and a made-up address,
``tempfile`` uses the virtual ``/tmp``, ``warnings`` warns as an interpreter without options does.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from stateful.kernel.process import Process

NODE = 0x0242AC110002  # the hardware address that uuid1() tells


def _seed(process: Process, random: Any) -> None:
    """Make unseeded generators of this process's ``random`` draw from the kernel's randomness."""
    class_ = random.Random
    seed = class_.seed

    def seeded(self: Any, a: Any = None, version: int = 2) -> None:
        if a is None:
            a = process.draw()
        seed(self, a, version)

    class_.seed = seeded
    random.seed()


def _use_virtual_folder(process: Process, tempfile: Any) -> None:
    tempfile.tempdir = "/tmp"


def _be_nowhere(process: Process, uuid: Any) -> None:
    """Have ``uuid1()`` made of the virtual clock and of an address that is the same everywhere."""
    uuid._generate_time_safe = uuid._UuidCreate = None
    uuid._node = NODE


def _forget_filters(process: Process | None, module: Any) -> None:
    """Warn as an interpreter without options does, whatever the harness makes of warnings."""
    module.filters = [
        ("default", None, DeprecationWarning, "__main__", 0),
        *(
            ("ignore", None, category, None, 0)
            for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)
        ),
    ]
    module.onceregistry = {}


ADAPTED: dict[str, Callable[[Process, Any], None]] = {
    "random": _seed,
    "tempfile": _use_virtual_folder,
    "uuid": _be_nowhere,
    "warnings": _forget_filters,
}


def make_warnings() -> ModuleType:
    """The ``warnings`` by which C code warns inside a process that has not imported any."""
    spec = importlib.machinery.PathFinder.find_spec("warnings")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    _forget_filters(None, module)
    return module
