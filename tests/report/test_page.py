"""The page: verbatim, the same bytes each time, and without markup from a subject's text."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markupsafe import escape

from stateful.__main__ import main
from stateful.model.schedule import parse_schedule
from stateful.model.standard import find_scenario, find_scenarios
from stateful.model.trace import Trace
from stateful.protocol.subject import find_subject
from stateful.report.page import trace_page, verification_page
from stateful.run.replay import replay
from stateful.verification.verification import Verification, verify

VOID = ("meta", "link", "br")


class Checker(HTMLParser):
    """Insists that every element is closed where it should be, and that no identity is used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.links: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                assert value not in self.ids
                self.ids.add(value or "")
            if name == "href" and value and value.startswith("#"):
                self.links.add(value[1:])
            assert name != "src"

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def check(page: str) -> None:
    checker = Checker()
    checker.feed(page)
    assert not checker.open
    assert checker.links <= checker.ids
    assert not re.search(r"https?:|@import|url\(", page)


@pytest.fixture(scope="module")
def guarded() -> Verification:
    """A verification with several violations, one of them under a supervisor."""
    names = ("one-start-empty", "one-start-root", "outage-under-systemd-empty")
    return verify("guarded-lock", [scenario for name in names for scenario in find_scenarios(name)])


def test_page_of_the_smallest_is_as_written(
    history: Callable[[str], Trace], as_written: Callable[[str, str], None]
) -> None:
    page = trace_page(history("foreign-guard"))
    check(page)
    as_written("pages/foreign-guard.html", page[page.index("<main>") : page.index("</main>")])


@pytest.mark.parametrize("name", ("direct-unlink", "guarded-lock", "unlinked-lock"))
def test_page_of_the_others_is_whole(name: str, history: Callable[[str], Trace]) -> None:
    trace = history(name)
    page = trace_page(trace)
    check(page)
    assert page.count('data-disk="') == trace.length + len(trace.faults)
    assert page == trace_page(trace)


def test_several_violations_and_the_scenarios_are_on_one_page(guarded: Verification) -> None:
    page = verification_page(guarded)
    check(page)
    for invariant, trace in guarded.violations.items():
        assert f"<code>{invariant}</code> is violated" in page
        assert trace.violation is not None
        assert escape(trace.violation.sentence) in page
    assert "0:01:00.1   pid 102 starts, exits 1" in page
    assert page.count('<th scope="row"') == len(guarded.results)


def test_page_has_the_same_bytes_however_long_the_search_took(guarded: Verification) -> None:
    assert verification_page(replace(guarded, seconds=1e6)) == verification_page(guarded)


def test_nothing_that_a_subject_writes_is_markup(tmp_path: Path) -> None:
    subject = tmp_path / "evil.py"
    subject.write_text(
        "def gateway(home, serve):\n"
        "    (home / '</script><img onerror=alert(1)>').mkdir(exist_ok=True)\n"
        "    (home / 'gateway.pid').write_text('</template><script>alert(1)</script>')\n"
        "    serve()\n"
    )
    trace = replay(find_subject(str(subject)), find_scenario("any-empty"), parse_schedule("start-A A4"))
    page = trace_page(trace)
    check(page)
    assert page.count("<script>") == page.count("</script>") == 1
    assert "<img" not in page


def test_long_trace_is_a_page_of_bearable_size_with_folds(long_trace: Trace) -> None:
    assert long_trace.length >= 400
    assert len(long_trace.lives) == 6
    page = trace_page(long_trace)
    check(page)
    assert len(page) < 1_000_000
    assert page.count('<li class="fold">') > 20


def test_replay_writes_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    arguments = ["replay", "direct-unlink", "--scenario", "two-starts-empty", "--html", str(page)]
    assert main([*arguments, "A1 B8 A7"]) == 1
    assert "A and B both own the gateway" in page.read_text(encoding="utf-8")
    assert main([*arguments, "A1 B8"]) == 0
    assert "No invariant is violated" in page.read_text(encoding="utf-8")


def test_verify_that_holds_writes_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    assert main(["verify", "--scenario", "one-start-empty", "--html", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    check(text)
    assert '<span class="verdict holds">holds</span>' in text
