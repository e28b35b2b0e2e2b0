"""A mutation: one mistake at one call site, what it makes of a process, and where there can be one."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from stateful.model.syscalls import SILENT
from stateful.mutation.files import Files
from stateful.mutation.operator import BY_TITLE, IGNORES, LATE, OPERATORS, SILENT_ANSWER, success
from stateful.mutation.site import Site, site_of

if TYPE_CHECKING:
    from stateful.python.interpreter import Interpreter

Alter = Callable[["Interpreter", str, tuple[Any, ...]], Any]


class Mutation(NamedTuple):
    """A mistake at a call site.

    Attributes:
        title: that of its operator; or LATE; or IGNORES, with an errno.
        ignores: the errno that is taken for success, or 0.
    """

    site: Site
    title: str
    ignores: int = 0

    def __str__(self) -> str:
        return f"{self.site.call}() {self.title}"

    def begin(self) -> Alter:
        """What becomes of the calls of a new process."""
        return _Mutant(self)


class _Mutant:
    """The mistake in one process."""

    def __init__(self, mutation: Mutation) -> None:
        self._mutation = mutation
        self._files = Files()
        self._late: tuple[str, tuple[Any, ...]] | None = None

    def __call__(self, process: Interpreter, name: str, args: tuple[Any, ...]) -> Any:
        if name in SILENT:
            return process.make(name, *args)
        late, self._late = self._late, None
        if name == "exit" and late is not None:
            self._make_late(process, late)
            late = None
        try:
            return self._alter(process, name, args)
        finally:
            if late is not None and not process.buried:
                self._make_late(process, late)

    def _alter(self, process: Interpreter, name: str, args: tuple[Any, ...]) -> Any:
        def make(name: str, *args: Any) -> Any:
            answer = process.make(name, *args)
            self._files.note(name, args, answer)
            return answer

        mutation = self._mutation
        if name != mutation.site.call or site_of(name) != mutation.site:
            return make(name, *args)
        if mutation.title == LATE:
            self._late = name, args
            return success(name, args)
        if mutation.ignores:
            try:
                return make(name, *args)
            except OSError as error:
                if error.errno != mutation.ignores:
                    raise
                return success(name, args)
        operator = BY_TITLE[mutation.title]
        if not operator.concerns(name, args):
            return make(name, *args)
        return operator.apply(make, self._files, name, args)

    def _make_late(self, process: Interpreter, late: tuple[str, tuple[Any, ...]]) -> None:
        try:
            process.make(late[0], *late[1])
        except OSError:
            pass
        else:
            self._files.note(*late, None)


class Survey:
    """Finds the mutations that are possible: follows the calls of processes and changes nothing."""

    def __init__(self) -> None:
        self._found: dict[Mutation, None] = {}

    def begin(self) -> Alter:
        """See ``Mutation.begin``."""
        return self._look

    def mutations(self) -> list[Mutation]:
        """What was found, by site."""
        return sorted(self._found)

    def _look(self, process: Interpreter, name: str, args: tuple[Any, ...]) -> Any:
        site = site_of(name)
        if site is not None:
            for operator in OPERATORS:
                if operator.concerns(name, args):
                    self._found[Mutation(site, operator.title)] = None
            if name in SILENT_ANSWER:
                self._found[Mutation(site, LATE)] = None
        try:
            return process.make(name, *args)
        except OSError as error:
            if site is not None and name in SILENT_ANSWER and error.errno:
                title = IGNORES.format(errno.errorcode[error.errno])
                self._found[Mutation(site, title, error.errno)] = None
            raise
