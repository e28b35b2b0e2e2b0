"""The effect of a power loss on a disk, in words."""

from __future__ import annotations

import pytest

from stateful.explain.disk_words import changes
from stateful.explain.words import world_text
from stateful.model.disk import HOME, Disk, File
from stateful.model.schedule import Move

WORDS = {
    ("f=record", "f=record"): "",
    ("f=record", ""): "f is missing",
    ("", "f=record"): "f is back",
    ("f=record", "f="): "f is empty",
    ("f=record", "f=000000"): "f is all zeros",
    ("f=record", "f=rec"): "f is torn",
    ("f=record", "f=rec000"): "f is torn",
    ("f=record", "f=another"): "f is old",
    ("f=a g=b h=c i=d", "h= i=d"): "f and g are missing, h is empty",
    ("f=a g=b h=c", ""): "f, g and h are missing",
}


def disk(text: str) -> Disk:
    files = dict(word.split("=") for word in text.split())
    return Disk(
        tuple((f"{HOME}/{name}", number) for number, name in enumerate(files)),
        tuple(
            (number, File("file", 0o600, content.replace("0", "\0").encode(), None, None, 0, 0, 0))
            for number, content in enumerate(files.values())
        ),
    )


@pytest.mark.parametrize(("before", "after"), WORDS)
def test_what_is_not_as_it_was_is_told_by_name(before: str, after: str) -> None:
    assert changes(disk(before), disk(after)) == WORDS[before, after]


def test_power_loss_says_what_the_disk_became_and_with_which_profile() -> None:
    loss = Move("power-loss", "", "writeback-2")
    assert world_text(loss, (disk("f=a"), disk("f="))) == "power is lost: f is empty (writeback)"
    assert world_text(loss, (disk("f=a"), disk("f=a"))) == "power is lost: all is on the disk (writeback)"
