"""``subjects`` and ``scenarios``: what can be verified, and in which scenarios."""

from __future__ import annotations

import argparse

from stateful.command.options import Verbs
from stateful.model.standard import BY_NAME, MIXED, STANDARD
from stateful.protocol.built_in import MODULES, describe


def add(verbs: Verbs) -> None:
    """Add the verbs; they have no options."""
    verbs.add("subjects", _subjects, "List the built-in subjects.")
    verbs.add("scenarios", _scenarios, "List the scenarios.")


def _subjects(options: argparse.Namespace) -> int:
    for name in MODULES:
        print(f"{name:<{max(map(len, MODULES))}}  {describe(name)}")
    return 0


def _scenarios(options: argparse.Namespace) -> int:
    for scenarios, when in ((STANDARD, ""), (BY_NAME, "; only by name"), (MIXED, "; --with another subject")):
        for scenario in scenarios:
            print(f"{scenario.name:<46} {scenario.title}{when}")
    return 0
