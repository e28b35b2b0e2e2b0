"""``merge``: the verdict of all the shards of a verification, as ``verify`` says it."""

from __future__ import annotations

import argparse
from pathlib import Path

from stateful.certificate import Unfit, read
from stateful.command.display import console_of_lines
from stateful.command.options import Verbs, WrongInput
from stateful.command.outcome import add_outcome, check_outcome, tell
from stateful.merge import merge


def add(verbs: Verbs) -> None:
    """Add the verb and its options."""
    parser = verbs.add("merge", _merge, "Say the verdict of all shards that `verify --shard` has searched.")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="what each shard has written")
    add_outcome(parser)


def _merge(options: argparse.Namespace) -> int:
    check_outcome(options)
    try:
        found = merge({str(path): read(path) for path in dict.fromkeys(options.files)})
    except Unfit as error:
        raise WrongInput(str(error)) from None
    return tell(found, options, console_of_lines())
