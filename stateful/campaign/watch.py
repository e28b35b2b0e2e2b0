"""Watch: on each save of the subject, plays its cases, searches small scenarios, and runs a campaign.

For the edit loop of a refactor: a bug that has a case shows within a second, and one that a small scenario
shows within some seconds. As soon as anything is violated, it waits for the next save.
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
    """The subject was saved: the work in progress is about an old version."""


class Watch:
    """Watches the files of a subject.

    Args:
        say: prints a line.
        show: shows the progress of a campaign.
        finish: shows the result of a campaign.
        tell_of: shows the result of searching the small scenarios.
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
        """Watch until an interrupt."""
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
        """Check one version of the subject. Raises Saved, and KeyboardInterrupt."""
        campaign = Campaign(
            self._subject,
            self._corpus,
            self._seconds,
            self._workers,
            secrets.token_hex(8),
            self._show,
            self._is_saved,
        )
        self.is_violated = False  # A violation before the save does not count.
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
        """Search the small scenarios; return whether no violation was found."""
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
        """Wait until the files no longer change."""
        before: Stamp = {}
        while before != self._stamp:
            before, self._stamp = self._stamp, self._look()
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def _look(self) -> Stamp:
        """The modification time and size of each file of the subject."""
        stamp = {}
        for path in files_of(self._subject):
            try:
                status = path.stat()
            except OSError:  # It is being replaced.
                continue
            stamp[path] = (status.st_mtime_ns, status.st_size)
        return stamp


def files_of(subject: Subject) -> list[Path]:
    """The Python files of a subject's package, or of its folder if it is in no package."""
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
    """The scenarios of SMALL whose lives a subject offers."""
    offered = {*examine(subject).lives}
    found = dict.fromkeys(scenario for pattern in SMALL for scenario in find_scenarios(pattern))
    return [scenario for scenario in found if {*scenario.cast.lives} <= offered]
