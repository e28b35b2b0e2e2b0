"""The invariant about links that somebody planted: a gateway changes no file that it has not made."""

from __future__ import annotations

from typing import Final

from stateful.model.disk import DIARY, HOME
from stateful.model.moment import Moment

# All that is guaranteed where somebody has put a link in the place of a file.
IN_SPITE_OF_A_LINK: Final = frozenset(
    (
        "at_most_one_owner",
        "only_documented_errors",
        "only_own_files_are_changed",
        "only_the_owner_is_signalled",
    )
)


def only_own_files_are_changed(moment: Moment) -> str | None:
    """No process changes a file that none of them made, through a link that was planted at a name of theirs.

    Its content is not lost or altered, and its mode, user and name stay. Not checked: what is added at its
    end, as to a log that its user keeps elsewhere; and what a process does to a file that it has locked,
    which the kernel has told it is nobody else's then.
    """
    actor = moment.actor
    if actor is None or moment.before is None or moment.after is None:
        return None
    was, now = moment.before.file(DIARY), moment.after.file(DIARY)
    planted = moment.before.planted()
    if was is None or not planted or dict(moment.before.names)[DIARY] in moment.locked:
        return None
    name = DIARY.rsplit("/", 1)[-1]
    if now is None:
        done = "removed"
    elif (was.mode, was.uid, was.gid) != (now.mode, now.uid, now.gid):
        done = "changed the mode or the user of"
    elif now.content.startswith(was.content):
        return None
    else:
        done = "changed" if now.content else "emptied"
    link = planted[0].removeprefix(f"{HOME}/")
    return f"{actor.letter} {done} the user's {name}, which no gateway has made: {link} is a link to it"
