"""A violation as a stand-alone script: it shows the violation with real processes, without this project.

The script controls the calls that other processes can see: real processes make them in the order of the
trace. All other calls of the module run freely in between. The text of the script is meant for a bug report.

Shown: kills, SIGTERM, SIGSTOP and exits, on an empty disk or beside a stale, empty or torn record. Not
shown: faults of calls, of the disk or the clock, and power losses, which a script cannot cause; other
machines (no ``/proc``, strangers, containers); signals other than SIGTERM and SIGKILL, and signals to a
process outside the script; two subjects in one home.
"""

from __future__ import annotations

import ast
import inspect
import os
import re
import textwrap
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from pprint import pformat
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from stateful.explain.words import bare, call_text, short_path
from stateful.model.call import Delivery, Errno
from stateful.model.faults import SIGNALS
from stateful.model.lifecycle import signal_name
from stateful.model.machine import DEAD_PID, MACHINE
from stateful.model.scenario import Scenario
from stateful.model.schedule import LIVES, STEP
from stateful.model.syscalls import SYSCALLS, Kind, Syscall
from stateful.model.trace import Step, Trace
from stateful.model.usage import argument_of, pid, row, sends_signal
from stateful.protocol.built_in import BUILT_IN
from stateful.protocol.subject import Offer, Subject
from stateful.subjects import status_module

TEMPLATE: Final = "script.py.j2"
WIDTH: Final = 100
OURS: Final = "stateful.subjects."
HOME_FOLDERS: Final = ("/home/user", "/home/guest", "/tmp", "/run")

_NAMED: Final = {"crash": "SIGKILL", "term": "SIGTERM", "sigstop": "SIGSTOP", "sigcont": "SIGCONT"}
_RANDOM: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{8,}|(?<=tmp)[a-z0-9_]{8}"
)

# The template stops before these calls in any case; they are not listed by ``_stops``.
_IN_THE_TEMPLATE: Final = ("send", "how_long")

# The check for a violation of each invariant: the end of the script's ``seen``.
_CHECKS: Final = {
    "at_most_one_owner": """
        return f"{' and '.join(map(str, inside))} are both inside serve()" if len(inside) > 1 else ""
    """,
    "a_dead_owner_can_be_replaced": """
        if actor.status is None or actor.owned or actor.killed or actor.company:
            return ""
        return f"{actor} started alone, nobody else was alive, and it gave up: exit status {actor.status}"
    """,
    "an_end_leaves_the_home_free": """
        others = [child for child in children.values() if child is not actor]
        if actor.status is None or actor.owned or actor.killed or any(child.killed for child in others):
            return ""
        return f"{actor} started after the others had ended, and it gave up: exit status {actor.status}"
    """,
    "some_contender_wins": """
        contenders = [child for child in children.values() if LIVES[child.letter] in ("start", "replace")]
        if any(child.status is None or child.killed for child in contenders) or inside:
            return ""
        gave_up = [str(child) for child in contenders if not child.owned]
        return f"{' and '.join(gave_up)} gave up, and nobody is inside serve()" if gave_up else ""
    """,
    "a_live_owner_is_discoverable": """
        if actor.status is None or len(inside) != 1 or actor.answer == str(inside[0].pid):
            return ""
        return f"{inside[0]} is inside serve(), and {actor}, a query, answered {actor.answer}"
    """,
    "readers_change_nothing": """
        changed = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
        if not changed or not (inside or LIVES[actor.letter] == "peek"):
            return ""
        beside = f" while {inside[0]} is inside serve()" if inside else ""
        return f"{actor}, a query, changed {' and '.join(changed)}{beside}"
    """,
    "release_removes_only_own_record": """
        for owner in inside:
            for name, content in before.items():
                if after.get(name) != content and str(owner.pid).encode() in content:
                    return f"{actor}, on its way out, removed {name} of {owner}, which is inside serve()"
        return ""
    """,
}


class NotShown(Exception):
    """A script cannot show this trace; the message is one clause that says why."""


