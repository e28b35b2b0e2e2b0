"""The invariants: one function each, named by the sentence that must be true.

An invariant looks at one *moment* (``stateful.model.moment``) and returns None, or the sentence that says
how it is broken.

Not checked here: how soon anything happens, beyond ``LONGEST_LIFE_STEPS``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Final

from stateful.model.call import Errno
from stateful.model.contenders import homes_are_independent as homes_are_independent
from stateful.model.contenders import some_contender_wins as some_contender_wins
from stateful.model.excuses import NO_EXCUSE, Reason
from stateful.model.faults import may_pass_on
from stateful.model.lifecycle import LEAVING, OWNER, signal_name
from stateful.model.moment import LONGEST_LIFE_STEPS, Moment, View, names
from stateful.model.own_files import IN_SPITE_OF_A_LINK
from stateful.model.own_files import only_own_files_are_changed as only_own_files_are_changed

PLANNING: Final = ("replace", "stop")  # the lives that end an owner on purpose
QUERIES: Final = ("status", "peek")


def at_most_one_owner(moment: Moment) -> str | None:
    """Two live owners of one home never coexist; nor of one user or machine, if the subject says so."""
    owners = [view for view in moment.processes if view.owns]
    both = [view.letter for view in owners if [each.unit for each in owners].count(view.unit) > 1]
    return f"{' and '.join(both)} both own the gateway" if both else None


def a_dead_owner_can_be_replaced(moment: Moment) -> str | None:
    """After every process was killed, one start alone becomes owner, unless it is told to go."""
    actor = moment.actor
    if actor is None or actor.life != "start" or actor.asked or actor.hindered or actor.owned:
        return None
    if not actor.alone or actor.company:
        return None
    alone = f"{actor.letter} started alone, nobody else was alive, and it"
    if actor.waits_in:
        return f"{alone} waits for ever in {actor.waits_in}"
    return f"{alone} gave up" if actor.outcome is not None and actor.outcome.kind != "killed" else None


def an_end_leaves_the_home_free(moment: Moment) -> str | None:
    """After every process has ended by itself, and none was killed, one start alone becomes owner.

    Required also of a subject that leaves it to an operator what a killed owner left. Not required after a
    signal inside the claim, or a second one: that is told apart.
    """
    return None if moment.some_ended_inside else _is_left_free(moment)


def _is_left_free(moment: Moment) -> str | None:
    actor = moment.actor
    if actor is None or actor.life != "start" or actor.asked or actor.hindered or actor.owned:
        return None
    others = [view for view in moment.processes if view.letter != actor.letter]
    if not actor.alone or not others or not all(view.ended_itself for view in others):
        return None
    ends = f"{names(others)} ended, and no process was killed, but {actor.letter}, started alone,"
    if actor.waits_in:
        return f"{ends} waits for ever in {actor.waits_in}"
    return f"{ends} gave up" if actor.outcome is not None and actor.outcome.kind != "killed" else None


def nobody_waits_for_ever(moment: Moment) -> str | None:
    """There is no moment in which processes live, none owns, and each waits until another does something.

    A process that waits for a live owner is right, and a stopped process may be continued. Not checked where
    a fault hindered a process: it may not have been able to let go of a lock.
    """
    living = [view for view in moment.processes if view.outcome is None]
    if moment.waiting or not living or not all(view.waits_in for view in living):
        return None
    if any(view.hindered for view in moment.processes):
        return None
    calls = " and ".join(dict.fromkeys(view.waits_in for view in living))
    wait = "wait" if living[1:] else "waits"
    return f"{names(living)} {wait} for ever in {calls}, and nobody owns the gateway"


def a_start_always_ends(moment: Moment) -> str | None:
    """A start run alone becomes owner or ends, within LONGEST_LIFE_STEPS steps; so does any other life.

    Beside an owner it may wait; but see ``a_live_owner_is_discoverable``.
    """
    actor = moment.actor
    if actor is None or actor.outcome is not None or actor.owns or not actor.alone or actor.company:
        return None
    if actor.waits_in:
        return f"{actor.letter} runs alone and waits for ever in {actor.waits_in}"
    if actor.steps >= LONGEST_LIFE_STEPS:
        return f"{actor.letter} runs alone and has not ended after {actor.steps} steps"
    return None


def a_stopped_owner_can_be_replaced(moment: Moment) -> str | None:
    """Beside an owner that is stopped (SIGSTOP) and can be signalled, one replace alone becomes owner.

    Not if the world has changed files meanwhile: the replace cannot tell then who the process is.
    """
    actor = moment.actor
    if actor is None or actor.life != "replace" or not (actor.alone and actor.frozen) or actor.owned:
        return None
    if actor.asked or actor.hindered or len(actor.company) != 1 or _files_changed(moment):
        return None
    owner = next(view for view in moment.processes if view.letter == actor.company[0])
    if owner.phase != OWNER or (actor.outcome is not None and actor.outcome.kind == "killed"):
        return None
    if owner.unit != actor.unit or not actor.may_signal(owner):
        return None
    if actor.outcome is not None:
        return f"{actor.letter} gave up beside {owner.letter}, which is stopped"
    if actor.waits_in:
        return f"{actor.letter} waits in {actor.waits_in} for ever beside {owner.letter}, which is stopped"
    if actor.steps >= LONGEST_LIFE_STEPS:
        return f"{actor.letter} does not get past {owner.letter}, which is stopped"
    return None


def a_live_owner_is_discoverable(moment: Moment) -> str | None:
    """While a process owns, a query run alone, beside no process that does not own, answers its pid."""
    actor = moment.actor
    if actor is None or actor.life not in QUERIES or not actor.alone:
        return None
    owners = [view for view in moment.processes if view.owns and view.unit == actor.unit]
    if len(owners) != 1 or actor.hindered or _files_changed(moment):
        return None
    owner = owners[0]
    if actor.outcome is None:
        if actor.waits_in:
            return f"{actor.letter}, a query, waits in {actor.waits_in} for as long as {owner.letter} owns"
        if actor.steps >= LONGEST_LIFE_STEPS:
            return f"{actor.letter}, a query beside {owner.letter}, has not ended after {actor.steps} steps"
        return None
    if actor.outcome.kind != "answered" or actor.outcome.value == owner.pid:
        return None
    if owner.namespace != actor.namespace:
        return None  # It has no pid there by which it could be named.
    answer = actor.outcome.value
    return f"{owner.letter} (pid {owner.pid}) owned throughout, and {actor.letter} answered {answer!r}"


def an_answer_was_true_at_some_moment(moment: Moment) -> str | None:
    """A query answers None if it runs alone and no process is alive that could own.

    The answer of a query beside other processes is not checked: it finds an owner also before and after that
    serves, since the record is written first and removed last.
    """
    actor = moment.actor
    if actor is None or actor.outcome is None or actor.outcome.kind != "answered" or not actor.alone:
        return None
    answer = actor.outcome.value
    company = [view for view in moment.processes if view.letter in actor.company and view.unit == actor.unit]
    if answer is None or company or actor.hindered:
        return None
    return f"{actor.letter} answered {answer!r}, although no process was alive that could have owned"


def readers_change_nothing(moment: Moment) -> str | None:
    """A query changes nothing while an owner lives; without clean-up it never changes anything."""
    actor = moment.actor
    if actor is None or moment.before is None or moment.after is None:
        return None
    if actor.life not in QUERIES or moment.before.visible() == moment.after.visible():
        return None
    if actor.life == "peek":
        return f"{actor.letter}, a query without clean-up, changed the disk"
    owners = [view.letter for view in moment.processes if view.owns and view.unit == actor.unit]
    if not owners or _files_changed(moment):
        return None
    return f"{actor.letter}, a query, changed the disk while {owners[0]} owned"


def release_removes_only_own_record(moment: Moment) -> str | None:
    """An exiting or replaced process never removes or damages the record of the live owner.

    What a refused start removes is judged by its consequences: in every state a further start is tried beside
    the owner, and a query.
    """
    actor = moment.actor
    if actor is None or actor.phase != LEAVING or not actor.owned:
        return None
    if moment.before is None or moment.after is None:
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
    """A signal reaches only an owner, or a process that has written a record.

    It reaches no group, not the sender itself, no process that got the pid of a dead owner, and no gateway of
    another home.
    """
    actor, target, call = moment.actor, moment.target, moment.call
    if actor is None or target is None or call is None or isinstance(moment.answer, Errno) or target.dead:
        return None
    sent = f"{actor.letter} sent {signal_name(call.args[1])} to"
    if target.letter == actor.letter:
        return f"{sent} itself"
    for view in moment.processes:
        if view.letter == target.letter and view.unit == actor.unit:
            if view.owned or target.recorded:
                return None
            return f"{sent} {view.letter}, which is no owner and has no record"
    return f"{sent} {target.text}, which is no gateway of this home"


def a_replaced_owner_exits_clean(moment: Moment) -> str | None:
    """An owner that is replaced or stopped on purpose exits with 0, and after an unplanned SIGTERM with 1.

    Required of subjects that offer a replace or a stop. Not checked if the process that planned the end was
    disturbed itself, or if the world sends a SIGTERM while there is a process that may plan an end: then it
    cannot be known whether the end was planned.
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
    if actor.asked == "signal" and planners and not any(map(_was_disturbed, planners)) and status != 0:
        return f"{actor.letter}, ended by {names(planners)} as planned, exited with {status}"
    return None


