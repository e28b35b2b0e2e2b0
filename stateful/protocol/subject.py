"""A subject: the single-owner protocol being verified, and how a simulated process runs it.

A subject is named by a built-in name, a dotted module, a path to a ``.py`` file, or one of the last two
with ``:function``. What it names is either a *status module* (it has ``get_running_pid``,
``write_pid_file`` and ``remove_pid_file``), which the adapter in ``stateful.subjects.status_module``
drives through a gateway's start-up sequence, or a function ``gateway(home, serve)`` that does all of it
itself, beside an optional ``running_pid(home)`` and an optional ``stop(home)``.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple, Protocol, cast

from greenlet import getcurrent

from stateful.model.chronicle import RUN_INVARIANTS
from stateful.model.disk import HOME
from stateful.model.faults import SERVE_FAULTS
from stateful.model.invariants import INVARIANTS
from stateful.model.life import OTHER, runs_other
from stateful.model.lifecycle import LEAVING, OWNER, Outcome
from stateful.model.machine import ONE_PER
from stateful.protocol.built_in import MODULES, REFERENCE
from stateful.protocol.installation import CannotInstall, installed
from stateful.python.interpreter import Interpreter
from stateful.subjects import status_module, zoo

STATUS_FUNCTIONS: Final = ("get_running_pid", "write_pid_file", "remove_pid_file")


class SubjectError(Exception):
    """What was named is no subject; one sentence says what, why and what to do."""


class Alteration(Protocol):
    """Changes the calls of a subject's processes before they are made."""

    def begin(self) -> Callable[[Interpreter, str, tuple[Any, ...]], Any]:
        """The function that makes each call of a new process, changed or not."""


@dataclass(frozen=True)
class Subject:
    """Where a subject's code is.

    Attributes:
        name: its name as the user gave it; shown in reports.
        module: the dotted name under which a process imports it.
        folder: the folder from which it is imported first, or None.
        function: the name of the gateway function, or None for a status module.
        libraries: the folders to import from next, before installed packages.
        other: the subject that runs beside it in one home, such as its previous version; None for none.
        alteration: changes the calls of its processes; None for no change.
    """

    name: str
    module: str
    folder: str | None = None
    function: str | None = None
    other: Subject | None = None
    libraries: tuple[str, ...] = ()
    alteration: Alteration | None = None

    @property
    def title(self) -> str:
        """Its name, and the name of the other subject."""
        return f"{self.name} with {self.other.name}" if self.other else self.name

    def of(self, life: str) -> Subject:
        """The subject that a life runs. Raises SubjectError if there is none."""
        if not runs_other(life):
            return self
        if self.other is None:
            raise SubjectError(f"{self.name}: no other subject runs beside it; name one with --with")
        return self.other

    def run(self, life: str) -> Outcome:
        """Inside a simulated process: import the subject afresh and run one life of it."""
        process = cast(Interpreter, getcurrent())
        protocol = bind(importlib.import_module(self.module), self.function, process.home)
        process.tells_plans = protocol.tells_plans
        process.not_offered = protocol.offer.invariants_not_offered
        process.one_per = protocol.offer.one_per
        try:
            if life in ("status", "peek"):
                return Outcome("answered", protocol.running_pid(life == "status"))
            if life == "stop":
                return Outcome("returned", protocol.stop())
            protocol.gateway(serve, life == "replace")
        except protocol.documented_errors as error:
            return Outcome("refused", f"{type(error).__name__}: {error}")
        return Outcome("released" if process.owned else "refused")


class Offer(NamedTuple):
    """What a subject can do beside starting: a replace, a planned stop, a query, one without clean-up.

    ``not_offered`` are the invariants that it does not promise to keep, each with its reason; ``other`` is
    the offer of the other subject, if there is one; ``is_status_module`` is whether the harness performs the
    start-up sequence; ``one_per`` is of what it lets one owner live: a home, a user or a machine.
    """

    can_replace: bool
    can_stop: bool
    can_query: bool
    can_peek: bool
    not_offered: tuple[tuple[str, str], ...] = ()
    other: Offer | None = None
    is_status_module: bool = False
    one_per: str = ONE_PER[0]

    @property
    def lives(self) -> tuple[str, ...]:
        """The lives that its processes can have, followed by those of the other subject."""
        optional = zip(("replace", "stop", "status", "peek"), self[:4], strict=True)
        others = self.other.lives if self.other else ()
        return ("start", *(life for life, can in optional if can), *(OTHER + life for life in others))

    @property
    def invariants_not_offered(self) -> frozenset[str]:
        """The invariants that the subject, or the other one, does not promise to keep."""
        others = self.other.invariants_not_offered if self.other else ()
        return frozenset((*dict(self.not_offered), *others))


