"""What must hold: one small function each, named by the sentence that is true.

An invariant looks at one *moment* (``stateful.model.moment``) and returns None, or the sentence that says
how it is broken.

Not checked here: how soon anything happens, beyond ``LONGEST_LIFE_STEPS``; whether anybody waits for ever
in one call.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final

from stateful.model.call import Errno
from stateful.model.excuses import NO_EXCUSE
from stateful.model.faults import may_pass_on
from stateful.model.lifecycle import LEAVING, OWNER, signal_name
from stateful.model.moment import LONGEST_LIFE_STEPS, Moment, View

PLANNING: Final = ("replace", "stop")  # the lives that end an owner on purpose


def at_most_one_owner(moment: Moment) -> str | None:
    """Two live owners never coexist."""
    owners = [view.letter for view in moment.processes if view.owns]
    return f"{' and '.join(owners)} both own the gateway" if len(owners) > 1 else None


def a_dead_owner_can_be_replaced(moment: Moment) -> str | None:
    """Kill everything, start one fresh process alone, and it becomes owner, unless it is told to go."""
    actor = moment.actor
    if actor is None or actor.outcome is None or actor.life != "start" or actor.asked or actor.hindered:
        return None
    if actor.alone and not actor.company and not actor.owned and actor.outcome.kind != "killed":
        return f"{actor.letter} started alone, nobody else was alive, and it gave up"
    return None


def some_contender_wins(moment: Moment) -> str | None:
    """When nobody dies or is hindered, and nobody owns, starts do not all give up, whatever queries run.

    Nor does a replace, once it has told the others to go. A stop and the world may tell everybody.
    """
    contenders = [view for view in moment.processes if view.contends]
    if moment.waiting or not contenders:
        return None
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
        return f"{_names(others)} gave up, although {_names(told)} had been told to go and nobody died"
    return f"{_names(contenders)} gave up, although nobody owned the gateway and nobody died"


def a_start_always_ends(moment: Moment) -> str | None:
    """A start run alone becomes owner or ends, within LONGEST_LIFE_STEPS steps.

    Beside an owner it may wait.
    """
    actor = moment.actor
    if actor is None or actor.outcome is not None or actor.owns or not actor.alone:
        return None
    if actor.contends and actor.company:
        return None
    if actor.steps >= LONGEST_LIFE_STEPS:
        return f"{actor.letter} runs alone and has not ended after {actor.steps} steps"
    return None


def a_stopped_owner_can_be_replaced(moment: Moment) -> str | None:
    """Beside an owner that is stopped (SIGSTOP), one replace alone becomes owner."""
    actor = moment.actor
    if actor is None or actor.life != "replace" or not (actor.alone and actor.frozen) or actor.owned:
        return None
    if actor.asked or actor.hindered or len(actor.company) != 1:
        return None
    owner = next(view for view in moment.processes if view.letter == actor.company[0])
    if owner.phase != OWNER or (actor.outcome is not None and actor.outcome.kind == "killed"):
        return None
    if actor.outcome is not None:
        return f"{actor.letter} gave up beside {owner.letter}, which is stopped"
    if actor.steps >= LONGEST_LIFE_STEPS:
        return f"{actor.letter} does not get past {owner.letter}, which is stopped"
    return None


def a_live_owner_is_discoverable(moment: Moment) -> str | None:
    """While a process owns, a status query run alone answers its pid."""
    actor = moment.actor
    if actor is None or actor.outcome is None or actor.outcome.kind != "answered" or not actor.alone:
        return None
    owners = [view for view in moment.processes if view.owns]
    if len(owners) != 1 or actor.outcome.value == owners[0].pid or actor.hindered or _files_changed(moment):
        return None
    owner = owners[0]
    if owner.namespace != actor.namespace:
        return None  # It has no pid there by which it could be named.
    answer = actor.outcome.value
    return f"{owner.letter} (pid {owner.pid}) owned throughout, and {actor.letter} answered {answer!r}"


def an_answer_was_true_at_some_moment(moment: Moment) -> str | None:
    """A status query that runs while nobody lives who could own answers None.

    Beside others it is not checked what a query may answer: an owner is found before it serves and after,
    since its record comes first and goes last.
    """
    actor = moment.actor
    if actor is None or actor.outcome is None or actor.outcome.kind != "answered" or not actor.alone:
        return None
    answer = actor.outcome.value
    if answer is None or actor.company or actor.hindered:
        return None
    return f"{actor.letter} answered {answer!r}, and nobody was alive who could have owned"


def readers_change_nothing(moment: Moment) -> str | None:
    """A status query changes nothing while an owner lives; without clean-up it never changes anything."""
    actor = moment.actor
    if actor is None or moment.before is None or moment.after is None:
        return None
    if actor.life not in ("status", "peek") or moment.before.visible() == moment.after.visible():
        return None
    if actor.life == "peek":
        return f"{actor.letter}, a status query without clean-up, changed the disk"
    owners = [view.letter for view in moment.processes if view.owns and not _files_changed(moment)]
    return f"{actor.letter}, a status query, changed the disk while {owners[0]} owned" if owners else None


def release_removes_only_own_record(moment: Moment) -> str | None:
    """An exiting or replaced process never removes or damages the record of the live owner.

    What a start does that is refused is judged by what comes of it: a further start beside the owner, and a
    query, are asked in every state.
    """
    actor = moment.actor
    if actor is None or actor.phase != LEAVING or moment.before is None or moment.after is None:
        return None
    for owner in moment.processes:
        if owner.owns and owner.letter != actor.letter and not _files_changed(moment):
            for path, file in moment.before.written_by(owner.letter).items():
                left = moment.after.file(path)
                if left is None or left.content != file.content:
                    name = path.rsplit("/", 1)[-1]
                    owned_by = f"which {owner.letter} wrote and owns by"
                    return f"{actor.letter}, on its way out, removed {name}, {owned_by}"
    return None


def only_the_owner_is_signalled(moment: Moment) -> str | None:
    """No signal reaches anybody but an owner, or one that has written a record: no group, not oneself.

    Nor who got the pid of a dead owner, nor the gateway of another home.
    """
    actor, target, call = moment.actor, moment.target, moment.call
    if actor is None or target is None or call is None or isinstance(moment.answer, Errno) or target.dead:
        return None
    sent = f"{actor.letter} sent {signal_name(call.args[1])} to"
    if target.letter == actor.letter:
        return f"{sent} itself"
    for view in moment.processes:
        if view.letter == target.letter:
            if view.owned or target.recorded:
                return None
            return f"{sent} {view.letter}, which is no owner and has no record"
    return f"{sent} {target.text}, which is no gateway of this home"


def a_replaced_owner_exits_clean(moment: Moment) -> str | None:
    """An owner that is replaced or stopped on purpose exits with 0, and by an unplanned SIGTERM with 1.

    Owed by subjects that offer a replace or a stop. What was planned cannot be told where whoever planned it
    has met with something, or where the world sends a SIGTERM while there is anybody who may plan.
    """
    actor = moment.actor
    if actor is None or actor.outcome is None or not actor.owned or actor.excuse != NO_EXCUSE:
        return None
    status = actor.outcome.status
    if status is None or not actor.outcome.tells_plans:
        return None
    planners = [view for view in moment.processes if view.life in PLANNING and view.letter != actor.letter]
    if actor.asked == "term" and not planners and status == 0:
        return f"{actor.letter} exited with 0, although nobody planned its end"
    if actor.asked == "signal" and planners and not any(map(_met_with_something, planners)) and status != 0:
        return f"{actor.letter}, ended by {_names(planners)} as planned, exited with {status}"
    return None


def _met_with_something(view: View) -> bool:
    ended_badly = view.outcome is not None and view.outcome.kind in ("killed", "failed")
    return ended_badly or bool(view.asked) or view.excuse != NO_EXCUSE


def only_documented_errors(moment: Moment) -> str | None:
    """A subject raises only what it documents, or passes on the errno that the world told it."""
    actor = moment.actor
    if actor is None or actor.outcome is None or actor.outcome.kind != "failed":
        return None
    if may_pass_on(actor.excuse, actor.outcome.errno):
        return None
    return f"{actor.letter} raised {actor.outcome.value}"


def _files_changed(moment: Moment) -> bool:
    """Whether files of the home were changed by nobody, in the time of somebody who may go by them."""
    return any(view.excuse.is_of_files for view in moment.processes)


Invariant = Callable[[Moment], str | None]

# In the order in which a trace that breaks several is reported.
INVARIANTS: Final[tuple[Invariant, ...]] = (
    at_most_one_owner,
    only_documented_errors,
    a_dead_owner_can_be_replaced,
    some_contender_wins,
    a_stopped_owner_can_be_replaced,
    a_start_always_ends,
    a_live_owner_is_discoverable,
    an_answer_was_true_at_some_moment,
    readers_change_nothing,
    release_removes_only_own_record,
    only_the_owner_is_signalled,
    a_replaced_owner_exits_clean,
)


# The lives of which an invariant speaks: it says nothing of a subject that offers none of them.
SPEAKS_OF: Final[dict[str, frozenset[str]]] = {
    "a_stopped_owner_can_be_replaced": frozenset({"replace"}),
    "a_live_owner_is_discoverable": frozenset({"status", "peek"}),
    "an_answer_was_true_at_some_moment": frozenset({"status", "peek"}),
    "readers_change_nothing": frozenset({"status", "peek"}),
    "a_replaced_owner_exits_clean": frozenset({"replace", "stop"}),
}


def first_broken(moment: Moment, not_offered: Collection[str] = ()) -> tuple[str, str] | None:
    """The name and sentence of the first invariant that a moment breaks, or None.

    Those that the subject does not offer are passed over, so that they hide no other.
    """
    return next(all_broken(moment, not_offered), None)


def all_broken(moment: Moment, not_offered: Collection[str] = ()) -> Iterator[tuple[str, str]]:
    """The name and sentence of every invariant that a moment breaks, the gravest first."""
    for invariant in INVARIANTS:
        sentence = None if invariant.__name__ in not_offered else invariant(moment)
        if sentence is not None:
            yield invariant.__name__, sentence


def _names(views: Sequence[View]) -> str:
    letters = [view.letter for view in views]
    return " and ".join([", ".join(letters[:-1]), letters[-1]] if letters[1:] else letters)