def _was_disturbed(view: View) -> bool:
    """Whether a process was killed, failed, was told to go or met a fault."""
    ended_badly = view.outcome is not None and view.outcome.kind in ("killed", "failed")
    return ended_badly or bool(view.asked) or view.excuse != NO_EXCUSE


def only_documented_errors(moment: Moment) -> str | None:
    """A subject raises only errors that it documents, or passes on an errno that a fault injected."""
    actor = moment.actor
    if actor is None or actor.outcome is None or actor.outcome.kind != "failed":
        return None
    if may_pass_on(actor.excuse, actor.outcome.errno):
        return None
    return f"{actor.letter} raised {actor.outcome.value}"


def _files_changed(moment: Moment) -> bool:
    """Whether the world changed files of the home while one of the processes lived."""
    return any(view.excuse.is_of_files for view in moment.processes)


Invariant = Callable[[Moment], str | None]

# The gravest first: a trace that breaks several is reported for the first of them.
INVARIANTS: Final[tuple[Invariant, ...]] = (
    at_most_one_owner,
    only_documented_errors,
    only_own_files_are_changed,
    a_dead_owner_can_be_replaced,
    an_end_leaves_the_home_free,
    homes_are_independent,
    some_contender_wins,
    nobody_waits_for_ever,
    a_stopped_owner_can_be_replaced,
    a_start_always_ends,
    a_live_owner_is_discoverable,
    an_answer_was_true_at_some_moment,
    readers_change_nothing,
    release_removes_only_own_record,
    only_the_owner_is_signalled,
    a_replaced_owner_exits_clean,
)


