"""A mutation: one mistake at one call site; how it is applied to a process; a survey of the possible ones."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from stateful.model.call import Call
from stateful.model.syscalls import SILENT
from stateful.model.usage import row
from stateful.mutation.file_history import Files
from stateful.mutation.operator import BY_TITLE, IGNORES, LATE, OPERATORS, is_told_nothing, success
from stateful.mutation.site import Site, site_of

if TYPE_CHECKING:
    from stateful.python.interpreter import Interpreter

Alter = Callable[["Interpreter", str, tuple[Any, ...]], Any]


class Mutation(NamedTuple):
    """A mistake at a call site.

    Attributes:
        title: the title of its operator; or LATE; or IGNORES, with an errno.
        ignores: the errno that is taken for success, or 0.
    """

    site: Site
    title: str
    ignores: int = 0

    def __str__(self) -> str:
        return f"{self.site.call}() {self.title}"

    def begin(self) -> Alter:
        """The function through which a new process makes its calls."""
        return _Mutant(self)


class _Mutant:
    """The mistake in one process."""

    def __init__(self, mutation: Mutation) -> None:
        self._mutation = mutation
        self._files = Files()
        self._late: Call | None = None

    def __call__(self, process: Interpreter, name: str, args: tuple[Any, ...]) -> Any:
        if name in SILENT:
            return process.make(name, *args)
        call = Call(name, args)
        late, self._late = self._late, None
        if row(call).ends and late is not None:
            self._make_late(process, late)
            late = None
        try:
            return self._alter(process, call)
        finally:
            if late is not None and not process.unwound:
                self._make_late(process, late)

    def _alter(self, process: Interpreter, call: Call) -> Any:
        def make(call: Call) -> Any:
            answer = process.make(call.name, *call.args)
            self._files.note(call, answer)
            return answer

        mutation = self._mutation
        if call.name != mutation.site.call or site_of(call.name) != mutation.site:
            return make(call)
        if mutation.title == LATE:
            self._late = call
            return success(call)
        if mutation.ignores:
            try:
                return make(call)
            except OSError as error:
                if error.errno != mutation.ignores:
                    raise
                return success(call)
        operator = BY_TITLE[mutation.title]
        if not operator.concerns(call):
            return make(call)
        return operator.apply(make, self._files, call)

    def _make_late(self, process: Interpreter, late: Call) -> None:
        try:
            process.make(late.name, *late.args)
        except OSError:
            pass
        else:
            self._files.note(late, None)


class Survey:
    """Finds the possible mutations: watches the calls of processes and changes none."""

    def __init__(self) -> None:
        self._found: dict[Mutation, None] = {}

    def begin(self) -> Alter:
        """See ``Mutation.begin``."""
        return self._look

    def mutations(self) -> list[Mutation]:
        """The possible mutations, sorted by site."""
        return sorted(self._found)

    def _look(self, process: Interpreter, name: str, args: tuple[Any, ...]) -> Any:
        site, call = site_of(name), Call(name, args)
        if site is not None:
            for operator in OPERATORS:
                if operator.concerns(call):
                    self._found[Mutation(site, operator.title)] = None
            if is_told_nothing(call):
                self._found[Mutation(site, LATE)] = None
        try:
            return process.make(name, *args)
        except OSError as error:
            if site is not None and is_told_nothing(call) and error.errno:
                title = IGNORES.format(errno.errorcode[error.errno])
                self._found[Mutation(site, title, error.errno)] = None
            raise
