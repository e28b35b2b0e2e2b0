"""The built-in subjects: name and module. ``reference`` is ``gateway_status.status``."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path
from typing import Final

BUILT_IN: Final = {
    "foreign-guard": "foreign_guard",
    "direct-unlink": "direct_unlink",
    "guarded-lock": "guarded_lock",
    "unlinked-lock": "unlinked_lock",
    "scoped-lock": "scoped_lock",
}


def describe(name: str) -> str:
    """The first sentence of a built-in subject's docstring, read without running it."""
    module = f"stateful.subjects.{BUILT_IN[name]}" if name in BUILT_IN else "gateway_status.status"
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    text = ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or ""
    return " ".join(text.partition("\n\n")[0].split())
