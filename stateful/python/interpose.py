"""Puts the kernel between Python and the operating system, and removes it again.

While interposed, each entry point first checks whether a simulated process is running. If so the call goes
to the kernel; if not, the real function runs, so that the harness, pytest and other threads are not affected.
A call that is neither modelled nor known to be harmless is refused: one that bypassed the kernel would make
every verdict worthless.
"""

from __future__ import annotations

import builtins
import functools
import io
import os
import signal
import sys
import threading
from operator import itemgetter
from types import BuiltinFunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from greenlet import getcurrent

from stateful.python import machine_facts
from stateful.python.file_calls import FCNTL_CALLS, FILE_CALLS
from stateful.python.folder_calls import FOLDER_CALLS
from stateful.python.holders import Names, Spot, is_standard, search
from stateful.python.interpreter import Interpreter
from stateful.python.machine_facts import FACTS, SOME_CALLS, TABLES, does, tzset
from stateful.python.path_calls import PATH_CALLS
from stateful.python.process_calls import (
    ATEXIT_CALLS,
    OS_CALLS,
    SELECT_CALLS,
    SIGNAL_CALLS,
    TIME_CALLS,
    hostname,
    kill,
    wait,
)
from stateful.python.refusal import advice, caller
from stateful.python.streams import open_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# Functions that read nothing but their arguments, or facts of the host that never change.
HARMLESS = frozenset(
    "WCOREDUMP WEXITSTATUS WIFCONTINUED WIFEXITED WIFSIGNALED WIFSTOPPED WSTOPSIG WTERMSIG "
    "confstr fpathconf fspath major makedev minor pathconf strerror waitstatus_to_exitcode "
    "_path_splitroot _path_splitroot_ex _path_normpath _path_isabs _inputhook "
    "_supports_virtual_terminal _create_environ "
    "default_int_handler strsignal valid_signals asctime clock_getres get_clock_info mktime "
    "strptime "
    "get_debug get_objects get_referents get_referrers "
    "get_threshold is_finalized is_tracked sched_get_priority_max "
    "sched_get_priority_min".split()
)


# Garbage is never collected while a process runs, so that no destructor runs at a moment that depends on
# how much was allocated before. gc.collect() is refused: the objects that it frees may hold a lock.
_GC_CALLS = {
    **dict.fromkeys("enable disable freeze unfreeze set_debug set_threshold".split(), does(None)),
    "isenabled": does(True),
    "get_count": does((0, 0, 0)),
    "get_freeze_count": does(0),
    "get_stats": does([]),
}
_FAULTHANDLER_CALLS = {
    **dict.fromkeys(
        "enable disable register dump_traceback dump_traceback_later cancel_dump_traceback_later".split(),
        does(None),
    ),
    **dict.fromkeys(("is_enabled", "unregister"), does(False)),
}
_TABLES: dict[str, dict[str, Callable[..., Any]]] = {
    "os": {
        **FILE_CALLS,
        **PATH_CALLS,
        **FOLDER_CALLS,
        **OS_CALLS,
        **FACTS,
        "listxattr": lambda process, *args, **kwargs: [],
        "register_at_fork": does(None),
    },
    "fcntl": FCNTL_CALLS,
    "signal": SIGNAL_CALLS,
    "_signal": {},  # the C functions behind the functions of ``signal`` that are written in Python
    "time": {**TIME_CALLS, "tzset": tzset},
    "atexit": ATEXIT_CALLS,
    "select": SELECT_CALLS,
    "gc": _GC_CALLS,
    "faulthandler": _FAULTHANDLER_CALLS,
    # Extension modules that act without an audit event, or in an interpreter that has no guard.
    "_interpreters": {},
    "_xxsubinterpreters": {},
    "_multiprocessing": {},
    "_posixshmem": {},
    "_posixsubprocess": {},
    "termios": {},
    **TABLES,
}
# Only some functions of these modules are replaced; the others raise an audit event, or are harmless.
_SOME_CALLS: dict[str, dict[str, Callable[..., Any]]] = {
    "_socket": {"gethostname": hostname},
    **SOME_CALLS,
    "sys": {**SOME_CALLS["sys"], "addaudithook": does(None)},  # A hook would stay for ever.
}
# Refused before they raise their audit event: CPython remembers for ever that a hook is being set.
_SOME = {"sys": ("setprofile", "settrace", "_setprofileallthreads", "_settraceallthreads")}
_TYPES = {"select": ("epoll", "kqueue", "devpoll"), "_multiprocessing": ("SemLock",)}
_METHODS = {
    "threading": (("Thread", "start"),),
    "subprocess": (("Popen", "__init__"),),
    "multiprocessing.process": (("BaseProcess", "start"),),
}
# Python 3.13 renamed the function that threading uses.
_THREAD_STARTERS = frozenset(
    {"start_new_thread", "start_joinable_thread", "_start_new_thread", "_start_joinable_thread"}
)
_CAPABILITIES = ("supports_dir_fd", "supports_effective_ids", "supports_fd", "supports_follow_symlinks")

