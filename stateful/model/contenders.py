"""The invariants about contenders that are kept out: by each other, or by gateways of other homes."""

from __future__ import annotations

from stateful.model.moment import Moment, View, names


def homes_are_independent(moment: Moment) -> str | None:
    """A start in a home where no other process has contended is not kept out by gateways of other homes.

    If the subject lets one owner live per user or machine, only those of other users count, or none.
    """
    actor = moment.actor
    if actor is None or actor.life != "start" or actor.asked or actor.hindered or actor.owned:
        return None
    contenders = [view for view in moment.processes if view.contends and view.letter != actor.letter]
    others = [view for view in contenders if view.unit != actor.unit and view.outcome is None]
    if not others or any(view.unit == actor.unit for view in contenders):
        return None
    kept_out = f"{actor.letter}, alone in its home, beside {names(others)} of another home"
    if actor.waits_in and actor.alone:
        return f"{kept_out} waits for ever in {actor.waits_in}"
    return f"{kept_out} gave up" if actor.outcome is not None and actor.outcome.kind != "killed" else None


def some_contender_wins(moment: Moment) -> str | None:
    """If no process dies or is hindered, and none owns, not all starts give up, whatever queries run.

    A replace that has told the others to go does not give up either. Not checked once a stop or the world has
    told a contender to go: they may tell all of them. Asked of each home by itself; of one with a single
    contender beside those of other homes, ``homes_are_independent`` is.
    """
    if moment.waiting:
        return None
    contenders = [view for view in moment.processes if view.contends]
    units = dict.fromkeys(view.unit for view in contenders)
    parts = [[view for view in contenders if view.unit == unit] for unit in units]
    judged = [part for part in parts if len(part) > 1 or len(parts) == 1]
    return next(filter(None, (_nobody_won(moment, part) for part in judged)), None)


def _nobody_won(moment: Moment, contenders: list[View]) -> str | None:
    """How all contenders of one home gave up, or None."""
    if any(view.outcome is None or view.outcome.kind == "killed" for view in contenders):
        return None
    if any(view.hindered for view in moment.processes):
        return None
    stopped = any(view.life == "stop" for view in moment.processes)
    if any(view.asked and (stopped or view.asked != "signal") for view in contenders):
        return None
    told = [view for view in contenders if view.asked]
    others = [view for view in contenders if not view.asked] or contenders
    if told and others != told:
        return f"{names(others)} gave up, although {names(told)} had been told to go and nobody died"
    return f"{names(contenders)} gave up, although nobody owned the gateway and nobody died"
