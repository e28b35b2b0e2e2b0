"""Each simulated process imports its own fresh copy of the code under test, as a real one would.

Fresh for each process: the subject, installed packages written in Python, and the modules of the
standard library that keep state which matters here. Shared: the rest of the standard library and
extension modules. Byte code is neither read from nor written to the subject's folder.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import sysconfig
from collections.abc import Sequence
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any

from greenlet import getcurrent

from stateful.kernel.fakes import FAKES
from stateful.kernel.guard import watch_code
from stateful.kernel.process import Process

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

STATEFUL_STDLIB = frozenset(
    {"random", "secrets", "uuid", "tempfile", "logging", "logging.handlers", "logging.config"}
)
SHARED_PACKAGES = frozenset({"stateful", "greenlet", "hypothesis", "_hypothesis_globals", "pytest", "rich"})
FRESH_WITHIN_SHARED = "stateful.subjects."

_code: dict[str, CodeType] = {}
_stdlib = tuple(sysconfig.get_paths()[key] for key in ("stdlib", "platstdlib"))
_stash: dict[str, ModuleType] = {}
_resident: Process | None = None
_hidden: tuple[tuple[int, int], tuple[str, ...]] = ((0, 0), ())
_asked = {name.partition(".")[0] for name in (*STATEFUL_STDLIB, *FAKES)}


def is_fresh(name: str, origin: str | None) -> bool:
    """Whether each process gets its own copy of a module."""
    if name in FAKES or name in STATEFUL_STDLIB or name.startswith(FRESH_WITHIN_SHARED):
        return True
    if origin is None or not origin.endswith(".py") or name.partition(".")[0] in SHARED_PACKAGES:
        return False
    installed = "site-packages" in origin or "dist-packages" in origin
    return installed or not origin.startswith(_stdlib)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds modules for the current process, and stands aside where there is none."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        process = getcurrent()
        if type(process) is not Process:
            return None
        if fullname in FAKES:
            return importlib.machinery.ModuleSpec(fullname, _Given(process))
        spec = process.outside(_find, fullname, path, process.folder)
        if spec is None or spec.loader is None:
            return None
        if is_fresh(fullname, spec.origin):
            spec.loader = _Fresh(process, spec.loader)
            return spec  # type: ignore[no-any-return] # process.outside returns anything
        module = process.outside(_import_outside, fullname)
        return importlib.util.spec_from_loader(fullname, _Ready(module, module.__spec__))


def _find(name: str, path: Sequence[str] | None, folder: str | None) -> ModuleSpec | None:
    if folder is not None and path is None:
        spec = importlib.machinery.PathFinder.find_spec(name, [folder])
        if spec is not None:
            return spec
    for finder in sys.meta_path:
        if not isinstance(finder, _Finder) and (find := getattr(finder, "find_spec", None)):
            spec = find(name, path, None)
            if spec is not None:
                return spec  # type: ignore[no-any-return] # any finder may be installed
    return None


def _import_outside(name: str) -> ModuleType:
    """Import a shared module with the real modules in place."""
    process = _resident
    leave()
    try:
        return _real_import_module(name)
    finally:
        if process is not None:
            enter(process)


class _Given(importlib.abc.Loader):
    """Loads a fake."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return FAKES[spec.name](self._process)

    def exec_module(self, module: ModuleType) -> None:
        self._process.modules[module.__name__] = module


class _Ready(importlib.abc.Loader):
    """Hands over a shared module that was imported outside of the process."""

    def __init__(self, module: ModuleType, spec: ModuleSpec | None) -> None:
        self._module = module
        self._spec = spec

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec


class _Fresh(importlib.abc.Loader):
    """Runs a module's code anew for one process."""

    def __init__(self, process: Process, loader: Any) -> None:
        self._process = process
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        self._process.modules[module.__name__] = module
        origin = module.__spec__.origin if module.__spec__ else None
        assert origin is not None
        if origin not in _code:
            _code[origin] = self._process.outside(self._compile, module.__name__, origin)
        exec(_code[origin], module.__dict__)
        if module.__name__ == "random":
            _seed(self._process, module)
        elif module.__name__ == "tempfile":
            module.tempdir = "/tmp"  # type: ignore[attr-defined] # noqa: S108 - a virtual path

    def _compile(self, name: str, origin: str) -> CodeType:
        code = compile(self._loader.get_source(name), origin, "exec", dont_inherit=True)
        watch_code(code)
        return code

    def get_resource_reader(self, name: str) -> Any:
        return self._loader.get_resource_reader(name)


def _seed(process: Process, random: ModuleType) -> None:
    """Make unseeded generators of this process's ``random`` draw from the kernel's randomness."""
    class_: Any = random.Random  # type: ignore[attr-defined] # the module is the real random
    seed = class_.seed

    def seeded(self: Any, a: Any = None, version: int = 2) -> None:
        if a is None:
            process.draws += 1
            a = f"{process.pid}/{process.draws}"
        seed(self, a, version)

    class_.seed = seeded
    random.seed()  # type: ignore[attr-defined]


_finder = _Finder()
_real_import, _real_import_module = builtins.__import__, importlib.import_module


def _import(name: str, *args: Any, **kwargs: Any) -> Any:
    if type(getcurrent()) is Process:
        _hide_before_first_import(name)
    return _real_import(name, *args, **kwargs)


def _import_module(name: str, package: str | None = None) -> ModuleType:
    if type(getcurrent()) is Process:
        _hide_before_first_import(name)
    return _real_import_module(name, package)


def install() -> None:
    """Have imports of simulated processes go through the finder."""
    sys.meta_path.insert(0, _finder)
    builtins.__import__ = _import
    importlib.import_module = _import_module


def uninstall() -> None:
    """Leave the import system as it was."""
    leave()
    sys.meta_path.remove(_finder)
    builtins.__import__ = _real_import
    importlib.import_module = _real_import_module


def enter(process: Process) -> None:
    """Make the process's own modules the ones in ``sys.modules``."""
    global _resident
    if _resident is process:
        return
    leave()
    for name in _names_to_hide():
        if name in sys.modules:
            _stash[name] = sys.modules.pop(name)
    sys.modules.update(process.modules)
    _resident = process


def leave() -> None:
    """Put the harness's modules back."""
    global _resident
    if _resident is None:
        return
    for name in _resident.modules:
        sys.modules.pop(name, None)
    sys.modules.update(_stash)
    _stash.clear()
    _resident = None


def _names_to_hide() -> tuple[str, ...]:
    """The modules loaded in the harness of which the current process must get its own copy."""
    global _hidden
    key = (len(sys.modules), len(_asked))
    if _hidden[0] != key:
        _hidden = (key, tuple(name for name in sys.modules if _to_hide(name)))
    return _hidden[1]


def _to_hide(name: str) -> bool:
    if name.partition(".")[0] not in _asked:
        return False
    spec = getattr(sys.modules[name], "__spec__", None)
    return is_fresh(name, getattr(spec, "origin", None))


def _hide_before_first_import(name: str) -> None:
    """Have the harness's copy of a package out of sight before a process imports it for the first time."""
    top = name.partition(".")[0]
    if top and top not in _asked:
        _asked.add(top)
        for loaded in [loaded for loaded in sys.modules if _to_hide(loaded)]:
            if _resident is None or loaded not in _resident.modules:
                _stash[loaded] = sys.modules.pop(loaded)
