"""What happens in an execution, drawn from what may happen now: faults by their families, and exits.

The families are those of the plans of scenarios: see ``stateful.search.fault_moves``, which lists all of each
for the exhaustive search.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from stateful.model.faults import OF_A_PID, POWER_LOSS
from stateful.model.hostile import HOSTILE, IN_ITS_PLACE
from stateful.model.schedule import Move
from stateful.model.usage import faults_of
from stateful.run.execution import Execution
from stateful.run.presence import exitable, fallible, files, living, recyclings, running
from stateful.search.power_losses import JUDGED

Moves = tuple[Move, ...]  # which happen at once; none: nothing of the kind may happen now
Draw = Callable[[Execution, Random], Moves]

EXIT: Final = "exit"  # no fault, but it comes as unforeseen
LONGEST_CLOCK_STEP_DIGITS: Final = 6
LONGEST_CORRUPTION_BYTES: Final = 64


def draw_next(execution: Execution, plan: list[str], random: Random) -> Moves:
    """What happens next of a plan, the first that may happen now; it is struck off."""
    for number, family in enumerate(plan):
        moves = FAMILIES[family](execution, random)
        if moves:
            del plan[number]
            return moves
    return ()


def _one_of(moves: Sequence[Moves], random: Random) -> Moves:
    return random.choice(moves) if moves else ()


def _signal(kind: str, whom: Callable[[Execution], list[str]]) -> Draw:
    return lambda execution, random: _one_of([(Move(kind, letter),) for letter in whom(execution)], random)


def _errno(execution: Execution, random: Random) -> Moves:
    """The next call of a process fails; it may be its first."""
    letters = [*fallible(execution), *execution.waiting()]
    letter = random.choice(letters) if letters else None
    upcoming = execution.upcoming(letter) if letter else None
    faults = faults_of(upcoming.call) if upcoming and upcoming.call else ()
    return (Move(random.choice(faults), letter),) if faults and letter else ()


def _recycled(execution: Execution, random: Random) -> Moves:
    """A pid goes to somebody else, the moment at which whoever has it is killed or later."""
    alive = [] if execution.kernel.boots > 1 else living(execution)
    at_once = [(Move("crash", letter), Move(kind, letter)) for letter in alive for kind in OF_A_PID]
    later = [(move,) for move in recyclings(execution)]
    return _one_of(random.choice([among for among in (at_once, later) if among] or [[]]), random)


def _named(execution: Execution) -> list[str]:
    """The names of the files that a schedule can say."""
    return [name for name in files(execution) if re.fullmatch(r"[^\s=]+", name)]


def _removed(execution: Execution, random: Random) -> Moves:
    return _one_of([(Move("remove", "", name),) for name in _named(execution)], random)


def _corrupted(execution: Execution, random: Random) -> Moves:
    """Other bytes stand in a file than anybody wrote."""
    names = _named(execution)
    if not names:
        return ()
    data = bytes(random.randrange(256) for _ in range(random.randint(0, LONGEST_CORRUPTION_BYTES)))
    how = random.choice((*HOSTILE, *IN_ITS_PLACE, f"0x{data.hex()}"))
    return (Move("corrupt", "", f"{random.choice(names)}={how}"),)


def _clock(execution: Execution, random: Random) -> Moves:
    """The clock is set, by little as often as by much."""
    seconds = random.randint(1, 10 ** random.randint(1, LONGEST_CLOCK_STEP_DIGITS))
    return (Move("clock", "", f"{random.choice((seconds, -seconds)):+}"),)


def _lost_power(execution: Execution, random: Random) -> Moves:
    """Of what was not synced, something is left; once in an execution."""
    persistence = execution.kernel.follow()
    if persistence is None:
        return ()
    profile = random.choice(JUDGED)
    images = len(persistence.images(profile).listed)
    return (Move(POWER_LOSS, "", f"{profile}-{random.randint(1, images)}"),) if images else ()


def _any_of(*moves: Move) -> Draw:
    return lambda execution, random: (random.choice(moves),)


FAMILIES: Final[dict[str, Draw]] = {
    EXIT: _signal("exit", exitable),
    "kill": _signal("crash", living),
    "sigterm": _signal("term", living),
    "sigstop": _signal("sigstop", running),
    "errno": _errno,
    "recycled-pid": _recycled,
    "reboot": _any_of(Move("reboot")),
    "bad-disk": _any_of(Move("disk-full"), Move("read-only")),
    "clock-step": _clock,
    POWER_LOSS: _lost_power,
    "removal": _removed,
    "corruption": _corrupted,
    "lost-home": _any_of(Move("home-gone"), Move("home-new")),
}
