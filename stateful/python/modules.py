"""Each simulated process has its own fresh copy of the code under test, as a real one would.

Fresh for each process: the subject, installed packages written in Python, and the modules of the
standard library that keep state which matters here. Shared: the rest of the standard library and
extension modules. While a process runs, ``sys.modules`` contains its own copies.

Only the subject's own file may shadow the standard library: ``import queue`` does not find a ``queue.py``
that is next to the subject.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.machinery
import os
import sys
import sysconfig
from itertools import takewhile
from typing import TYPE_CHECKING, Any, NamedTuple

from greenlet import getcurrent

from stateful.kernel import real
from stateful.python.adapt import make_warnings
from stateful.python.fakes import FAKES
from stateful.python.interpreter import Interpreter
from stateful.python.paths import add_host_folder

if TYPE_CHECKING:
    from types import ModuleType

STATEFUL_STDLIB = frozenset(
    "logging logging.config logging.handlers random secrets tempfile uuid warnings weakref".split()
)
SHARED_PACKAGES = frozenset({"stateful", "greenlet", "hypothesis", "_hypothesis_globals", "pytest", "rich"})
# Including the package itself: ``from stateful.subjects import records`` reads its attribute.
FRESH_WITHIN_SHARED = "stateful.subjects"
LIMIT_REMEMBERED = 100

_stdlib = tuple(sysconfig.get_paths()[key] for key in ("stdlib", "platstdlib"))
_stash: dict[str, ModuleType] = {}
_resident: Interpreter | None = None
_exchange: Exchange
_hidden: dict[tuple[Any, ...], tuple[str, ...]] = {}
_asked = {name.partition(".")[0] for name in (*STATEFUL_STDLIB, *FAKES)}
_siblings: dict[str, frozenset[str]] = {}
_known: dict[str, ModuleType] = {}  # ``sys.modules`` while no process is entered
_shared: set[str] = set()
_expected, _newest = 0, ""  # how many modules there are after a process is entered, and the last of them
_warnings: ModuleType | None = None
_before: dict[str, Any] = {}
_loaded: dict[str, ModuleType] = {}


def is_fresh(name: str, origin: str | None) -> bool:
    """Whether each process gets its own copy of a module."""
    if name in FAKES or name in STATEFUL_STDLIB or name.startswith(FRESH_WITHIN_SHARED):
        return True
    if origin is None or not origin.endswith(".py") or name.partition(".")[0] in SHARED_PACKAGES:
        return False
    installed = "site-packages" in origin or "dist-packages" in origin
    return installed or not origin.startswith(_stdlib)


def is_own(process: Interpreter, name: str) -> bool:
    """Whether a module is imported from the folder of the subject, before all other folders."""
    top = name.partition(".")[0]
    if process.folder is None:
        return False
    return top == process.subject or (
        top in _siblings.get(process.folder, ()) and top not in sys.stdlib_module_names and top not in FAKES
    )


def _list_siblings(folder: str) -> None:
    """Record the modules in a folder, and let processes read there."""
    suffixes = tuple(importlib.machinery.all_suffixes())
    names = set()
    for name in real.listdir(folder):
        if name.endswith(suffixes):
            names.add(name.partition(".")[0])
        elif name.isidentifier() and os.path.isdir(os.path.join(folder, name)):
            names.add(name)
    _siblings[folder] = frozenset(names)
    add_host_folder(folder)


def _import(name: str, *args: Any, **kwargs: Any) -> Any:
    process = getcurrent()
    if type(process) is Interpreter:
        _hide_before_first_import(process, name)
    return _before["__import__"](name, *args, **kwargs)


def _import_module(name: str, package: str | None = None) -> ModuleType:
    process = getcurrent()
    if type(process) is Interpreter:
        _hide_before_first_import(process, name)
    return _before["import_module"](name, package)  # type: ignore[no-any-return] # it is the real one


def import_shared(name: str) -> ModuleType:
    """Import a module that processes share; called by the harness, never inside a process."""
    module: ModuleType = _before["import_module"](name)
    _shared.add(name)
    return module


def install() -> None:
    """Direct the imports of simulated processes to the finder."""
    global _warnings
    if _warnings is None:
        _warnings = make_warnings()
    _loaded.update(sys.modules)
    _before.update(__import__=builtins.__import__, import_module=importlib.import_module)
    builtins.__import__ = _import
    importlib.import_module = _import_module


def uninstall() -> None:
    """Restore the import system and the modules of the harness."""
    leave()
    builtins.__import__ = _before["__import__"]
    importlib.import_module = _before["import_module"]
    if not _loaded.items() <= sys.modules.items():
        sys.modules.update(_loaded)
    _loaded.clear()


class Exchange(NamedTuple):
    """How to turn the harness's ``sys.modules`` into a process's, and back.

    Attributes:
        key: the sizes of the tables from which it was computed, beside the process's own modules.
        hide: the names that the process must not find.
        remove: the names that only the process has.
        put_back: the modules of the harness, by name.
    """

    key: tuple[int, ...]
    hide: tuple[str, ...]
    remove: tuple[str, ...]
    put_back: dict[str, ModuleType]


def enter(process: Interpreter) -> None:
    """Put the process's own modules into ``sys.modules``."""
    global _resident, _exchange, _expected, _newest
    if _resident is not None:
        leave()
    modules, own = sys.modules, process.modules
    if not own and _warnings is not None:
        keep(process, "warnings", _warnings)
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
    """Restore the harness's modules in ``sys.modules``."""
    global _resident
    process = _resident
    if process is None:
        return
    modules, own = sys.modules, process.modules
    changed = len(modules) != _expected or next(reversed(modules)) != _newest
    if changed:
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
    if changed:  # It may have removed modules that the harness needs.
        modules.update((name, _known[name]) for name in _known.keys() - modules.keys())
    _stash.clear()
    _resident = None


