"""What happened to a process in an execution, of which the kernel knows nothing."""

from __future__ import annotations

from dataclasses import dataclass

from stateful.kernel.process import Process
from stateful.model.excuses import NO_EXCUSE, Excuse
from stateful.model.life import plain
from stateful.model.moment import View


@dataclass
class Circumstances:
    """What a ``View`` shows beside the process itself."""

    company: tuple[str, ...] = ()
    frozen: bool = False
    alone: bool = True
    steps: int = 0
    asked: str | None = None
    excuse: Excuse = NO_EXCUSE

    def view(self, process: Process) -> View:
        """The process as the invariants see it."""
        killed = process.outcome is not None and process.outcome.kind == "killed"
        return View(
            process.letter,
            plain(process.life),
            process.pid,
            process.phase,
            process.owned,
            process.outcome,
            None if killed else self.asked,
            self.excuse,
            self.steps,
            self.alone,
            self.company,
            self.frozen,
            process.namespace,
        )