JUST_STARTS: Final = Offer(False, False, False, False)


@dataclass(frozen=True)
class Functions:
    """The functions of one process's copy of a subject; functions that are not offered are never called.

    ``tells_plans`` is whether the exit status of an owner distinguishes a planned end from others.
    """

    gateway: Callable[[Callable[[], None], bool], object]
    running_pid: Callable[[bool], int | None]
    stop: Callable[[], object]
    documented_errors: tuple[type[BaseException], ...]
    offer: Offer
    tells_plans: bool


def bind(module: ModuleType, function: str | None, home: str = HOME) -> Functions:
    """The protocol that a module offers, for a home. Raises SubjectError if it offers none."""
    documented, one_per = _documented(module), _one_per(module)
    if function is None and all(hasattr(module, name) for name in STATUS_FUNCTIONS):
        return Functions(
            gateway=lambda serve, replace: status_module.gateway(module, serve, replace=replace),
            running_pid=lambda clean: status_module.running_pid(module, clean_up=clean),
            stop=lambda: status_module.stop(module),
            documented_errors=documented,
            offer=Offer(
                can_replace=hasattr(module, "terminate_pid"),
                can_stop=status_module.can_stop(module),
                can_query=True,
                can_peek=status_module.can_peek(module),
                not_offered=_not_offered(module),
                is_status_module=True,
                one_per=one_per,
            ),
            tells_plans=status_module.tells_plans(module),
        )
    target: Any = getattr(module, function or "gateway", None)
    if target is None:
        raise SubjectError(_lack(module, function))
    if not callable(target):
        raise SubjectError(f"{function or 'gateway'} is not a function")
    parameters = inspect.signature(target).parameters
    query: Any = getattr(module, "running_pid", None)
    stop: Any = getattr(module, "stop", None)
    offer = Offer(
        can_replace="replace" in parameters,
        can_stop=callable(stop),
        can_query=callable(query),
        can_peek=callable(query) and "clean_up" in inspect.signature(query).parameters,
        not_offered=_not_offered(module),
        one_per=one_per,
    )
    at = Path(home)
    return Functions(
        gateway=lambda serve, replace: target(at, serve, **({"replace": True} if replace else {})),
        running_pid=lambda clean: query(at, **({} if clean else {"clean_up": False})),
        stop=lambda: stop(at),
        documented_errors=documented,
        offer=offer,
        tells_plans=offer.can_replace or offer.can_stop,
    )


def _lack(module: ModuleType, function: str | None) -> str:
    """Why a module is no subject: what it lacks."""
    if getattr(module, "__file__", None) is None and hasattr(module, "__path__"):
        return "it is a folder; name a .py file in it"
    if function:
        return f"it has no {function}()"
    missing = [name for name in STATUS_FUNCTIONS if not hasattr(module, name)]
    return f"it has no gateway(home, serve), and as a status module it lacks {', '.join(missing)}"


def _documented(module: ModuleType) -> tuple[type[BaseException], ...]:
    """The errors that a module documents: a class or, as in an ``except``, several. Raises SubjectError."""
    stated = getattr(module, "documented_errors", ())
    errors = (stated,) if isinstance(stated, type) else stated
    if not isinstance(errors, tuple | list | set | frozenset) or not all(
        isinstance(error, type) and issubclass(error, BaseException) for error in errors
    ):
        raise SubjectError(
            f"documented_errors must be a tuple of exception classes, such as (OSError,), not {stated!r}"
        )
    return tuple(errors)


def _not_offered(module: ModuleType) -> tuple[tuple[str, str], ...]:
    """The invariants that a module says it does not keep, each with a reason. Raises SubjectError."""
    stated = getattr(module, "not_offered", {})
    if not isinstance(stated, dict):
        raise SubjectError('not_offered must be a dict, such as {"a_dead_owner_can_be_replaced": "why not"}')
    names = {invariant.__name__ for invariant in (*INVARIANTS, *RUN_INVARIANTS)}
    for name in stated:
        if name not in names:
            near = get_close_matches(str(name), names, 1)
            raise SubjectError(f"not_offered names {name!r}, which is no invariant{_or(near)}")
    return tuple((name, str(phrase)) for name, phrase in stated.items())