def _plan_exchange(process: Interpreter) -> Exchange:
    modules, own = sys.modules, process.modules
    hidden = [name for name in _names_to_hide(process) if name in modules]
    return Exchange(
        (len(modules), len(_asked), len(_siblings)),
        tuple(name for name in hidden if name not in own),
        tuple(name for name in own if name not in modules),
        {name: modules[name] for name in (*hidden, *own) if name in modules},
    )


def _names_to_hide(process: Interpreter) -> tuple[str, ...]:
    """The modules of the harness that a process must not see, since it gets its own copy."""
    key = (len(sys.modules), len(_asked), len(_siblings), process.folder, process.subject)
    names = _hidden.get(key)
    if names is None:
        if len(_hidden) > LIMIT_REMEMBERED:
            _hidden.clear()
        asked = [name for name in sys.modules if name.partition(".")[0] in _asked]
        names = _hidden[key] = tuple(name for name in asked if _to_hide(process, name))
    return names


def _adopt(process: Interpreter) -> None:
    """Count modules that a process put into ``sys.modules`` by itself as its own."""
    modules = sys.modules
    names = [*takewhile(lambda name: name != _newest, reversed(modules))][::-1]
    if len(modules) - len(names) != _expected:  # It has also removed some.
        names = list(modules)
    for name in names:
        if name not in _known and name not in _shared and name not in process.modules:
            keep(process, name, modules[name])


def _note_replaced(process: Interpreter) -> None:
    """Record which of its own modules a process has replaced or removed."""
    own = process.modules
    for name in list(own):
        here = sys.modules.get(name)
        if here is None:
            del own[name]
            process.exchange = None
        else:
            own[name] = here


def keep(process: Interpreter, name: str, module: ModuleType) -> None:
    """Count a module as a process's own."""
    process.modules[name] = module
    process.exchange = None


def _to_hide(process: Interpreter, name: str) -> bool:
    """Whether a process must not see the harness's copy of a module that it has asked for."""
    return is_in_fresh_package(name) or is_fresh(name, _origin(name)) or is_own(process, name)


def _origin(name: str) -> str | None:
    """The file of a module of the harness."""
    return getattr(getattr(sys.modules.get(name), "__spec__", None), "origin", None)


def is_in_fresh_package(name: str) -> bool:
    """Whether a shared extension module is in a package of which each process has a copy.

    A process has to import it for itself, so that it becomes an attribute of the package's copy.
    """
    package = name.rpartition(".")[0]
    return (
        package in sys.modules and is_fresh(package, _origin(package)) and not is_fresh(name, _origin(name))
    )


def _hide_before_first_import(process: Interpreter, name: str) -> None:
    """Hide the harness's copy of a package before a process imports it for the first time."""
    if process.folder is not None and process.folder not in _siblings:
        process.outside(_list_siblings, process.folder)
    if name == "warnings" and process.modules.get(name) is _warnings:
        del process.modules[name], sys.modules[name]
        process.exchange = None
    top = name.partition(".")[0]
    if top and top not in _asked:
        _asked.add(top)
        found = [each for each in sys.modules if each.partition(".")[0] == top]
        for loaded in [each for each in found if _to_hide(process, each)]:
            if loaded not in process.modules:
                _stash[loaded] = sys.modules.pop(loaded)
