"""The images that a power loss may leave: each rule of each profile, on a tiny disk, with the exact set.

The only contract test is ``test_ext4``: see ``stateful.kernel.persistence``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stateful.kernel.kernel import Kernel
from stateful.kernel.machine_faults import after_power_loss, image_left, lose_power
from stateful.kernel.persistence import MOST_IMAGES, Persistence
from stateful.kernel.process import Process
from stateful.model.call import Call, Errno
from stateful.model.disk import HOME
from stateful.model.faults import ORDERED, POSIX, PROFILES

NEW = os.O_CREAT | os.O_WRONLY | os.O_TRUNC


class Machine:
    """A kernel with one process, which makes the calls that it is told to."""

    def __init__(self, **files: str) -> None:
        self.kernel = Kernel()
        self.kernel.put((f"{HOME}/{name}", content.encode()) for name, content in files.items())
        self.kernel.keep_track()
        self.process = Process("A", "start")
        self.kernel.processes["A"] = self.process

    def make(self, name: str, *args: Any) -> Any:
        paths = [f"{HOME}/{arg}".rstrip("/") if isinstance(arg, str) else arg for arg in args]
        answer = self.kernel.perform(self.process, Call(name, tuple(paths)))
        assert not isinstance(answer, Errno), (name, args, answer)
        return answer

    def open(self, name: str, flags: int = NEW) -> int:
        return int(self.make("open", name, flags, 0o600))

    def write(self, name: str, content: str, flags: int = NEW) -> None:
        fd = self.open(name, flags)
        self.make("write", fd, content.encode())
        self.make("close", fd)

    def sync(self, name: str) -> None:
        fd = self.open(name, os.O_RDONLY)
        self.make("fsync", fd)
        self.make("close", fd)

    @property
    def persistence(self) -> Persistence:
        persistence = self.kernel.follow()
        assert persistence is not None
        return persistence

    def images(self, profile: str) -> set[str]:
        """Every image, as a text: its names, and what stands there."""
        images = self.persistence.images(profile)
        assert images.whole
        texts = [" ".join(_texts(image)) for image in images.listed]
        assert len(set(texts)) == len(texts)
        return set(texts)

    def all_images(self) -> tuple[set[str], ...]:
        return tuple(self.images(profile) for profile in PROFILES)


def _texts(image: Any) -> Iterator[str]:
    for path, _, version in image:
        if path != HOME:
            content = version.content.decode().replace("\0", "0")
            yield f"{path.removeprefix(HOME)[1:]}={content or '-'}" if version.kind == "file" else path[-1]


@pytest.fixture
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    machine = Machine(**getattr(request, "param", {"f": "old"}))
    yield machine
    machine.kernel.close()


def test_what_stood_there_before_anybody_ran_is_safe(machine: Machine) -> None:
    assert machine.all_images() == ({"f=old"},) * 3


def test_file_that_was_written_is_missing_empty_torn_zeros_or_there(machine: Machine) -> None:
    machine.write("g", "ab")
    ordered = {"f=old", "f=old g=-", "f=old g=ab"}
    other = ordered | {"f=old g=a", "f=old g=00"}
    assert machine.all_images() == (ordered, other, other)


def test_record_renamed_into_place_unsynced_may_be_empty_there(machine: Machine) -> None:
    machine.write("g", "ab")
    machine.make("rename", "g", "f")
    ordered = {"f=old", "f=old g=-", "f=old g=ab", "f=ab"}
    writeback = ordered | {"f=old g=a", "f=old g=00", "f=-", "f=a", "f=00"}
    posix = writeback | {f"f={content} g={content}" for content in ("-", "a", "00", "ab")}
    assert machine.all_images() == (ordered, writeback, posix)


def test_record_synced_and_renamed_into_place_is_the_old_or_the_new_one(machine: Machine) -> None:
    machine.write("g", "ab")
    machine.sync("g")
    machine.make("rename", "g", "f")
    journalled = {"f=old g=ab", "f=ab"}
    assert machine.all_images() == (journalled, journalled, journalled | {"f=old", "f=ab g=ab"})


def test_synced_folder_promises_its_names_and_no_content(machine: Machine) -> None:
    machine.write("g", "ab")
    machine.make("rename", "g", "f")
    machine.sync("")
    contents = {"f=-", "f=a", "f=00", "f=ab"}
    assert machine.all_images() == ({"f=ab"}, contents, contents)


def test_synced_file_promises_other_files_names_in_a_journal_only(machine: Machine) -> None:
    machine.write("g", "")
    machine.write("h", "")
    machine.sync("h")
    one = {"f=old g=- h=-"}
    assert machine.all_images() == (one, one, one | {"f=old", "f=old g=-", "f=old h=-"})


def test_synced_file_promises_no_other_files_content(machine: Machine) -> None:
    machine.write("f", "ab")
    machine.write("g", "")
    machine.sync("g")
    contents = {f"f={content} g=-" for content in ("old", "-", "a", "00", "ab")}
    posix = contents | {text.removesuffix(" g=-") for text in contents}
    assert machine.all_images() == ({"f=ab g=-"}, contents, posix)


def test_removed_file_may_be_back(machine: Machine) -> None:
    machine.make("unlink", "f")
    assert machine.all_images() == ({"", "f=old"},) * 3
    machine.sync("")
    assert machine.all_images() == ({""},) * 3


def test_what_is_appended_takes_nothing_away_of_what_stood_there(machine: Machine) -> None:
    machine.write("f", "xy", os.O_WRONLY | os.O_APPEND)
    other = {"f=old", "f=oldx", "f=old00", "f=oldxy"}
    assert machine.all_images() == ({"f=old", "f=oldxy"}, other, other)


def test_truncated_file_is_old_or_short(machine: Machine) -> None:
    machine.make("truncate", "f", 1)
    assert machine.all_images() == ({"f=old", "f=o"},) * 3


def test_names_of_one_file_have_one_content(machine: Machine) -> None:
    machine.write("f", "ab")
    machine.make("link", "f", "g")
    contents = ("old", "-", "a", "00", "ab")
    assert machine.images(ORDERED) == {"f=old", "f=-", "f=ab", "f=ab g=ab"}
    assert machine.images(POSIX) == {f"f={c}" for c in contents} | {f"f={c} g={c}" for c in contents}


def test_nothing_is_in_a_folder_that_is_missing(machine: Machine) -> None:
    machine.make("mkdir", "d", 0o700)
    machine.write("d/g", "")
    ordered = {"f=old", "d f=old", "d d/g=- f=old"}
    assert machine.all_images() == (ordered,) * 3


def test_new_file_is_not_taken_for_the_removed_one_whose_number_it_has(machine: Machine) -> None:
    serial = dict(machine.kernel.disk().names)[f"{HOME}/f"]
    machine.make("unlink", "f")
    machine.write("g", "")
    assert dict(machine.kernel.disk().names)[f"{HOME}/g"] == serial
    ordered = {"f=old", "", "g=-"}
    assert machine.all_images() == (ordered, ordered, ordered | {"f=old g=-"})


def test_write_through_a_synchronous_descriptor_is_synced(machine: Machine) -> None:
    machine.write("g", "ab", NEW | os.O_DSYNC)
    one = {"f=old g=ab"}
    assert machine.all_images() == (one, one, {"f=old", *one})


def test_ways_to_the_same_possibilities_are_one_state(machine: Machine) -> None:
    machine.sync("")
    before = machine.persistence
    machine.write("g", "ab")
    assert machine.persistence != before
    machine.make("unlink", "g")
    machine.sync("")
    assert machine.persistence == before


def test_images_are_listed_up_to_a_limit_the_nearest_first_and_it_says_so(machine: Machine) -> None:
    for number in range(9):
        machine.write(f"g{number}", "ab")
    images = machine.persistence.images(POSIX)
    assert not images.whole
    assert len(images.listed) == MOST_IMAGES[POSIX]
    assert len(images.listed[0]) == 11  # everything is there: the home, f and nine more
    assert machine.persistence.images(ORDERED).whole


@pytest.mark.parametrize("profile", PROFILES)
def test_power_loss_as_a_value_is_what_happens_to_a_kernel(profile: str, machine: Machine) -> None:
    machine.write("g", "ab")
    machine.make("link", "g", "h")
    machine.make("rename", "g", "f")
    machine.open("h")
    before = machine.kernel.shared_state()
    for number in range(1, len(machine.persistence.images(profile).listed) + 1):
        other = Machine(f="old")
        other.write("g", "ab")
        other.make("link", "g", "h")
        other.make("rename", "g", "f")
        other.open("h")
        image = image_left(other.kernel.follow(), f"{profile}-{number}")
        assert image is not None
        lose_power(other.kernel, image)
        assert other.kernel.shared_state() == after_power_loss(before, f"{profile}-{number}", dated=True)
        other.kernel._disk = None
        assert other.kernel.disk() == other.kernel.shared_state().disk
        other.kernel.close()


NAMES = st.sampled_from("fghi")
DEEDS = st.lists(
    st.tuples(st.just("write"), NAMES, st.sampled_from(("", "ab", "abcd")))
    | st.tuples(st.just("append"), NAMES, st.just("xy"))
    | st.tuples(st.sampled_from(("rename", "link")), NAMES, NAMES)
    | st.tuples(st.sampled_from(("unlink", "sync")), NAMES)
    | st.tuples(st.just("sync"), st.just("")),
    max_size=7,
)


def do(machine: Machine, deed: str, name: str, *more: str) -> None:
    there = {path.removeprefix(f"{HOME}/") for path, _ in machine.kernel.disk().names}
    if deed in ("write", "append"):
        machine.write(name, more[0], NEW if deed == "write" else os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    elif deed == "sync" and name in {"", *there}:
        machine.sync(name)
    elif name in there and not (deed == "link" and more[0] in there):
        machine.make(deed, name, *more)


@settings(max_examples=40)
@given(deeds=DEEDS)
def test_weaker_profile_allows_all_that_a_stronger_one_does(deeds: list[tuple[str, ...]]) -> None:
    machine = Machine(f="old")
    try:
        for deed in deeds:
            do(machine, *deed)
        persistence = machine.persistence
        ordered, writeback, posix = (persistence.images(profile) for profile in PROFILES)
        assert ordered.listed[0] == writeback.listed[0] == posix.listed[0]  # what is there now
        assert set(ordered.listed) <= set(writeback.listed)
        assert set(writeback.listed) <= set(posix.listed) or not posix.whole
        for name in ("", *(path.removeprefix(f"{HOME}/") for path, _ in machine.kernel.disk().names[1:])):
            machine.sync(name)
        assert {len(machine.persistence.images(profile).listed) for profile in PROFILES} == {1}
    finally:
        machine.kernel.close()
