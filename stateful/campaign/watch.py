"""Watch: on each save of the subject its cases, then small scenarios exhaustively, then a campaign.

For the edit loop of a refactor: what was broken once is known again within a second, and what breaks in a
small scenario within some. Where anything is broken, it waits for the next save.
"""

from __future__ import annotations

import importlib.util
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from stateful.campaign.campaign import Campaign, Show
from stateful.campaign.corpus import Corpus
from stateful.campaign.tally import Tally
from stateful.explain.case_writer import NotTold, tell
from stateful.model.call import UnmodelledSyscall
from stateful.model.scenario import Scenario
from stateful.model.standard import find_scenario, find_scenarios
from stateful.protocol.subject import Subject, SubjectError
from stateful.run.examine import examine
from stateful.run.replay import Nondeterminism
from stateful.search.result import VIOLATED, Result
from stateful.verification.verification import Verification, verify

SECONDS_BETWEEN_LOOKS: Final = 0.2
BUDGET_S: Final = 60.0
SMALL: Final = (
    "one-start-*",
    "two-starts-empty-1-kill",
    "two-starts-stale-1-kill",
    "start-and-exit-empty-1-kill",
    "start-and-status-empty-1-kill",
    "exit-and-start-empty-1-kill",
    "one-replace-*",
)

Stamp = dict[Path, tuple[int, int]]


class Saved(Exception):
    """The subject was saved: what is being done is about yesterday's."""


class Watch:
    """The watch over a subject.

    Args:
        say: says a line.
        show: shows how far a campaign is.
        finish: shows what came of one.
    """

    def __init__(
        self,
        subject: Subject,
        corpus: Corpus,
        seconds: float,
        workers: int,
        say: Callable[[str], None],
        show: Show,
        finish: Callable[[Tally], None],
        tell_of: Callable[[Verification], None],
    ) -> None:
        self._subject = subject
        self._corpus = corpus
        self._seconds = seconds
        self._workers = workers
        self._say = say
        self._show = show
        self._finish = finish
        self._tell_of = tell_of
        self._stamp = self._look()
        self.is_violated = False

    def run(self) -> None:
        """Watch until somebody interrupts."""
        while True:
            try:
                self._round()
                while not self._is_saved():
                    time.sleep(SECONDS_BETWEEN_LOOKS)
            except Saved:
                pass
            self._settle()
            self._say("saved")

    def _round(self) -> None:
        """All that is done with one version of the subject. Raises Saved, and KeyboardInterrupt."""
        campaign = Campaign(
            self._subject,
            self._corpus,
            self._seconds,
            self._workers,
            secrets.token_hex(8),
            self._show,
            self._is_saved,
        )
        self.is_violated = False  # whatever was broken before the save
        tally = campaign.tally
        try:
            campaign.recheck()
            self.is_violated = bool(tally.known)
            if not tally.interrupted and self._search():
                campaign.run()
        except (SubjectError, UnmodelledSyscall, Nondeterminism) as error:
            if self._is_saved():
                raise Saved from None
            self._say(" ".join(str(error).split()))
            return
        finally:
            self.is_violated = self.is_violated or bool(tally.violated)
        if tally.runs:
            self._finish(tally)
        if tally.interrupted:
            raise KeyboardInterrupt

    def _search(self) -> bool:
        """Search the small scenarios; whether nothing is broken there."""
        found = verify(
            self._subject,
            small_scenarios(self._subject),
            budget_s=BUDGET_S,
            workers=self._workers,
            listen=self._listen,
        )
        broken = found.verdict == VIOLATED
        self.is_violated = self.is_violated or broken
        for trace in found.violations.values():
            try:
                self._corpus.save(tell(self._subject, find_scenario(trace.scenario), trace))
            except NotTold as why:
                self._say(f"not saved: {why}")
        self._tell_of(found)
        if found.interrupted:
            raise KeyboardInterrupt
        return not broken

    def _listen(self, number: int, result: Result) -> None:
        if self._is_saved():
            raise Saved

    # -- the files --------------------------------------------------------------------------------------

    def _is_saved(self) -> bool:
        return self._look() != self._stamp

    def _settle(self) -> None:
        """Wait until nothing is being written any more."""
        before: Stamp = {}
        while before != self._stamp:
            before, self._stamp = self._stamp, self._look()
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def _look(self) -> Stamp:
        """When each file of the subject was changed, and how large it is."""
        stamp = {}
        for path in files_of(self._subject):
            try:
                status = path.stat()
            except OSError:  # It is being replaced.
                continue
            stamp[path] = (status.st_mtime_ns, status.st_size)
        return stamp


def files_of(subject: Subject) -> list[Path]:
    """The Python files of a subject's package, or of its folder where it is in none."""
    top, _, rest = subject.module.partition(".")
    if subject.folder is None:
        spec = importlib.util.find_spec(top)
        folders = list(spec.submodule_search_locations or ()) if spec else []
        if not folders:
            return [Path(spec.origin)] if spec and spec.origin else []
        return [path for folder in folders for path in Path(folder).rglob("*.py")]
    if rest:
        return list(Path(subject.folder, top).rglob("*.py"))
    return list(Path(subject.folder).glob("*.py"))


def small_scenarios(subject: Subject) -> list[Scenario]:
    """Those of SMALL whose lives a subject offers."""
    offered = {*examine(subject).lives}
    found = dict.fromkeys(scenario for pattern in SMALL for scenario in find_scenarios(pattern))
    return [scenario for scenario in found if {*scenario.cast.lives} <= offered]
