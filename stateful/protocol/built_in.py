"""The built-in subjects, by name: the reference, its parts, the outage's history, mutants and variants."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from stateful.protocol.mutant_table import MUTANTS
from stateful.subjects.variants import VARIANTS

REFERENCE: Final = "reference"

BUILT_IN: Final = {
    REFERENCE: "stateful.subjects.reference",
    "reference-status": "gateway_status.status",
    "scoped-lock": "stateful.subjects.scoped_lock",
    "foreign-guard": "stateful.subjects.foreign_guard",
    "direct-unlink": "stateful.subjects.direct_unlink",
    "guarded-lock": "stateful.subjects.guarded_lock",
    "unlinked-lock": "stateful.subjects.unlinked_lock",
}


PLANTED: Final = {
    name: f"stateful.subjects.{folder}.{name.replace('-', '_')}"
    for folder, names in (("mutants", MUTANTS), ("variants", VARIANTS))
    for name in names
}
MODULES: Final = BUILT_IN | PLANTED


def describe(name: str) -> str:
    """The first sentence of a built-in subject's docstring, read without running it."""
    spec = find_spec(MODULES[name])
    assert spec is not None
    assert spec.origin is not None
    text = ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or ""
    return " ".join(text.partition("\n\n")[0].split())


def broken_by(mutant: str) -> str:
    """The invariant that a mutant's docstring names."""
    return describe(mutant).partition(":")[0]
