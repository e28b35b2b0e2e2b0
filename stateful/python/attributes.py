"""What a process sets on modules and classes that all processes share stays in that process.

Processes share most of the standard library and all extension modules. Code that a process runs as its own
copy is read for what it may set there, as ``json.dumps = ...`` or ``setattr(json, name, ...)`` do: only the
modules and classes that it names so are looked at, when a process is entered and left.

Not found: a module or class that is reached by another name than that of an import (``vars(json)``, an
alias, ``sys.modules["json"]``). Not put back: what is changed inside a value, such as a list of a module.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from types import ModuleType
from typing import Any, Final

MISSING: Final = object()
_SETTERS: Final = ("setattr", "delattr")
# The harness exchanges these, or needs them for itself.
_OURS: Final = frozenset(
    """stdin stdout stderr __stdin__ __stdout__ __stderr__ argv path meta_path path_hooks path_importer_cache
    unraisablehook executable modules last_exc last_type last_value last_traceback""".split()
)

# By the path of an owner that a process may change: its attributes in the process, if they differ.
Changes = dict[str, dict[str, Any]]
Before = list[tuple[str, Any, dict[str, Any]]]  # an owner, its path, and its attributes outside a process


def set_by(source: str) -> frozenset[str]:
    """The paths of the modules and classes of which the source of a module sets attributes."""
    return frozenset(_named_in(ast.parse(source)))


def watch(changes: Changes, paths: Iterable[str]) -> None:
    """Look at some modules and classes whenever a process is entered, from the next time on."""
    for path in sorted(paths):
        changes.setdefault(path, {})


def enter(changes: Changes) -> Before:
    """Put in place what a process has set; returns what ``leave`` needs. Not while it has its own modules."""
    owners = [(path, owner) for path in changes if (owner := _find(path)) is not None]
    before = [(path, owner, dict(vars(owner))) for path, owner in owners]
    for path, owner in owners:
        _set(owner, changes[path])
    return before


def leave(changes: Changes, outside: Before) -> None:
    """Note what a process has set since it was entered, and put back what was there before."""
    for path, owner, before in outside:
        now = vars(owner)
        found = {name: value for name, value in now.items() if before.get(name, MISSING) is not value}
        found |= dict.fromkeys(before.keys() - now.keys(), MISSING)
        changes[path] = {name: value for name, value in found.items() if not _is_shared(name, value)}
        _set(owner, {name: before.get(name, MISSING) for name in changes[path]})


def _is_shared(name: str, value: Any) -> bool:
    """Whether an attribute is not the process's own: a module of a package, or what the harness exchanges."""
    return isinstance(value, ModuleType) or name in _OURS


def _set(owner: Any, attributes: Mapping[str, Any]) -> None:
    for name, value in attributes.items():
        if value is not MISSING:
            setattr(owner, name, value)
        elif name in vars(owner):
            delattr(owner, name)


def _find(path: str) -> Any:
    """The module or class that a path such as ``threading.Thread`` names, if processes share it."""
    names = path.split(".")
    for end in range(len(names), 0, -1):
        owner: Any = sys.modules.get(".".join(names[:end]))
        if owner is not None:
            for name in names[end:]:
                owner = vars(owner).get(name) if isinstance(owner, ModuleType | type) else None
            return owner if isinstance(owner, ModuleType | type) else None
    return None


def _named_in(tree: ast.Module) -> Iterator[str]:
    """The paths of the imported things of which code sets or deletes attributes."""
    imported: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                imported[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            imported.update({each.asname or each.name: f"{node.module}.{each.name}" for each in node.names})
    for node in ast.walk(tree):
        owner: ast.expr | None = None
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            owner = node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _SETTERS:
            owner = node.args[0] if node.args else None
        root, *rest = _path(owner)
        if root in imported:
            yield ".".join([imported[root], *rest])


def _path(node: ast.expr | None) -> list[str]:
    """The names of an expression such as ``a.b.c``; an empty one for every other expression."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute):
        return [*_path(node.value), node.attr]
    return [""]