def _one_per(module: ModuleType) -> str:
    """Of what a module says that it lets one owner live. Raises SubjectError."""
    stated = getattr(module, "one_per", ONE_PER[0])
    if stated not in ONE_PER:
        raise SubjectError(f"one_per must be one of {', '.join(map(repr, ONE_PER))}, not {stated!r}")
    return str(stated)


def _or(near: list[str]) -> str:
    return f"; did you mean {near[0]}?" if near else "; README lists them"


def serve() -> None:
    """Be the gateway until told to go. A process owns the gateway while it is in here.

    Raises RuntimeError where the world says that the work fails.
    """
    process = cast(Interpreter, getcurrent())
    process.phase, process.owned = OWNER, True
    try:
        if process.call("serve") in SERVE_FAULTS:
            process.raised = RuntimeError("the work failed")
            raise process.raised
    finally:
        process.phase = LEAVING


def find_subject(
    named: str | os.PathLike[str] | None = None, other: str | os.PathLike[str] | None = None
) -> Subject:
    """The subject that a text or a path names; without one, the reference. Raises SubjectError.

    ``other`` names the subject that runs beside it in one home.
    """
    if other is not None:
        return replace(find_subject(named), other=find_subject(other))
    try:
        text = REFERENCE if named is None else os.fsdecode(named)
    except TypeError:
        raise SubjectError(f"no {type(named).__name__} names a subject; {_ADVICE}") from None
    # An unset variable of a script leaves an empty text, which must not select the reference.
    if not text.strip() or text.endswith(":"):
        raise SubjectError(f"{text!r} names no subject; {_ADVICE}")
    if text in MODULES:
        return Subject(text, MODULES[text])
    if text.startswith(zoo.PREFIX):
        return _from_zoo(text, text.removeprefix(zoo.PREFIX))
    where, _, function = text.partition(":")
    if where.endswith(".py") or "/" in where:
        return _from_path(text, Path(where), function or None)
    if all(part.isidentifier() for part in where.split(".")) and (function or "x").isidentifier():
        return _from_module(text, where, function or None)
    raise SubjectError(f"{text}: not a subject's name; {_ADVICE}")


_ADVICE = "give a built-in name (see `python -m stateful subjects`), a dotted module or a path to a .py file"


def _from_zoo(text: str, name: str) -> Subject:
    animal = zoo.ANIMALS.get(name)
    if animal is None:
        raise SubjectError(f"{text}: not in the zoo; it has {', '.join(zoo.ANIMALS)}")
    try:
        libraries = installed(animal.pins)
    except CannotInstall as why:
        raise SubjectError(str(why)) from None
    return Subject(text, f"{zoo.__name__}.{animal.adapter}", libraries=(libraries,))


def _from_path(text: str, path: Path, function: str | None) -> Subject:
    try:
        path.stat()
        readable = os.access(path, os.R_OK)
    except (FileNotFoundError, NotADirectoryError):
        raise SubjectError(f"{text}: no such file; {_ADVICE}") from None
    except OSError:
        readable = False
    if not readable:
        raise SubjectError(f"{text}: it cannot be read; give a file that you may read")
    if path.is_dir():
        raise SubjectError(f"{text}: it is a folder; name a .py file in it")
    if not path.is_file() or path.suffix != ".py":
        raise SubjectError(f"{text}: not a Python file; give the path of a .py file")
    path = path.resolve()
    name = path.stem
    folder = path.parent
    while (folder / "__init__.py").exists() and folder.name.isidentifier():
        name, folder = f"{folder.name}.{name}", folder.parent
    if not path.stem.isidentifier():
        raise SubjectError(f"{text}: {path.stem!r} cannot be imported; rename the file")
    return Subject(text, name, str(folder), function)


def _from_module(text: str, module: str, function: str | None) -> Subject:
    top = module.partition(".")[0]
    if importlib.util.find_spec(top) is None:
        raise SubjectError(f"{text}: there is no module {top!r} here; {_ADVICE}")
    return Subject(text, module, None, function)
