"""Finds and loads modules for the running process, as its own copy or shared with the harness.

Byte code is neither read from nor written to the subject's folder. Shared modules are imported by the
harness, outside of any process, and handed over.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
import warnings
from copy import copy
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

from greenlet import getcurrent

from stateful.kernel import real
from stateful.python import attributes, interpose, modules
from stateful.python.adapt import ADAPTED
from stateful.python.fakes import FAKES
from stateful.python.guard import watch_code
from stateful.python.hashing import NAME, hash_of, names_hash
from stateful.python.interpreter import Interpreter
from stateful.python.refusal import is_subjects

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.machinery import ModuleSpec
    from importlib.metadata import Distribution, DistributionFinder
    from types import CodeType, ModuleType

Key = tuple[str, int, int]  # the file of a module's code, and its version


class Compiled(NamedTuple):
    """A module's code, compiled once for all processes.

    Attributes:
        hashes: whether it is the subject's or a library's, and calls ``hash``.
        sets: the modules and classes whose attributes it may set; see ``attributes``.
    """

    code: CodeType
    hashes: bool
    sets: frozenset[str]


_compiled: dict[Key, Compiled] = {}
_found: dict[tuple[Any, ...], tuple[ModuleSpec, Key]] = {}  # modules of which each process has a copy


class _Finder(importlib.abc.MetaPathFinder):
    """Finds modules for the current process; the only finder that a process has."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        process = getcurrent()
        if type(process) is not Interpreter:
            return None
        if fullname in FAKES and not modules.is_own(process, fullname):
            return importlib.machinery.ModuleSpec(fullname, _Given(process))
        where = (fullname, process.folder, process.subject, *(path or ()), None, *sys.path)
        known = _found.get(where)
        if known is not None and known[1] == _key(known[1][0]):
            return _again(process, *known)
        packages = {name: sys.modules[name] for name in _packages_of(fullname) if name in sys.modules}
        found = process.outside(_find, process, fullname, path, sys.path, packages)
        if found is None:
            return None
        spec, key = found
        if key is not None:
            _found[where] = copy(spec), key
            spec.loader = _Fresh(process, spec.loader, key)
            return spec  # type: ignore[no-any-return] # process.outside returns anything
        if spec.loader is None:  # a namespace package
            spec.loader = _Namespace(process)
            return spec  # type: ignore[no-any-return] # as above
        module = process.outside(_import_outside, fullname)
        spec = importlib.util.spec_from_loader(fullname, _Ready(process, module, module.__spec__))
        module.__spec__ = spec  # importlib takes this one, where the module is already in sys.modules
        return spec

    def find_distributions(self, context: DistributionFinder.Context) -> Iterator[Distribution]:
        """The installed distributions, for ``importlib.metadata``."""
        process = getcurrent()
        if type(process) is not Interpreter:
            return iter(())
        # Imported here, since that is slow: the caller has imported importlib.metadata already.
        distributions = process.outside(importlib.import_module, "stateful.python.distributions")
        found: Iterator[Distribution] = distributions.find_distributions(process, context)
        return found


def own_code() -> list[CodeType]:
    """The code of all modules of which each process has had its own copy."""
    return [each.code for each in _compiled.values()]


def finders() -> list[Any]:
    """The ``sys.meta_path`` of a process."""
    return [_finder]


def _again(process: Interpreter, known: ModuleSpec, key: Key) -> ModuleSpec:
    """The spec of a module that an earlier process has found."""
    spec = copy(known)
    if known.submodule_search_locations is not None:
        spec.submodule_search_locations = list(known.submodule_search_locations)
    spec.loader = _Fresh(process, known.loader, key)
    return spec


def _key(origin: str) -> Key:
    """A key that changes when the code in a file changes."""
    try:
        status = real.stat(origin)
    except OSError:  # in an archive
        return origin, 0, 0
    return origin, status.st_mtime_ns, status.st_size


def _packages_of(name: str) -> Iterator[str]:
    """The names of the packages that contain a module, the outermost first."""
    return accumulate(name.split(".")[:-1], "{}.{}".format)


def _find(
    process: Interpreter,
    name: str,
    path: Sequence[str] | None,
    paths: list[str],
    packages: dict[str, ModuleType],
) -> tuple[ModuleSpec, Key | None] | None:
    """The spec of a module, and the key of its code if each process gets its own copy."""
    missing = {each: package for each, package in packages.items() if each not in sys.modules}
    sys.modules.update(missing)  # A namespace package asks its parent packages for its location.
    try:
        return _look_for(process, name, path, paths)
    finally:
        for each in missing:
            del sys.modules[each]


def _look_for(
    process: Interpreter, name: str, path: Sequence[str] | None, paths: list[str]
) -> tuple[ModuleSpec, Key | None] | None:
    spec = None
    own = modules.is_own(process, name)
    if own and path is None:
        folder = [str(process.folder)]
        spec = importlib.machinery.PathFinder.find_spec(name, folder)
        if spec is None:  # It may be newer than importlib's cache of the folder.
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
    if spec.loader is None or origin is None or not (own or modules.is_fresh(name, origin)):
        return spec, None
    return spec, _key(origin)


def _import_outside(name: str) -> ModuleType:
    """Import a shared module with the real modules in place."""
    module = modules.import_shared(name)
    interpose.cover_new_modules()
    return module


class _Given(importlib.abc.Loader):
    """Loads a fake."""

    def __init__(self, process: Interpreter) -> None:
        self._process = process

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return FAKES[spec.name](self._process)

    def exec_module(self, module: ModuleType) -> None:
        modules.keep(self._process, module.__name__, module)


class _Ready(importlib.abc.Loader):
    """Returns a shared module that was imported outside of the process, and restores its spec."""

    def __init__(self, process: Interpreter, module: ModuleType, spec: ModuleSpec | None) -> None:
        self._process = process
        self._module = module
        self._spec = spec

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec
        if modules.is_in_fresh_package(module.__name__):
            modules.keep(self._process, module.__name__, module)


class _Namespace(importlib.abc.Loader):
    """Loads a namespace package, one for each process."""

    def __init__(self, process: Interpreter) -> None:
        self._process = process

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        modules.keep(self._process, module.__name__, module)


class _Fresh(importlib.abc.Loader):
    """Runs a module's code anew for one process; has the attributes of the real loader."""

    def __init__(self, process: Interpreter, loader: Any, key: Key) -> None:
        self._process = process
        self._loader = loader
        self._key = key

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        modules.keep(self._process, name, module)
        compiled = _compiled.get(self._key)
        if compiled is None:
            compiled = _compiled[self._key] = self._process.outside(self._compile, name)
        if not compiled.sets <= self._process.attributes.keys():
            self._process.outside(attributes.watch, self._process.attributes, compiled.sets)
        if compiled.hashes:
            vars(module).setdefault(NAME, hash_of(self._process))
        exec(compiled.code, module.__dict__)
        adapt = ADAPTED.get(name)
        if adapt is not None:
            adapt(self._process, module)

    def _compile(self, name: str) -> Compiled:
        origin = self._key[0]
        if hasattr(self._loader, "get_source"):
            source = self._loader.get_source(name)
        else:
            data = importlib.machinery.SourceFileLoader(name, origin).get_data(origin)
            source = importlib.util.decode_source(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as if byte code had been found
            code = compile(source, origin, "exec", dont_inherit=True)
            sets = attributes.set_by(source)
        watch_code(code)
        return Compiled(code, names_hash(code) and is_subjects(origin), sets)


_finder = _Finder()
