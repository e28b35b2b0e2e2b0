"""Shows the progress of a search: a bar on a terminal, a line for each finished scenario elsewhere."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from stateful.report.text import LIMIT_COLUMNS
from stateful.search.result import Result


def console_of_lines() -> Console:
    """A console as wide as reports are, unless it is a terminal."""
    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = LIMIT_COLUMNS
    return console


class Display:
    """Shows the results of a number of scenarios as they come in."""

    def __init__(self, console: Console, total: int) -> None:
        self._results: dict[int, Result] = {}
        self._total = total
        self._plain = not console.is_terminal
        self._progress = Progress(
            TextColumn("searching"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[states]:,} states"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=self._plain,
        )
        self._task = self._progress.add_task("", total=total, states=0)

    def __enter__(self) -> Display:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def listen(self, number: int, result: Result) -> None:
        """Show a result that has come in."""
        self._results[number] = result
        self._total = max(self._total, number + 1)
        states = sum(result.states for result in self._results.values())
        finished = sum(result.finished for result in self._results.values())
        self._progress.update(self._task, total=self._total, completed=finished, states=states)
        if self._plain and result.finished:
            name, time_s = result.scenario.name, f"{result.seconds:.1f} s"
            size = f"{result.states:>9,} states"
            if result.chronicle:
                size = f"{result.chronicle.respawns:>9,} respawns"
            print(f"{name:<46} {result.verdict:<11} {size} {time_s:>8}", flush=True)
