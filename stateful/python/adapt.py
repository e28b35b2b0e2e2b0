"""Adapts a process's copy of some standard modules, so that they behave the same in every run.

``random`` draws from the kernel's randomness, ``uuid`` from the virtual clock and an invented address,
``tempfile`` uses the folder that ``TMPDIR`` names, ``warnings`` warns as an interpreter without options does.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from stateful.python.interpreter import Interpreter

NODE = 0x0242AC110002  # the hardware address in results of uuid1()


def _seed(process: Interpreter, random: Any) -> None:
    """Make unseeded generators of this process's ``random`` draw from the kernel's randomness.

    The generator behind the functions of the module is seeded when it is first used: most processes that
    import the module never use it, and are like each other as long as it is not seeded.
    """
    class_ = random.Random
    seed = class_.seed

    def seeded(self: Any, a: Any = None, version: int = 2) -> None:
        if a is None:
            a = process.draw()
        seed(self, a, version)

    class_.seed = seeded

    class Shared(class_):  # type: ignore[misc,valid-type] # the class of a module that only this process has
        def __init__(self) -> None:
            self.is_seeded = False

        def seed(self, a: Any = None, version: int = 2) -> None:
            self.is_seeded = True
            super().seed(a, version)

        def random(self) -> float:
            self._begin()
            return float(super().random())

        def getrandbits(self, k: int) -> int:
            self._begin()
            return int(super().getrandbits(k))

        def getstate(self) -> Any:
            self._begin()
            return super().getstate()

        def setstate(self, state: Any) -> None:
            self.is_seeded = True
            super().setstate(state)

        def _begin(self) -> None:
            if not self.is_seeded:
                self.seed()

    shared = Shared()
    for name, value in vars(random).items():
        if getattr(value, "__self__", None) is random._inst:
            setattr(random, name, getattr(shared, name))
    random._inst = shared


def _use_virtual_folder(process: Interpreter, tempfile: Any) -> None:
    tempfile.tempdir = os.fsdecode(process.environ.get(b"TMPDIR", b"/tmp"))


def _use_invented_address(process: Interpreter, uuid: Any) -> None:
    """Let ``uuid1()`` use the virtual clock and an address that is the same on every host."""
    uuid._generate_time_safe = uuid._UuidCreate = None
    uuid._node = NODE


def _reset_filters(process: Interpreter | None, module: Any) -> None:
    """Warn as an interpreter without options does, whatever filters the harness has set."""
    module.filters = [
        ("default", None, DeprecationWarning, "__main__", 0),
        *(
            ("ignore", None, category, None, 0)
            for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)
        ),
    ]
    module.onceregistry = {}


ADAPTED: dict[str, Callable[[Interpreter, Any], None]] = {
    "random": _seed,
    "tempfile": _use_virtual_folder,
    "uuid": _use_invented_address,
    "warnings": _reset_filters,
}


def make_warnings() -> ModuleType:
    """The ``warnings`` module that C code uses inside a process that has not imported its own."""
    spec = importlib.machinery.PathFinder.find_spec("warnings")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    _reset_filters(None, module)
    return module
