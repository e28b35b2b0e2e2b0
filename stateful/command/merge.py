"""``merge``: prints the verdict of all shards of a verification, as ``verify`` does."""

from __future__ import annotations

import argparse
from pathlib import Path

from stateful.command.display import console_of_lines
from stateful.command.options import Verbs, WrongInput
from stateful.command.outcome import add_outcome, check_outcome, files_of, tell
from stateful.verification.certificate import Unfit, read
from stateful.verification.shard_merge import merge


def add(verbs: Verbs) -> None:
    """Add the verb and its options."""
    parser = verbs.add("merge", _merge, "Print the verdict of all shards that `verify --shard` has searched.")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="the file of each shard")
    add_outcome(parser)


def _merge(options: argparse.Namespace) -> int:
    for path in files_of(options):
        if any(path.resolve() == file.resolve() for file in options.files):
            raise WrongInput(f"{path}: it is a shard to be merged; give the name of another file")
    check_outcome(options)
    try:
        certificates = {str(path): read(path) for path in options.files}
        found = merge(certificates)
    except Unfit as error:
        raise WrongInput(str(error)) from None
    console = console_of_lines()
    status = tell(found, options, console)
    there = [certificate.shard for certificate in certificates.values()]
    for number in sorted({*range(1, there[0].of + 1)} - {shard.number for shard in there}):
        console.print(f"Missing: shard {number}/{there[0].of}")
    return status
