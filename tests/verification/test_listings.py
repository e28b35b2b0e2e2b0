"""What rests on the order in which a folder lists its names is found; what sorts them holds."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from stateful.model.listing import orders, put_in_order, split_order
from stateful.model.standard import SCENARIOS, find_scenario
from stateful.report.verdict import summary
from stateful.verification.verification import Verification, verify
from tests.shortened import shortened

TICKETS: Final = """import fcntl, glob, os

def alive(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False

def gateway(home, serve):
    guard = os.open(home / ".guard", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(guard, fcntl.LOCK_EX)
    box = home / "{box}"
    box.mkdir(exist_ok=True)
    number = {begin}
    while True:
        mine = f"{mine}"
        try:
            fd = os.open(box / mine, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
            break
        except FileExistsError:
            number += {step}
    fcntl.flock(fd, fcntl.LOCK_EX)
    living = [name for name in {names} if name == mine or name[0] != "." and alive(box / name)]
    if living[{which}] == mine:
        os.close(guard)
        serve()
"""
LISTDIR: Final = "os.listdir(box)"
UPWARDS: Final = {"begin": "1", "step": "1", "which": "0", "box": "tickets", "mine": "{number:04}"}
DOWNWARDS: Final = UPWARDS | {"begin": "9", "step": "-1", "which": "-1"}
IN_THE_HOME: Final = UPWARDS | {"box": ".", "mine": "ticket-{number}"}
BROKEN: Final = {
    "listdir": UPWARDS | {"names": LISTDIR},
    "scandir": UPWARDS | {"names": "[entry.name for entry in os.scandir(box)]"},
    "iterdir": UPWARDS | {"names": "[path.name for path in box.iterdir()]"},
    "glob": UPWARDS | {"names": '[os.path.basename(path) for path in glob.glob(f"{box}/*")]'},
    "Path.glob": UPWARDS | {"names": '[path.name for path in box.glob("0*")]', "box": "queue"},
    "walk": UPWARDS | {"names": "[name for _, _, names in os.walk(box) for name in names]"},
    "the last": DOWNWARDS | {"names": LISTDIR, "mine": "{number}.ticket"},
    "the last of scandir": DOWNWARDS | {"names": "[entry.name for entry in os.scandir(box)]", "box": "b"},
    "in the home": IN_THE_HOME | {"names": LISTDIR},
    "in the home, the last": DOWNWARDS | {"names": LISTDIR, "box": "."},
    "of other numbers": UPWARDS | {"names": LISTDIR, "begin": "500", "step": "7", "mine": "x{number}y"},
}
RIGHT: Final = {
    "sorted": UPWARDS | {"names": f"sorted({LISTDIR})"},
    "by a key": UPWARDS | {"names": "[e.name for e in sorted(os.scandir(box), key=lambda e: e.name)]"},
    "the greatest": DOWNWARDS | {"names": f"sorted({LISTDIR})", "mine": "{number}.ticket"},
    "in the home": IN_THE_HOME | {"names": f"sorted({LISTDIR})"},
}
SMALL: Final = [
    scenario
    for scenario in SCENARIOS
    if scenario.cast.name == "two-starts" and "listing-order" in scenario.plan
]


def judge(how: dict[str, str], folder: Path) -> Verification:
    source = TICKETS
    for name, text in how.items():
        source = source.replace(f"{{{name}}}", text)
    (folder / "tickets.py").write_text(source)
    return verify(str(folder / "tickets.py"), SMALL)


@pytest.mark.parametrize("how", shortened(BROKEN, 2))
def test_the_order_of_names_decides_who_owns(how: str, tmp_path: Path) -> None:
    found = judge(BROKEN[how], tmp_path)
    assert "listing-" in found.violations["at_most_one_owner"].schedule


@pytest.mark.parametrize("how", shortened(RIGHT, 2))
def test_protocol_that_puts_the_names_in_order_holds(how: str, tmp_path: Path) -> None:
    found = judge(RIGHT[how], tmp_path)
    assert (found.verdict, found.exhaustive) == ("holds", True)
    assert found.faults["listing-order"] > 3


def test_scenario_without_a_listing_is_not_applicable() -> None:
    found = verify("waits-behind-a-queue", [find_scenario("two-starts-empty"), *SMALL])
    assert [result.verdict for result in found.results] == ["holds", "not applicable", "not applicable"]
    assert found.verdict == "holds"
    assert "  not applicable  a process that lists two names: 2 scenarios without one" in summary(found)


THREE: Final = ["a", "b", "c"]


def test_of_three_names_every_order_is_tried() -> None:
    tried = {tuple(put_in_order(THREE, split_order(each)[1])) for each in orders("/tmp/box", THREE)}
    assert len(tried | {tuple(THREE)}) == 6


def test_of_many_names_few_orders_are_tried() -> None:
    assert [*orders("/run/box", map(str, range(9)))] == [
        "/run/box/*=backwards",
        "/run/box/8=first",
        "/run/box/0=last",
    ]


def test_order_says_its_folder() -> None:
    assert split_order("tickets/0002=first") == ("/home/user/.hermes/tickets", "0002=first")
    assert split_order("*=backwards") == ("/home/user/.hermes", "*=backwards")
    assert [split_order(each)[0] for each in orders("/run/box", ["a"])] == ["/run/box"]