# What is told apart, and is no violation, of an invariant: between a call and the storing of its value no
# Python program can see to it that an end leaves the home free.
AN_END_INSIDE: Final = "an_end_inside_the_claim_leaves_the_home_free"
TOLD_APART: Final = {AN_END_INSIDE: "an_end_leaves_the_home_free"}

WAITING_FOR_AN_OPERATOR: Final = frozenset({"nobody_waits_for_ever", "a_start_always_ends"})

# The lives that an invariant is about: it does not apply to a subject that offers none of them.
SPEAKS_OF: Final[dict[str, frozenset[str]]] = {
    "a_stopped_owner_can_be_replaced": frozenset({"replace"}),
    "a_live_owner_is_discoverable": frozenset({"status", "peek"}),
    "an_answer_was_true_at_some_moment": frozenset({"status", "peek"}),
    "readers_change_nothing": frozenset({"status", "peek"}),
    "a_replaced_owner_exits_clean": frozenset({"replace", "stop"}),
}


def first_broken(moment: Moment, not_offered: Collection[str] = ()) -> tuple[str, str] | None:
    """The name and sentence of the first invariant that a moment breaks, or None.

    Invariants that the subject does not offer are skipped, so that they hide no other.
    """
    return next(all_broken(moment, not_offered), None)


def all_broken(moment: Moment, not_offered: Collection[str] = ()) -> Iterator[tuple[str, str]]:
    """The name and sentence of each invariant that a moment breaks, the gravest first; at last what is apart.

    What a killed process left, or one that ended by a signal inside its claim, may keep others waiting for
    the operator to whom a subject leaves that.
    """
    if "a_dead_owner_can_be_replaced" in not_offered:
        left = moment.some_ended_inside or any(view.was_killed for view in moment.processes)
        not_offered = {*not_offered, *(WAITING_FOR_AN_OPERATOR if left else ())}
    linked = any(view.excuse.reason is Reason.LINK for view in moment.processes)
    for invariant in INVARIANTS:
        if linked and invariant.__name__ not in IN_SPITE_OF_A_LINK:
            continue
        sentence = None if invariant.__name__ in not_offered else invariant(moment)
        if sentence is not None:
            yield invariant.__name__, sentence
    if TOLD_APART[AN_END_INSIDE] not in not_offered and moment.some_ended_inside and not linked:
        sentence = _is_left_free(moment)
        if sentence is not None:
            yield AN_END_INSIDE, sentence
