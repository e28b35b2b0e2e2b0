"""Each simulated process imports its own fresh copy of the code under test, as a real one would.

Fresh for each process: the subject, installed packages written in Python, and the modules of the
standard library that keep state which matters here. Shared: the rest of the standard library and
extension modules. Byte code is neither read from nor written to the subject's folder.

Beside the subject's own file, the standard library is never shadowed: a ``queue.py`` that happens to
lie next to the subject is not what ``import queue`` finds.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import sysconfig
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

from greenlet import getcurrent

from stateful.kernel import interpose, real
from stateful.kernel.fakes import FAKES
from stateful.kernel.guard import watch_code
from stateful.kernel.paths import add_host_folder
from stateful.kernel.process import Process

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType

STATEFUL_STDLIB = frozenset(
    "logging logging.config logging.handlers random secrets tempfile uuid warnings weakref".split()
)
SHARED_PACKAGES = frozenset({"stateful", "greenlet", "hypothesis", "_hypothesis_globals", "pytest", "rich"})
FRESH_WITHIN_SHARED = "stateful.subjects."
LIMIT_REMEMBERED = 100
NODE = 0x0242AC110002  # the hardware address that uuid1() tells

_code: dict[tuple[str, int, int], CodeType] = {}
_stdlib = tuple(sysconfig.get_paths()[key] for key in ("stdlib", "platstdlib"))
_stash: dict[str, ModuleType] = {}
_resident: Process | None = None
_exchange: Exchange
_hidden: dict[tuple[Any, ...], tuple[str, ...]] = {}
_asked = {name.partition(".")[0] for name in (*STATEFUL_STDLIB, *FAKES)}
_siblings: dict[str, frozenset[str]] = {}
_known: set[str] = set()  # the names in ``sys.modules`` while no process is resident
_shared: set[str] = set()
_expected, _newest = 0, ""  # how many modules there are while a process is resident, and the last one


def is_fresh(name: str, origin: str | None) -> bool:
    """Whether each process gets its own copy of a module."""
    if name in FAKES or name in STATEFUL_STDLIB or name.startswith(FRESH_WITHIN_SHARED):
        return True
    if origin is None or not origin.endswith(".py") or name.partition(".")[0] in SHARED_PACKAGES:
        return False
    installed = "site-packages" in origin or "dist-packages" in origin
    return installed or not origin.startswith(_stdlib)


def _is_own(process: Process, name: str) -> bool:
    """Whether a module is found in the folder of the subject, before all others."""
    top = name.partition(".")[0]
    if process.folder is None:
        return False
    return top == process.subject or (
        top in _siblings.get(process.folder, ()) and top not in sys.stdlib_module_names and top not in FAKES
    )


def _list_siblings(folder: str) -> None:
    """Note what can be imported from a folder, and let processes read there."""
    suffixes = tuple(importlib.machinery.all_suffixes())
    names = set()
    for name in real.listdir(folder):
        if name.endswith(suffixes):
            names.add(name.partition(".")[0])
        elif name.isidentifier() and os.path.isdir(os.path.join(folder, name)):
            names.add(name)
    _siblings[folder] = frozenset(names)
    add_host_folder(folder)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds modules for the current process; the only finder that a process has."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        process = getcurrent()
        if type(process) is not Process:
            return None
        if fullname in FAKES and not _is_own(process, fullname):
            return importlib.machinery.ModuleSpec(fullname, _Given(process))
        found = process.outside(_find, process, fullname, path, sys.path)
        if found is None:
            return None
        spec, key = found
        if key is not None:
            spec.loader = _Fresh(process, spec.loader, key)
            return spec  # type: ignore[no-any-return] # process.outside returns anything
        if spec.loader is None:  # a namespace package
            spec.loader = _Namespace(process)
            return spec  # type: ignore[no-any-return] # as above
        module = process.outside(_import_outside, fullname)
        spec = importlib.util.spec_from_loader(fullname, _Ready(module, module.__spec__))
        module.__spec__ = spec  # importlib takes this one, where the module is already in sys.modules
        return spec


def finders() -> list[Any]:
    """What a process has as ``sys.meta_path``."""
    return [_finder]


def _find(
    process: Process, name: str, path: Sequence[str] | None, paths: list[str]
) -> tuple[ModuleSpec, tuple[str, int, int] | None] | None:
    """Where a module is, and the key of its code if each process gets its own copy."""
    spec = None
    own = _is_own(process, name)
    if own and path is None:
        folder = [str(process.folder)]
        spec = importlib.machinery.PathFinder.find_spec(name, folder)
        if spec is None:  # It may be newer than what importlib remembers of the folder.
            importlib.invalidate_caches()
            spec = importlib.machinery.PathFinder.find_spec(name, folder)
    if spec is None:
        before = sys.path
        if name.partition(".")[0] not in sys.stdlib_module_names:
            sys.path = paths
        try:
            for finder in sys.meta_path:
                if (find := getattr(finder, "find_spec", None)) and (spec := find(name, path, None)):
                    break
        finally:
            sys.path = before
    if spec is None or (spec.loader is None and spec.submodule_search_locations is None):
        return None
    origin = spec.origin
    if spec.loader is None or origin is None or not (own or is_fresh(name, origin)):
        return spec, None
    try:
        status = real.stat(origin)
    except OSError:  # in an archive
        return spec, (origin, 0, 0)
    return spec, (origin, status.st_mtime_ns, status.st_size)


def _import_outside(name: str) -> ModuleType:
    """Import a shared module with the real modules in place."""
    module: ModuleType = _before["import_module"](name)
    _shared.add(name)
    interpose.cover_new_modules()
    return module


class _Given(importlib.abc.Loader):
    """Loads a fake."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return FAKES[spec.name](self._process)

    def exec_module(self, module: ModuleType) -> None:
        _own(self._process, module.__name__, module)


