"""A counterexample as text: a column for each process with time running down, the reasons, a line to paste.

At most ``LIMIT_COLUMNS`` wide and ``LIMIT_LINES`` long: steps that concern their own process alone are left
out first, and the text says how many. The text contains no path, id or seed of the machine that made it.
"""

from __future__ import annotations

import re
import shlex
import textwrap
from typing import Final

from stateful.explain.blame import blame
from stateful.explain.needs import needs
from stateful.explain.reasons import reasons
from stateful.explain.words import answer_text, call_text, changes_names, event_text, is_claim, world_text
from stateful.model.call import Errno
from stateful.model.chronicle import Chronicle
from stateful.model.faults import MACHINE_FAULTS
from stateful.model.life import plain
from stateful.model.lifecycle import OWNER
from stateful.model.syscalls import SYSCALLS, Use
from stateful.model.trace import Step, Trace
from stateful.model.usage import use_of

LIMIT_COLUMNS: Final = 99
LIMIT_LINES: Final = 40
MOST_LINES: Final = 27  # beside the rules of the Hypothesis machine
MOST_SIDE_BY_SIDE: Final = 3
MOST_HEADLINES: Final = 3  # The text of an error may have any length.
NUMBER_WIDTH: Final = 5
OF_LITTLE_NOTE: Final = Use.FINDS | Use.INSPECTS | Use.RELEASES  # Steps with no other use are left out first.

_QUOTED: Final = re.compile('"[^"]*"')
_NO_BREAK: Final = "\xa0"
_HYPHEN: Final = "\u2011"  # at which no line is broken


def trace_text(trace: Trace, most_lines: int = LIMIT_LINES) -> str:
    """The whole text of a trace: a counterexample where it violates an invariant."""
    if isinstance(trace, Chronicle):
        from stateful.report.chronicle_text import chronicle_text  # It imports this module.

        return chronicle_text(trace)
    broken = trace.violation
    what = f"{broken.invariant} is violated: {broken.sentence}" if broken else "no invariant is violated"
    if trace.apart and not broken:
        what += f"; only with a signal inside the claim: {trace.apart.sentence}"
    folded = textwrap.wrap(
        what, LIMIT_COLUMNS, subsequent_indent="    ", max_lines=MOST_HEADLINES, placeholder="..."
    )
    head = [*folded, *_summary(trace), ""]
    why = [line for sentence in sentences(trace) for line in _bullet(sentence)]
    tail = ["", *why, ""] if why else [""]
    tail += _replay(trace)
    if trace.confirmation:
        tail += ["", *textwrap.wrap(str(trace.confirmation), LIMIT_COLUMNS)]
    rows = _rows(trace, most_lines - len(head) - len(tail) - 1)
    return "\n".join([_cut(line) for line in [*head, _column_heads(trace), *rows]] + tail)


def failure_text(trace: Trace) -> str:
    """The text of a failure of the machine, which fits on a screen together with what pytest adds."""
    return trace_text(trace, MOST_LINES)


def sentences(trace: Trace) -> list[str]:
    """The sentences under a violation: why it is one, which subject is to blame, and what it needs."""
    return [*reasons(trace), *blame(trace), *needs(trace)]


def _summary(trace: Trace) -> list[str]:
    counts = extent(trace)
    subject = f"subject: {trace.subject}{f' with {trace.other}' if trace.other else ''}"
    scenario = f"scenario: {trace.title}"
    where = f"{subject}   {scenario}"
    line = f"{counts:<42} {where}"
    if len(line) <= LIMIT_COLUMNS:
        return [line]
    return [counts, where] if len(where) <= LIMIT_COLUMNS else [counts, subject, scenario]


def extent(trace: Trace) -> str:
    """The number of steps, switches and faults, as text."""
    faults = count(len(trace.faults), "fault") if trace.faults else "no faults"
    return f"{count(trace.length, 'step')}, {count(trace.switches, 'switch', 'switches')}, {faults}"