def script(subject: Subject, offer: Offer, scenario: Scenario, trace: Trace, file_name: str) -> str:
    """The text of the script that shows a trace. Raises NotShown if a script cannot show it."""
    if trace.violation is None:
        raise NotShown("nothing is violated, so there is nothing to show")
    if trace.other:
        raise NotShown("two subjects run in one home, and a script can run only one")
    if scenario.disk.machine != MACHINE:
        raise NotShown(f"a script cannot provide the machine of {scenario.name}")
    if trace.waits:
        raise NotShown("a script cannot show that a process waits for ever")
    if trace.violation.invariant not in _CHECKS:
        raise NotShown(f"a script cannot see whether {trace.violation.invariant} holds")
    lives = set(trace.lives.values())
    module, sources = _module(subject)
    environment = Environment(
        loader=PackageLoader("stateful.report", "template"),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(TEMPLATE).render(
        invariant=trace.violation.invariant,
        title=textwrap.fill(
            f'"""{trace.violation.invariant} is violated: {_told_in_words(trace.violation.sentence)}.', WIDTH
        ),
        file_name=_told_in_words(file_name),
        shows=f"{subject.name}, whose source is in here"
        if sources
        else f"{_told_in_words(module)}, seen from the current folder",
        module=f'"{_quoted(module)}"',
        sources=sources,
        lives=repr(trace.lives).replace("'", '"'),
        steps=_quoted("\n".join(_steps(trace))),
        files="\n    ".join(_file(path, content) for path, content in scenario.disk.files),
        stops=_stops(),
        command_line=any((step.path or "").endswith("/cmdline") for step in trace.steps),
        run=textwrap.indent(_run(subject, lives, offer.is_status_module), "    ").rstrip(),
        start_up=_start_up(lives) if offer.is_status_module else "",
        ends_others=bool(lives & {"replace", "stop"}),
        check=textwrap.indent(
            textwrap.dedent(_CHECKS[trace.violation.invariant]).strip("\n"), "    "
        ).rstrip(),
    )


# -- the steps ------------------------------------------------------------------------------------------


def _steps(trace: Trace) -> Iterator[str]:
    """The lines of the table: a letter, and what its process does or what happens to it."""
    told: set[str] = set()  # processes with a SIGTERM to handle, unless they ignore it
    letters = {pid: letter for letter, pid in trace.pids.items()} | {DEAD_PID: "DEAD"}
    for step in trace.steps:
        letter, kind = step.move.letter, step.move.kind
        if kind in LIVES:
            yield f"{letter} starts"
        elif kind in _NAMED:
            told |= {letter} if kind == "term" else set()
            yield f"{letter} {signal_name(SIGNALS[kind])}"
        elif kind == "exit":
            yield f"{letter} leaves serve()"
        elif kind != STEP or step.call is None:
            raise NotShown(f"a script cannot cause {step.move}")
        else:
            if letter in told:
                told.remove(letter)
                yield f"{letter} handles SIGTERM"
            if not isinstance(step.answer, Delivery) and _is_seen(step, trace.pids[letter]):
                told |= _told(trace, step, letters)
                yield f"{letter} {_text(step, letters)}"


def _told(trace: Trace, step: Step, letters: dict[int, str]) -> set[str]:
    """The processes that a step sends SIGTERM to. Raises NotShown if it may signal any other."""
    if step.call is None or not sends_signal(step.call):
        return set()
    target, number = pid(step.call), argument_of(step.call, Kind.SIGNAL)
    reached = letters.get(target or 0, "") if not isinstance(step.answer, Errno) else ""
    if number not in (SIGNALS["crash"], SIGNALS["term"]) or reached not in {*trace.pids} - {step.move.letter}:
        raise NotShown(f"a script cannot send {call_text(step)} safely")
    return {reached} if number == SIGNALS["term"] else set()


def _is_seen(step: Step, own_pid: int) -> bool:
    """Whether the script stops before a step. Raises NotShown if it would have to and cannot."""
    assert step.call is not None
    said = row(step.call)
    if said.ends:
        return True
    how = _described(said)
    if not how:
        raise NotShown(f"this trace depends on {call_text(step)}, which a script cannot control")
    if how in _IN_THE_TEMPLATE:
        return True
    target = argument_of(step.call, Kind.TEXT)
    about = [*([target] if target else ()), *(path for path, _ in step.uses())]
    other = re.match(r"/proc/([0-9]+)(?:/|$)", about[0]) if about else None
    if other:
        return int(other[1]) != own_pid
    return any(f"{path}/".startswith(tuple(f"{folder}/" for folder in HOME_FOLDERS)) for path in about)


def _described(said: Syscall) -> str:
    """The template's function that describes a call's arguments; empty if a script cannot stop before it."""
    kinds = [argument.kind for argument in said.arguments]
    if said.silent:
        return ""
    if said.sends_signal:
        return "send" if said.has(Kind.PID) else ""
    if said.passes_time:
        return "" if said.has(Kind.FDS) else "how_long"
    if said.has(Kind.FLAGS):
        return "with_flags"
    if said.has(Kind.OPERATION):
        return "lock"
    if said.source_first:
        return "onto"
    if kinds[1:2] == [Kind.PATH] and kinds[0] in (Kind.PATH, Kind.TEXT, Kind.FILE):
        return "two"
    return "one" if kinds and kinds[0] in (Kind.PATH, Kind.FD, Kind.FILE) else ""


def _stops() -> list[str]:
    """The script's lines that make it stop before Python's functions for calls about files."""
    names: dict[tuple[str, ...], list[str]] = {}
    for said in SYSCALLS.values():
        how = _described(said)
        for name in (said.name, *said.also.split()) if how not in ("", *_IN_THE_TEMPLATE) else ():
            owner = "fcntl" if how == "lock" else "os"
            by_descriptor = str(said.arguments[0].kind is Kind.FD)
            shown = f', "{said.name}"' if name != said.name else ""
            names.setdefault((owner, how, shown, by_descriptor), []).append(name)
    return [
        f'stop_before({owner}, "{some}", {how}{shown})'
        for (owner, how, shown, _), each in names.items()
        for some in textwrap.wrap(" ".join(each), WIDTH - 26, break_on_hyphens=False)
    ]


def _text(step: Step, letters: dict[int, str]) -> str:
    """A call with letters for pids, and ``*`` for the random part of a name."""
    assert step.call is not None

    def path_name(path: str) -> str:
        return re.sub(
            r"[0-9]+",
            lambda number: letters.get(int(number[0]), number[0]),
            _RANDOM.sub("*", short_path(path)),
        )

    return bare(step.call) or call_text(step, path_name, lambda number: letters.get(number, str(number)))


def _quoted(text: str) -> str:
    """A text escaped for a string in double quotes, one or three."""
    return text.replace("\\", r"\\").replace('"', r"\"").encode(errors="backslashreplace").decode()


def _told_in_words(text: str) -> str:
    """A text escaped for the script's docstring, which from Python 3.13 on must be encodable."""
    return _quoted(text.encode(errors="backslashreplace").decode())


def _file(path: str, content: bytes) -> str:
    """An entry of the table of files, folded; bytes that are no UTF-8 are as ``os.fsdecode`` gives them."""
    text = pformat(os.fsdecode(content), width=WIDTH)
    return f'"{short_path(path)}": {textwrap.indent(text, "    ").lstrip()},'


# -- the module -----------------------------------------------------------------------------------------


def _module(subject: Subject) -> tuple[str, list[tuple[str, str]]]:
    """The script's name for the module, and the sources that it includes, if the subject is built in."""
    if subject.name in BUILT_IN and subject.module.startswith(OURS):
        name = subject.module.removeprefix(OURS)
        return name, [(f"{each}.py", text) for each, text in _sources(name).items()]
    if subject.folder is None:
        return subject.module, []
    return os.path.relpath(Path(subject.folder, *subject.module.split(".")).with_suffix(".py")), []


def _sources(name: str) -> dict[str, str]:
    """The source of a built-in subject and of the subjects that it imports, as top-level modules."""
    spec = find_spec(OURS + name)
    assert spec is not None
    assert spec.origin is not None
    text = Path(spec.origin).read_text(encoding="utf-8")
    sources = {name: text.replace(f"from {OURS}", "from ")}
    for node in ast.walk(ast.parse(text)):
        module = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
        if module.startswith(OURS):
            sources |= _sources(module.removeprefix(OURS))
        elif module.startswith("gateway_status"):
            raise NotShown("the reference is too large to be included in a script")
    return sources


def _run(subject: Subject, lives: set[str], is_status_module: bool) -> str:
    """The body of the script's ``run``, for the lives of the trace."""
    bodies = _LIVES_OF_STATUS_MODULES if is_status_module else _LIVES_OF_FUNCTIONS
    lines = []
    for life, body in bodies.items():
        if life in lives:
            lines += [f'if life == "{life}":', f"    return {body}"]
    start = _START_OF_STATUS_MODULES if is_status_module else _START_OF_FUNCTIONS
    return "\n".join([*lines, *start]).replace("GATEWAY", subject.function or "gateway")


_START_OF_FUNCTIONS: Final = ("return module.GATEWAY(Path(HOME), serve)",)
_LIVES_OF_FUNCTIONS: Final = {
    "status": "module.running_pid(Path(HOME))",
    "peek": "module.running_pid(Path(HOME), clean_up=False)",
    "stop": "module.stop(Path(HOME))",
    "replace": "module.GATEWAY(Path(HOME), serve, replace=True)",
}
_START_OF_STATUS_MODULES: Final = (
    "if module.get_running_pid() is None:",
    "    claim(module, serve)",
)
_LIVES_OF_STATUS_MODULES: Final = {
    "status": "module.get_running_pid()",
    "peek": "module.get_running_pid(cleanup_stale=False)",
    "stop": "stop(module)",
    "replace": "gateway(module, serve, replace=True)",
}


def _start_up(lives: set[str]) -> str:
    """The functions of the adapter for status modules that these lives need, as source."""
    functions: list[Callable[..., object]] = [status_module.claim, status_module._serve]
    constants = ["CONSUMERS"]
    if lives & {"replace", "stop"}:
        functions += [status_module.gateway, status_module.stop, status_module._end]
        constants.append("WAIT_S")
    values = [f"{name} = {getattr(status_module, name)!r}".replace("'", '"') for name in constants]
    return "\n\n\n".join(["\n".join(values), *(inspect.getsource(each).rstrip() for each in functions)])