class _Ready(importlib.abc.Loader):
    """Hands over a shared module that was imported outside of the process, and gives it back its spec."""

    def __init__(self, module: ModuleType, spec: ModuleSpec | None) -> None:
        self._module = module
        self._spec = spec

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec


class _Namespace(importlib.abc.Loader):
    """Loads a package that is a mere folder, as each process's own."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        _own(self._process, module.__name__, module)


class _Fresh(importlib.abc.Loader):
    """Runs a module's code anew for one process; knows what its real loader knows."""

    def __init__(self, process: Process, loader: Any, key: tuple[str, int, int]) -> None:
        self._process = process
        self._loader = loader
        self._key = key

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        _own(self._process, name, module)
        code = _code.get(self._key)
        if code is None:
            code = _code[self._key] = self._process.outside(self._compile, name)
        exec(code, module.__dict__)
        adapt = _ADAPTED.get(name)
        if adapt is not None:
            adapt(self._process, module)

    def _compile(self, name: str) -> CodeType:
        origin = self._key[0]
        if hasattr(self._loader, "get_source"):
            source = self._loader.get_source(name)
        else:
            data = importlib.machinery.SourceFileLoader(name, origin).get_data(origin)
            source = importlib.util.decode_source(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as where byte code is found
            code = compile(source, origin, "exec", dont_inherit=True)
        watch_code(code)
        return code


def _seed(process: Process, random: Any) -> None:
    """Make unseeded generators of this process's ``random`` draw from the kernel's randomness."""
    class_ = random.Random
    seed = class_.seed

    def seeded(self: Any, a: Any = None, version: int = 2) -> None:
        if a is None:
            process.draws += 1
            a = f"{process.pid}/{process.draws}"
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


_ADAPTED: dict[str, Callable[[Process, Any], None]] = {
    "random": _seed,
    "tempfile": _use_virtual_folder,
    "uuid": _be_nowhere,
    "warnings": _forget_filters,
}


def _make_warnings() -> ModuleType:
    """The ``warnings`` by which C code warns inside a process that has not imported any."""
    spec = importlib.machinery.PathFinder.find_spec("warnings")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    _forget_filters(None, module)
    return module


_finder = _Finder()
_warnings: ModuleType | None = None
_before: dict[str, Any] = {}
_loaded: dict[str, ModuleType] = {}


def _import(name: str, *args: Any, **kwargs: Any) -> Any:
    process = getcurrent()
    if type(process) is Process:
        _hide_before_first_import(process, name)
    return _before["__import__"](name, *args, **kwargs)


def _import_module(name: str, package: str | None = None) -> ModuleType:
    process = getcurrent()
    if type(process) is Process:
        _hide_before_first_import(process, name)
    return _before["import_module"](name, package)  # type: ignore[no-any-return] # it is the real one


def install() -> None:
    """Have imports of simulated processes go through the finder."""
    global _warnings
    if _warnings is None:
        _warnings = _make_warnings()
    _loaded.update(sys.modules)
    _before.update(__import__=builtins.__import__, import_module=importlib.import_module)
    builtins.__import__ = _import
    importlib.import_module = _import_module


def uninstall() -> None:
    """Leave the import system as it was, and every module that the harness had where it was."""
    leave()
    builtins.__import__ = _before["__import__"]
    importlib.import_module = _before["import_module"]
    if not _loaded.items() <= sys.modules.items():
        sys.modules.update(_loaded)
    _loaded.clear()


class Exchange(NamedTuple):
    """How to turn the harness's ``sys.modules`` into a process's, and back.

    Attributes:
        key: the sizes of what it was worked out from, beside the process's own modules.
        hide: the names that the process must not find.
        remove: the names that only the process has.
        put_back: the harness's own, by name.
    """

    key: tuple[int, ...]
    hide: tuple[str, ...]
    remove: tuple[str, ...]
    put_back: dict[str, ModuleType]


def enter(process: Process) -> None:
    """Make the process's own modules the ones in ``sys.modules``."""
    global _resident, _exchange, _expected, _newest
    if _resident is not None:
        leave()
    modules, own = sys.modules, process.modules
    if not own and _warnings is not None:
        _own(process, "warnings", _warnings)
    if len(modules) != len(_known):
        _known.clear()
        _known.update(modules)
    exchange = process.exchange
    if exchange is None or exchange.key != (len(modules), len(_asked), len(_siblings)):
        exchange = process.exchange = _plan_exchange(process)
    for name in exchange.hide:
        del modules[name]
    modules.update(own)
    _resident, _exchange = process, exchange
    _expected, _newest = len(modules), next(reversed(modules))


def leave() -> None:
    """Put the harness's modules back."""
    global _resident
    process = _resident
    if process is None:
        return
    modules, own = sys.modules, process.modules
    if len(modules) != _expected or next(reversed(modules)) != _newest:
        _adopt(process)
    if not own.items() <= modules.items():
        _note_replaced(process)
    if process.exchange is _exchange:
        for name in _exchange.remove:
            modules.pop(name, None)
    else:
        for name in own:
            modules.pop(name, None)
    modules.update(_exchange.put_back)
    modules.update(_stash)
    _stash.clear()
    _resident = None


def _plan_exchange(process: Process) -> Exchange:
    modules, own = sys.modules, process.modules
    hidden = [name for name in _names_to_hide(process) if name in modules]
    return Exchange(
        (len(modules), len(_asked), len(_siblings)),
        tuple(name for name in hidden if name not in own),
        tuple(name for name in own if name not in modules),
        {name: modules[name] for name in (*hidden, *own) if name in modules},
    )


def _names_to_hide(process: Process) -> tuple[str, ...]:
    """The modules loaded in the harness of which a process must get its own copy."""
    key = (len(sys.modules), len(_asked), len(_siblings), process.folder, process.subject)
    names = _hidden.get(key)
    if names is None:
        if len(_hidden) > LIMIT_REMEMBERED:
            _hidden.clear()
        names = _hidden[key] = tuple(name for name in sys.modules if _to_hide(process, name))
    return names


def _adopt(process: Process) -> None:
    """Count as a process's own what it put into ``sys.modules`` by itself."""
    for name, module in list(sys.modules.items()):
        if name not in _known and name not in _shared and name not in process.modules:
            _own(process, name, module)


def _note_replaced(process: Process) -> None:
    """Notice that a process replaced or removed modules of its own."""
    own = process.modules
    for name in list(own):
        here = sys.modules.get(name)
        if here is None:
            del own[name]
            process.exchange = None
        else:
            own[name] = here


def _own(process: Process, name: str, module: ModuleType) -> None:
    """Count a module as a process's own."""
    process.modules[name] = module
    process.exchange = None


def _to_hide(process: Process, name: str) -> bool:
    if name.partition(".")[0] not in _asked:
        return False
    spec = getattr(sys.modules[name], "__spec__", None)
    return is_fresh(name, getattr(spec, "origin", None)) or _is_own(process, name)


def _hide_before_first_import(process: Process, name: str) -> None:
    """Have the harness's copy of a package out of sight before a process imports it for the first time."""
    if process.folder is not None and process.folder not in _siblings:
        process.outside(_list_siblings, process.folder)
    if name == "warnings" and process.modules.get(name) is _warnings:
        del process.modules[name], sys.modules[name]
        process.exchange = None
    top = name.partition(".")[0]
    if top and top not in _asked:
        _asked.add(top)
        for loaded in [loaded for loaded in sys.modules if _to_hide(process, loaded)]:
            if loaded not in process.modules:
                _stash[loaded] = sys.modules.pop(loaded)