def count(number: int, one: str, many: str | None = None) -> str:
    """A number and its noun."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _replay(trace: Trace) -> list[str]:
    """The lines with the replay command, folded as a shell allows."""
    command = replay_command(trace)
    whole = f'Replay:  {command} "{trace.schedule}"'
    if len(whole) <= LIMIT_COLUMNS:
        return [whole]
    parts = command.partition(" --scenario") if len(command) > LIMIT_COLUMNS - 11 else (command, "", "")
    lines = textwrap.wrap(f'{parts[1]}{parts[2]} "{trace.schedule}"'.lstrip(), LIMIT_COLUMNS - 11)
    folded = [f"Replay:  {parts[0]}", *(f"         {line}" for line in lines)]
    return [*(f"{line} \\" for line in folded[:-1]), folded[-1]]


def replay_command(trace: Trace) -> str:
    """The command that replays a trace, without its schedule."""
    beside = f" --with {shlex.quote(trace.other)}" if trace.other else ""
    return f"python -m stateful replay {shlex.quote(trace.subject)}{beside} --scenario {trace.scenario}"


def _bullet(sentence: str) -> list[str]:
    """A sentence as a bullet, folded; a quoted schedule in it is not split."""
    whole = _QUOTED.sub(lambda quoted: quoted[0].replace(" ", _NO_BREAK).replace("-", _HYPHEN), sentence)
    lines = textwrap.wrap(whole, LIMIT_COLUMNS - 6, initial_indent="  - ", subsequent_indent="    ")
    return [line.replace(_NO_BREAK, " ").replace(_HYPHEN, "-") for line in lines]


def _cut(line: str) -> str:
    line = line.rstrip()
    return line if len(line) <= LIMIT_COLUMNS else line[: LIMIT_COLUMNS - 3] + "..."


# -- columns --------------------------------------------------------------------------------------------


def _column_count(trace: Trace) -> int:
    return max(len(trace.lives), 1) if len(trace.lives) <= MOST_SIDE_BY_SIDE else 1


def _column_heads(trace: Trace) -> str:
    if len(trace.lives) > MOST_SIDE_BY_SIDE:
        runs = {letter: f" ({trace.subject_of(letter)})" if trace.other else "" for letter in trace.lives}
        processes = (f"{letter} {plain(life)}{runs[letter]}" for letter, life in trace.lives.items())
        return " " * NUMBER_WIDTH + f"   {', '.join(processes)}"
    width = _width(trace)
    heads = [_column_head(trace, letter, width).ljust(width) for letter in trace.lives]
    return " " * NUMBER_WIDTH + "   " + "".join(heads)


def _column_head(trace: Trace, letter: str, width: int) -> str:
    """A process, and if two subjects run in one home, the end of the name of its subject."""
    life = plain(trace.lives[letter])
    head = f"{letter} {'' if life == 'start' else life + ' '}(pid {trace.pids[letter]}"
    if trace.other is None:
        return f"{head})"
    name, room = trace.subject_of(letter), width - len(head) - 4
    return f"{head}, {name if len(name) <= room else '...' + name[3 - room :]})"


def _width(trace: Trace) -> int:
    return (LIMIT_COLUMNS - NUMBER_WIDTH - 3) // _column_count(trace)


def _rows(trace: Trace, limit: int) -> list[str]:
    lines: list[tuple[bool, str, str]] = []  # whether it may be left out, the letter of the process, the text
    number = 0
    owned: set[str] = set()
    for step in trace.steps:
        number += step.move.steps
        becomes_owner = step.phase == OWNER and step.move.letter not in owned
        if step.move.kind in trace.lives.values() and step.call is None and not becomes_owner:
            continue
        if becomes_owner:
            owned.add(step.move.letter)
        row = _row(trace, step, number, becomes_owner)
        lines.append((is_of_its_own(step) and not becomes_owner, step.move.letter, row))
    for letter, step in trace.waits.items():
        lines.append((False, letter, _in_column(trace, letter, "", call_text(step), wait_text(step))))
    return _fit(lines, limit, trace)


def _row(trace: Trace, step: Step, number: int, becomes_owner: bool) -> str:
    letter = step.move.letter
    shown = str(number) if step.move.steps else ""
    if step.move.kind in MACHINE_FAULTS:
        return f"{shown:>{NUMBER_WIDTH}}   -- {world_text(step.move, step.answer)} --"
    answer = answer_text(step)
    if becomes_owner:
        words = (answer, "OWNS") if len(answer) < 8 else ("OWNS", answer)
        answer = ", ".join(filter(None, words))
    return _in_column(trace, letter, shown, _event(step) or call_text(step), answer)


def wait_text(step: Step) -> str:
    """What a process does for ever, beside the call in which it waits or that it makes next."""
    return "again, for ever" if step.answer else "waits for ever"


def _in_column(trace: Trace, letter: str, shown: str, call: str, answer: str) -> str:
    """A row of one process: a number, a call and its answer."""
    width = _width(trace)
    text = _cell(call, answer, width)
    if len(trace.lives) > MOST_SIDE_BY_SIDE:
        return f"{shown:>{NUMBER_WIDTH}} {letter} {text}"
    return f"{shown:>{NUMBER_WIDTH}}   " + " " * (width * list(trace.lives).index(letter)) + text


def _event(step: Step) -> str | None:
    event = event_text(step) or (None if step.call else "started")
    return f"-- {event} --" if event else None


def _cell(call: str, answer: str, width: int) -> str:
    """A call and its answer in one column; if they do not fit, the call is cut to its share first."""
    call_width = max(width * 5 // 8, 1)
    if len(call) > call_width and len(call) + len(answer) + 2 > width:
        call = call[: call_width - 4] + "...)"
    room = width - max(len(call), call_width) - 2
    if len(answer) > room:
        answer = answer[: room - 3] + "..."
    return f"{call:<{call_width}} {answer}"


def is_of_its_own(step: Step) -> bool:
    """Whether a step concerns its own process alone, so that it may be left out."""
    if step.call is None or is_claim(step) or changes_names(step.call) or isinstance(step.answer, Errno):
        return False
    said, files = SYSCALLS[step.call.name], [path for path, _ in step.uses()]
    if said.passes_time or any(path.startswith("/proc/") for path in files):
        return True
    return bool(files) and not said.sends_signal and not use_of(step.call) & ~OF_LITTLE_NOTE


def _fit(lines: list[tuple[bool, str, str]], limit: int, trace: Trace) -> list[str]:
    """At most ``limit`` rows: first the steps that may be left out are dropped, then rows in the middle."""
    if len(lines) <= limit:
        return [row for _, _, row in lines]
    rows: list[str] = []
    gap: list[str] = []

    def close_gap() -> None:
        if gap:
            rows.append(_gap(trace, gap[0], len(gap)))
            gap.clear()

    for may_go, letter, row in lines:
        if gap and gap[0] != letter:
            close_gap()
        if may_go:
            gap.append(letter)
        else:
            close_gap()
            rows.append(row)
    close_gap()
    if len(rows) > limit:
        half = (limit - 1) // 2
        left_out = len(rows) - 2 * half
        rows = [*rows[:half], f"{'...':>{NUMBER_WIDTH}}   {left_out} rows left out", *rows[-half:]]
    return rows


def _gap(trace: Trace, letter: str, steps: int) -> str:
    text = f"({count(steps, 'step')} of its own)"
    if len(trace.lives) > MOST_SIDE_BY_SIDE:
        return f"{'':>{NUMBER_WIDTH}} {letter} {text}"
    return f"{'':>{NUMBER_WIDTH}}   " + " " * (_width(trace) * list(trace.lives).index(letter)) + text
