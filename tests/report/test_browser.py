"""The page in a browser: it loads nothing from a network, keys step through it, and it fits a phone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from stateful.model.schedule import LETTERS, parse_schedule
from stateful.model.standard import find_scenario
from stateful.model.trace import Trace
from stateful.protocol.subject import find_subject
from stateful.report.page import trace_page, verification_page
from stateful.run.replay import replay
from stateful.verification.verification import verify

playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed; it comes with the extra 'browser'"
)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium; install the package of that name"),
    pytest.mark.long,
]

DESKTOP, PHONE = (1440, 900), (390, 844)


@dataclass
class Seen:
    """A page in a browser, and what it said and asked for meanwhile."""

    page: Any
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def panel(self) -> list[str]:
        return [line for line in self.page.inner_text("#panel-body").splitlines() if line]

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def overflow(self) -> int:
        return int(self.page.evaluate("document.documentElement.scrollWidth - innerWidth"))


Open = Callable[..., Seen]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        sandbox = os.geteuid() != 0  # Chromium has none for root.
        chromium = driver.chromium.launch(executable_path=CHROMIUM, chromium_sandbox=sandbox)
        yield chromium
        chromium.close()


@pytest.fixture
def show(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Opens a page; it must report no error and request nothing but itself."""
    opened: list[Seen] = []

    def show(text: str, size: tuple[int, int] = DESKTOP, **options: Any) -> Seen:
        path = tmp_path / "page.html"
        path.write_text(text, encoding="utf-8")
        width, height = size
        page = browser.new_page(viewport={"width": width, "height": height}, **options)
        seen = Seen(page)
        page.on("console", lambda message: seen.complaints.append(message.text))
        page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        page.on("request", lambda request: seen.requests.append(request.url))
        page.goto(path.as_uri())
        opened.append(seen)
        return seen

    yield show
    for seen in opened:
        assert seen.complaints == []
        assert len(seen.requests) == 1
        seen.page.close()


def test_keys_step_and_the_panel_tells_call_answer_owner_and_disk(
    show: Open, history: Callable[[str], Trace]
) -> None:
    seen = show(trace_page(history("unlinked-lock")))
    assert seen.panel() == [
        "Step 1 of A",
        "open(gateway.pid)",
        "ENOENT: No such file or directory",
        "Nobody owns the gateway",
        "The disk then",
        "Nothing stands in the home.",
    ]
    seen.press(*["j"] * 17, "ArrowDown", "k")
    assert seen.panel() == [
        "Step 18 of A",
        "flock(gateway.lock, EX|NB)",
        "ok",
        "B owns the gateway",
        "The disk then",
        "gateway.lock locked by A",
        "(empty)",
        "gateway.lock has no name any more, but is open locked by B",
        "(empty)",
    ]
    assert seen.page.evaluate("document.activeElement.id") == "v1-18"
    seen.press(*["j"] * 40)
    assert "Step 24 of A" in seen.panel()
    assert "A and B own the gateway" in seen.panel()
    assert '{"pid": 101, "start_time": 5000}' in seen.panel()


def test_pointer_shows_a_step_and_leaving_shows_the_chosen_one_again(
    show: Open, history: Callable[[str], Trace]
) -> None:
    seen = show(trace_page(history("direct-unlink")))
    seen.page.click("#v1-3")
    seen.page.hover("#v1-8")
    assert "Step 8 of B" in seen.panel()
    seen.page.hover("h1")
    assert "Step 3 of B" in seen.panel()
    seen.page.click(".reasons a >> text=step 10")
    assert "Step 10 of A" in seen.panel()


def test_switches_and_violations_have_keys_of_their_own(show: Open) -> None:
    found = verify("foreign-guard", [find_scenario("one-start-root"), find_scenario("one-start-empty")])
    assert len(found.violations) > 1
    seen = show(verification_page(found))
    seen.press("s")
    assert seen.panel()[:2] == ["After step 6", "killed (SIGKILL), a fault"]
    seen.press("n")
    assert seen.page.evaluate("location.hash") == "#v2-1"
    seen.press("p")
    assert seen.page.evaluate("location.hash") == "#v1-1"


def test_two_owners_are_red(show: Open, history: Callable[[str], Trace]) -> None:
    seen = show(trace_page(history("direct-unlink")))
    colours = """[...document.querySelectorAll(".end .above-owns")].map(
        (bar) => getComputedStyle(bar, "::before").backgroundColor)"""
    assert seen.page.evaluate(colours) == ["rgb(207, 34, 46)"] * 2


@pytest.mark.parametrize(
    ("size", "scheme"),
    ((DESKTOP, "light"), ((1000, 700), "dark"), (PHONE, "light")),
    ids=("desktop", "window", "phone"),
)
def test_long_page_fits_and_folds_open_for_the_keys(
    show: Open, long_trace: Trace, size: tuple[int, int], scheme: str
) -> None:
    seen = show(trace_page(long_trace), size, color_scheme=scheme)
    assert seen.overflow() <= 0
    fold = seen.page.locator(".fold details").first
    assert fold.get_attribute("open") is None
    seen.press(*["j"] * 8)
    assert fold.get_attribute("open") is not None
    seen.page.evaluate("location.hash = '#v1-435'")
    seen.page.wait_for_function("document.getElementById('panel-body').innerText.includes('C and D own')")
    assert seen.overflow() <= 0


def test_phone_has_buttons_for_the_keys(show: Open, history: Callable[[str], Trace]) -> None:
    seen = show(trace_page(history("guarded-lock")), PHONE, has_touch=True)
    assert not seen.page.is_visible("#panel")
    seen.page.tap("#v1-5")
    assert "Step 5 of A" in seen.panel()
    seen.page.tap("#panel [data-key=j]")
    assert "Step 6 of A" in seen.panel()
    seen.page.tap("#panel-less")
    assert seen.page.get_attribute("#panel-less", "aria-expanded") == "false"


def test_page_can_be_read_without_a_script(show: Open, history: Callable[[str], Trace]) -> None:
    seen = show(trace_page(history("unlinked-lock")), java_script_enabled=False)
    assert not seen.page.is_visible("#panel")
    assert seen.page.locator(".row").count() == 24
    seen.page.click(".disk-end summary")
    assert "locked by B" in seen.page.inner_text(".disk-end")


def test_print_has_no_panel_and_shows_the_last_disk(show: Open, history: Callable[[str], Trace]) -> None:
    seen = show(trace_page(history("unlinked-lock")))
    seen.page.emulate_media(media="print")
    assert not seen.page.is_visible("#panel")
    assert seen.page.pdf(format="A4").startswith(b"%PDF")


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_as_many_columns_as_there_can_be_leave_room_for_words(show: Open, size: tuple[int, int]) -> None:
    moves = parse_schedule(" ".join(f"start-{letter} {letter}1" for letter in LETTERS))
    trace = replay(find_subject("direct-unlink"), find_scenario("any-empty"), moves)
    seen = show(trace_page(trace), size)
    assert seen.overflow() <= 0
    assert seen.page.evaluate("document.querySelector('.what').offsetWidth") > 120