_names = Names()
_shown: dict[Any, str] = {}
_modules: dict[int, tuple[dict[str, Any], dict[str, Any]]] = {}  # by the id of the namespace
_others: list[Spot] = []
_searched: dict[str, ModuleType] = {}
_size = 0
_put_back: list[tuple[dict[str, Any], Iterable[tuple[str, Any]]]] = []
_set_back: list[tuple[Any, str, Any]] = []


# -- one entry point


def _entry(original: Callable[..., Any], simulated: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def entry(*args: Any, **kwargs: Any) -> Any:
        process = getcurrent()
        if type(process) is Interpreter:
            return simulated(process, *args, **kwargs)
        if process.parent is not None:
            refuse_other_greenlets(process)
        return original(*args, **kwargs)

    return entry


def refuse_other_greenlets(current: Any) -> None:
    """Refuse calls in a greenlet that a process has made: it would be taken for the harness."""
    while current is not None:
        if type(current) is Interpreter:
            current.refuse(f"switches between greenlets of its own{caller()}{advice('greenlet')}")
        current = current.parent


def _refusal(name: str) -> Callable[..., Any]:
    def refuse(process: Interpreter, *args: Any, **kwargs: Any) -> None:
        process.refuse(f"called {name}(), which is not modelled{caller()}{advice(name)}")

    return refuse


def _waiter(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def entry(self: Any, timeout: float | None = None) -> Any:
        process = getcurrent()
        if type(process) is not Interpreter:
            return original(self, timeout)
        flag = getattr(self, "is_set", None)
        if flag is None or not flag():
            wait(process, timeout)
        return flag() if flag is not None else False

    return entry


# -- all of them


def _replace(owner: Any, name: str, simulated: Callable[..., Any], shown: str) -> None:
    """Plan to replace a function that a module or class has.

    A function of a module is replaced by a ``partial``: like a builtin function, and unlike one written in
    Python, it does not become a method when a class has it as an attribute.
    """
    original = vars(owner)[name]
    if original not in _shown:
        entry = _entry(original, simulated)
        if isinstance(owner, ModuleType):
            entry = functools.update_wrapper(functools.partial(entry), original)
        _shown[original] = shown
        _names.add(original, entry)
    _plan(Spot(owner, name, original, _names.replacements[original]))


def _plan(spot: Spot) -> None:
    if isinstance(spot.owner, ModuleType):
        namespace = vars(spot.owner)
        _modules.setdefault(id(namespace), (namespace, {}))[1].setdefault(spot.name, spot.replacement)
    elif (id(spot.owner), spot.name) not in {(id(other.owner), other.name) for other in _others}:
        _others.append(spot)


def _cover(module: ModuleType) -> None:
    """Plan the replacement of the entry points of a module."""
    name = module.__name__
    modelled = _TABLES.get(name)
    if modelled is not None:
        for function, original in list(vars(module).items()):
            ours = isinstance(original, BuiltinFunctionType) or function in modelled
            if ours and function not in HARMLESS:
                shown = f"{'signal' if name == '_signal' else name}.{function}"
                _replace(module, function, modelled.get(function) or _refusal(shown), shown)
    for function, simulated in _SOME_CALLS.get(name, {}).items():
        if hasattr(module, function):  # Versions of Python and of libraries differ.
            _replace(module, function, simulated, f"{name}.{function}")
    for kind in (*_TYPES.get(name, ()), *_SOME.get(name, ())):
        if hasattr(module, kind):
            _replace(module, kind, _refusal(f"{name}.{kind}"), f"{name}.{kind}")
    for class_, method in _METHODS.get(name, ()):
        shown = f"{name}.{class_}" if method == "__init__" else f"{name}.{class_}.{method}"
        _replace(getattr(module, class_), method, _refusal(shown), shown)


def _cover_the_rest() -> None:
    """Plan the replacement of entry points that are not plain functions of a module in the table."""
    for module in (builtins, io):
        _replace(module, "open", open_stream, "open")
    thread = sys.modules["_thread"]
    for name in _THREAD_STARTERS & vars(thread).keys():
        _replace(thread, name, _refusal("threading.Thread.start"), "threading.Thread.start")
    _replace(thread, "get_native_id", lambda process: process.pid, "threading.get_native_id")
    _replace(thread, "get_ident", machine_facts.thread, "threading.get_ident")
    _replace(
        thread,
        "interrupt_main",
        lambda process, number=signal.SIGINT: kill(process, process.pid, number),
        "_thread.interrupt_main",
    )
    for owner in (threading.Event, threading.Condition):
        _plan(Spot(owner, "wait", owner.wait, _waiter(owner.wait)))
    for name in _CAPABILITIES:
        originals = getattr(os, name)
        both = originals | {_names.replacements[one] for one in originals if one in _names.replacements}
        _plan(Spot(os, name, originals, both))


def _plan_new_modules() -> None:
    """Plan the replacements in modules that were loaded since the last time."""
    global _size
    if not _searched:
        for name in ("os", "fcntl", "signal", "time", "atexit", "select", "gc", "sys", "threading"):
            _cover(sys.modules[name])
            _searched[name] = sys.modules[name]
        _cover_the_rest()
        new = list(sys.modules.items())
    else:
        new = [(name, module) for name, module in sys.modules.items() if _searched.get(name) is not module]
    for name, module in new:
        if name in {*_TABLES, *_METHODS, *_SOME_CALLS} and name not in _searched:
            _cover(module)
    for name, module in new:
        _searched[name] = module
        if isinstance(module, ModuleType):
            for spot in search(module, _names) if is_standard(name) or _size else ():
                if _holds_replacement(spot):  # The module was loaded while replacements were in place.
                    setattr(spot.owner, spot.name, spot.original)
                if is_standard(name):
                    _plan(spot)
    _size = len(sys.modules)


def _holds_replacement(spot: Spot) -> bool:
    held = getattr(spot.owner, spot.name)
    pair = _names.pair(held)
    return pair is not None and pair[0] != held


def enter() -> None:
    """Put all replacements in place."""
    if len(sys.modules) != _size:
        _plan_new_modules()
    for namespace, replacements in _modules.values():
        names = tuple(replacements)
        if not replacements.keys() <= namespace.keys():  # A name has been removed since.
            replacements = {name: replacements[name] for name in names if name in namespace}
            names = tuple(replacements)
        before = itemgetter(*names, names[0])(namespace)[:-1]  # of two or more, so that it is a tuple
        _put_back.append((namespace, zip(names, before, strict=True)))
        namespace.update(replacements)
    for owner, name, _, replacement in _others:
        _set_back.append((owner, name, vars(owner).get(name) or getattr(owner, name)))
        setattr(owner, name, replacement)


def leave() -> None:
    """Restore what the replacements had replaced."""
    for owner, name, before in _set_back:
        setattr(owner, name, before)
    for namespace, names in _put_back:
        namespace.update(names)
    _set_back.clear()
    _put_back.clear()


def cover_new_modules() -> None:
    """Also put replacements into modules that were loaded meanwhile."""
    if len(sys.modules) != _size:
        leave()
        enter()


def release_new_modules() -> None:
    """Restore the real entry points in modules that were loaded since the last time."""
    if len(sys.modules) != _size:
        _plan_new_modules()


def held_original(function: object) -> str | None:
    """The name of an entry point, if a function is the real one behind it; else None."""
    if type(function) in (BuiltinFunctionType, type):
        return _shown.get(function)
    return None
