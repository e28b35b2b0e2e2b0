"""Where each mutant (``stateful.subjects.mutants``) is caught, and by which shortest schedule.

Under a supervisor there is no schedule. Other invariants that a mutant breaks there follow from the same
mistake.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Mutant(NamedTuple):
    """Where a mutant is caught.

    Attributes:
        scenario: the smallest one in which it breaks the invariant that its docstring names.
        schedule: the shortest schedule there that breaks it.
        also: the other invariants that it breaks there.
    """

    scenario: str
    schedule: str
    also: tuple[str, ...] = ()


PROGRESS: Final[dict[str, Mutant]] = {
    "foreign-guard-on-cleanup": Mutant("one-start-stale", "A12"),
    "lock-added-guard-kept": Mutant("one-start-stale", "A15"),
    "empty-record-wedges": Mutant("one-start-empty", "A1 crash-A start-B B2"),
    "zombie-counts-as-alive": Mutant("one-start-zombie", "A15", ("an_answer_was_true_at_some_moment",)),
    "stopped-owner-blocks": Mutant("replace-of-owner-empty-1-sigstop", "A7 sigstop-A replace-C C9"),
    "recycled-pid-trusted": Mutant("one-start-recycled-pid", "A9", ("an_answer_was_true_at_some_moment",)),
    "record-vouches-for-itself": Mutant("one-start-nameless", "A18", ("an_answer_was_true_at_some_moment",)),
    "null-start-time-held-for-ever": Mutant(
        "one-start-null-start", "A9", ("an_answer_was_true_at_some_moment",)
    ),
    "reboot-collision": Mutant("one-start-rebooted", "A15", ("an_answer_was_true_at_some_moment",)),
    "directory-in-the-way": Mutant(
        "start-and-exit-stale-1-corruption", "corrupt-gateway.lock=directory A2", ("at_most_one_owner",)
    ),
    "probe-collides": Mutant("start-and-status-empty", "A8 B2 A4"),
    "both-give-up": Mutant("two-starts-empty", "A3 B4 A2 B3 A2"),
    "stale-planned-stop-kills-the-next": Mutant("one-start-marked", "A5"),
    "exit-skips-handlers": Mutant("one-start-empty", "A1 crash-A start-B B2"),
    "respawn-storm": Mutant("units-replacing-under-systemd-empty", ""),
    "hostile-integers": Mutant("one-start-huge-pid", "A8"),
    "not-utf8": Mutant("one-start-not-utf8", "A9"),
}
SAFETY: Final[dict[str, Mutant]] = {
    "no-check": Mutant(
        "two-starts-empty",
        "A14 start-C C14",
        ("only_documented_errors", "a_live_owner_is_discoverable", "readers_change_nothing"),
    ),
    "check-then-overwrite": Mutant("two-starts-empty", "A1 B4 A3"),
    "claim-after-start": Mutant("two-starts-empty", "A1 start-C C1", ("a_live_owner_is_discoverable",)),
    "unlink-by-path": Mutant(
        "two-starts-stale", "A8 B1 A3 B7", ("a_live_owner_is_discoverable", "readers_change_nothing")
    ),
    "empty-means-stale": Mutant(
        "two-starts-empty",
        "A1 B8 A7",
        ("a_dead_owner_can_be_replaced", "a_live_owner_is_discoverable", "readers_change_nothing"),
    ),
    "rename-by-path": Mutant(
        "two-starts-stale", "A8 B1 A3 B7", ("a_live_owner_is_discoverable", "readers_change_nothing")
    ),
    "unlinks-the-lock-file": Mutant(
        "two-starts-empty", "A2 B12 A10", ("a_live_owner_is_discoverable", "readers_change_nothing")
    ),
    "unlinks-a-held-lock": Mutant("two-starts-containers", "A8 start-C C13"),
    "eacces-unlinks-the-lock": Mutant(
        "two-starts-empty-1-errno", "A7 eacces-B B8", ("a_live_owner_is_discoverable",)
    ),
    "eperm-means-dead": Mutant("start-and-status-root", "A66 status-C C11"),
    "survives-sigkill": Mutant(
        "replace-of-owner-root", "B1 A60 B95", ("a_live_owner_is_discoverable", "readers_change_nothing")
    ),
    "replace-drops-every-lock": Mutant("replace-of-owner-empty", "A12 B9 A4 B11"),
    "lock-released-before-record": Mutant("exit-and-start-empty", "A5 exit-A A4 B5 A1"),
    "released-while-draining": Mutant(
        "exit-and-start-empty", "A7 exit-A A1 start-C C7", ("a_live_owner_is_discoverable",)
    ),
    "comm-with-spaces": Mutant("one-start-odd-name", "A15", ("an_answer_was_true_at_some_moment",)),
    "substring-match": Mutant("one-start-null-start", "A15", ("an_answer_was_true_at_some_moment",)),
}
IDENTITY: Final[dict[str, Mutant]] = {
    "pid-alone": Mutant("one-replace-recycled-pid", "A8"),
    "kill-minus-one": Mutant("one-replace-minus-one", "A11"),
    "cross-home-kill": Mutant("one-replace-lookalike", "A11"),
    "checked-then-recycled": Mutant(
        "replace-of-owner-empty-1-kill-1-recycled-pid", "A7 B6 crash-A recycle-A B1"
    ),
}
HAND_OVER: Final[dict[str, Mutant]] = {
    "unguarded-remove": Mutant("exit-and-start-empty", "A5 exit-A A1 B5 A1"),
    "replacer-unlinks-again": Mutant(
        "start-and-replace-empty",
        "B1 A4 B5",
        ("a_dead_owner_can_be_replaced", "release_removes_only_own_record"),
    ),
    "same-pid-two-namespaces": Mutant(
        "two-starts-containers", "A17 start-C C17", ("a_dead_owner_can_be_replaced", "readers_change_nothing")
    ),
    "victim-exits-one": Mutant("stop-of-owner-empty", "A36 B35 A25"),
    "unexpected-term-exits-zero": Mutant("start-and-exit-marked-1-sigterm", "A36 term-A A23"),
    "wrong-process-consumes": Mutant(
        "replace-and-status-empty", "A7 B11 A1 C4 A2", ("readers_change_nothing",)
    ),
    "marker-from-the-future": Mutant("start-and-exit-marked-1-sigterm", "A36 term-A A36"),
    "marker-outlives-replacer": Mutant("start-and-exit-marked-1-sigterm", "A36 term-A A49"),
}
ANSWERS: Final[dict[str, Mutant]] = {
    "reader-deletes-live-record": Mutant(
        "start-and-status-stale", "B1 A40 B4", ("a_live_owner_is_discoverable",)
    ),
    "torn-read": Mutant("start-and-status-empty", "A22 start-C C8"),
    "phantom-owner": Mutant("start-and-exit-stale-1-kill-1-recycled-pid", "A51 crash-A recycle-A peek-B B5"),
    "state-keeps-old-pid": Mutant("two-starts-empty-1-kill", "A8 B1 crash-A B2 status-C C4"),
    "lost-update": Mutant("two-starts-empty", "A6 B3 A1 B4 crash-B status-C C4"),
}
WAITING: Final[dict[str, Mutant]] = {
    "recovery-waits-for-itself": Mutant("one-start-empty", "A6 crash-A start-B B6"),
    "lock-order-deadlock": Mutant("exit-and-start-empty", "A8 exit-A A1 B3"),
    "query-hangs": Mutant("one-start-empty", "A5 status-B B2"),
    "replace-blocks-on-stopped": Mutant("replace-of-owner-empty-1-sigstop", "A7 sigstop-A replace-C C8"),
}
ENDS: Final[dict[str, Mutant]] = {
    "clean-exit-leaves-the-lock": Mutant("start-and-exit-empty", "A1 exit-A A1 start-B B2"),
    "destructor-of-a-refused-start": Mutant("two-starts-empty", "A3 start-C C3 B3"),
    "ctrl-c-between": Mutant("two-starts-empty-1-sigint", "A1 int-A A1 start-C C2"),
    "handler-before-the-claim": Mutant("two-starts-empty-1-sigterm", "A3 term-B B1 start-C C3"),
    "handler-between-two-statements": Mutant(
        "exit-and-start-empty-1-sigterm",
        "A3 exit-A term-in-A B3 A1",
        ("at_most_one_owner", "an_end_leaves_the_home_free"),
    ),
}
TIME: Final[dict[str, Mutant]] = {
    "lease-nobody-renews": Mutant("two-starts-empty-1-long-run", "A7 later+2678400 start-C C9"),
    "creation-time-follows-the-clock": Mutant("two-starts-empty-1-clock-step", "A9 clock+172800 start-C C13"),
    "older-than-boot": Mutant("two-starts-empty-1-clock-step", "A7 clock+172800 start-C C9"),
}
LISTINGS: Final[dict[str, Mutant]] = {
    "first-listed-owns": Mutant("two-starts-empty-1-listing-order", "A7 listing-tickets/*=backwards B9"),
}
HOMES: Final[dict[str, Mutant]] = {
    "one-lock-for-all-homes": Mutant("one-start-two-homes", "A9 start-B B12"),
    "lock-named-by-the-home": Mutant("one-start-like-named-homes", "A9 start-B B12"),
    "lock-by-cwd-or-environment": Mutant("one-start-elsewhere", "A2 start-B B2"),
    "shorter-pid-not-truncated": Mutant("exit-and-start-wrapped-pids", "A3 exit-A A1 B3 status-C C5"),
    "lock-named-by-hash": Mutant("one-start-empty", "A2 start-B B2"),
    "thread-id-is-alive": Mutant("one-start-thread", "A16", ("an_answer_was_true_at_some_moment",)),
}

PERMISSIONS: Final[dict[str, Mutant]] = {
    "root-made-the-lock": Mutant("one-start-root", "A6 crash-A start-B B4"),
    "umask0002": Mutant("one-start-umask-0002", "A8"),
    "planted-link-truncates": Mutant(
        "one-start-empty-1-kill-1-planted-link", "A22 crash-A plant-gateway.pid.new start-B B22"
    ),
}

MUTANTS: Final = (
    PROGRESS
    | SAFETY
    | IDENTITY
    | HAND_OVER
    | ANSWERS
    | WAITING
    | ENDS
    | TIME
    | PERMISSIONS
    | LISTINGS
    | HOMES
)

# Caught in virtual time only, where supervisors start the gateway again (``stateful.model.supervision``).
UNDER_SUPERVISORS: Final = frozenset({"respawn-storm"})

NOT_EXPRESSIBLE: Final = {
    "foreign-lock-file-unreadable": "nobody can start beside a file that is private to root, so an error is "
    "all that is asked; only the exit status matters, which tells a supervisor to give up, and the "
    "reference's own tests check it",
    "unsupported-lock-reads-as-held": "a process whose call failed by a fault may give up, and no invariant "
    "checks the words of a refusal",
    "forked-child-releases": "fork is not modelled; the reference's own tests fork on the host",
}
