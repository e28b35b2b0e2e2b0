"""What a verification was made of: digests of the subject's and the harness's files, and Python's version.

Covered: the files that the subject imports and all others of their packages. The version of Python stands for
the standard library. Not covered: a single module beside the subject that it imports only while it runs.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import cast

from greenlet import getcurrent

from stateful.model.lifecycle import Outcome
from stateful.protocol.subject import Subject
from stateful.python.interpreter import Interpreter
from stateful.run.examine import imported


class _Lister(Subject):
    """A subject that only answers where its modules are."""

    def run(self, life: str) -> Outcome:
        importlib.import_module(self.module)
        modules = cast(Interpreter, getcurrent()).modules
        places = {
            name: tuple(getattr(module, "__path__", ())) or (str(getattr(module, "__file__", "")),)
            for name, module in modules.items()
            if name.partition(".")[0] not in sys.stdlib_module_names
        }
        return Outcome("answered", tuple(sorted({place for each in places.values() for place in each})))


def made_of(subject: Subject) -> dict[str, str]:
    """What a verification of a subject would be made of here and now; the subject has to be importable."""
    both = [each for each in (subject, subject.other) if each is not None]
    files = [file for each in both for place in _places(each) for file in _files(Path(place))]
    harness = Path(__file__).parents[1]
    return {
        "subject": _digest(file for file in files if harness not in file.parents),
        "harness": _digest(_files(harness)),
        "python": "{}.{}".format(*sys.version_info),
    }


def _places(subject: Subject) -> tuple[str, ...]:
    lister = _Lister(**{**vars(subject), "other": None})
    places: tuple[str, ...] = imported(lister).value
    return places


def _files(place: Path) -> Iterator[Path]:
    """The Python files of a package, or the file of a module."""
    if place.is_dir():
        yield from sorted(place.rglob("*.py"))
    elif place.is_file():
        yield place


def _digest(files: Iterable[Path]) -> str:
    """A digest of the names and contents of files; their folders make no difference."""
    contents = {(file.name, blake2b(file.read_bytes(), digest_size=16).hexdigest()) for file in files}
    return blake2b(repr(sorted(contents)).encode(), digest_size=16).hexdigest()
