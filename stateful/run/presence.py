"""Which processes are there in an execution, and which faults can happen to them, for random deciders."""

from __future__ import annotations

from stateful.kernel.process import disposition_of
from stateful.kernel.waiting import is_at_rest
from stateful.model.call import Call
from stateful.model.disk import home_files
from stateful.model.faults import JUDGED
from stateful.model.images import DiskImage
from stateful.model.lifecycle import OWNER
from stateful.model.listing import names_in
from stateful.model.machine import SHELL
from stateful.model.schedule import EXIT, Move
from stateful.python.interpreter import Interpreter
from stateful.run.execution import Execution


def living(execution: Execution) -> list[str]:
    """The letters of the live processes."""
    return [letter for letter, process in execution.processes().items() if process.alive]


def serves(process: Interpreter) -> bool:
    """Whether a process owns and has no pending signal."""
    return process.alive and process.phase == OWNER and not process.signals


def owners(execution: Execution) -> list[str]:
    """The letters of the processes that own and have no pending signal."""
    return [letter for letter, process in execution.processes().items() if serves(process)]


def exitable(execution: Execution) -> list[str]:
    """The letters of the processes that can be asked to exit."""
    return [letter for letter in living(execution) if execution.possible(Move(EXIT, letter))]


def running(execution: Execution) -> list[str]:
    """The letters of the processes that have something to do and are not stopped."""
    processes = execution.processes()
    return [
        letter
        for letter in living(execution)
        if not serves(processes[letter]) and not processes[letter].stopped
    ]


def stopped(execution: Execution) -> list[str]:
    """The letters of the stopped processes."""
    return [letter for letter in living(execution) if execution.processes()[letter].stopped]


def pending(execution: Execution, letter: str) -> Call:
    """The call that a living process is about to make."""
    call = execution.processes()[letter].pending
    assert call is not None
    return call


class ExecutionWorld:
    """An execution as the fault families see it: a ``World`` of ``stateful.model.families``."""

    def __init__(self, execution: Execution) -> None:
        self._execution = execution

    @property
    def image(self) -> DiskImage:
        return self._execution.scenario.disk

    def living(self) -> list[str]:
        return living(self._execution)

    def stopped(self) -> list[str]:
        return stopped(self._execution)

    def ended(self) -> list[str]:
        """The letters of the ended processes whose pid another process may get now.

        After a reboot the kernel starts that other process at the same tick as the ended one. If the ended
        one began in the same boot, both would have the same tick of the same boot, which no machine does and
        no protocol could see.
        """
        boots = self._execution.kernel.boots
        processes = self._execution.processes().values()
        ended = [process for process in processes if not process.alive]
        return [process.letter for process in ended if boots == 1 or process.boot < boots]

    def serving(self) -> list[str]:
        return exitable(self._execution)

    def waiting(self) -> list[str]:
        return self._execution.waiting()

    def handles(self, letter: str, number: int) -> bool:
        with self._execution.begun(letter) as participant:
            return disposition_of(participant.process.dispositions, number) == "handler"

    def callers(self) -> list[str]:
        return [*running(self._execution), *self._execution.waiting()]

    def next_call(self, letter: str) -> Call | None:
        process = self._execution.processes().get(letter)
        if process is not None and process.signals:
            return None
        upcoming = self._execution.upcoming(letter)
        return upcoming and upcoming.call

    def files(self) -> list[str]:
        return home_files(self._execution.kernel.disk())

    def images(self) -> list[str]:
        """The images of the profiles that count; none if power cannot be lost, or was lost already."""
        persistence = self._execution.kernel.follow()
        if persistence is None:
            return []
        numbers = {profile: len(persistence.images(profile).listed) for profile in JUDGED}
        return [f"{profile}-{number + 1}" for profile in JUDGED for number in range(numbers[profile])]

    def listings(self) -> list[tuple[str, list[str]]]:
        """The folders at and below the home whose order is not known yet, even if none is listed next."""
        kernel = self._execution.kernel
        folders = [path for path, file in kernel.disk().by_path().items() if file.kind == "dir"]
        return [(each, names_in(kernel.disk(), each)) for each in folders if each not in kernel.orders]

    def disk_fails(self) -> bool:
        return self._execution.kernel.disk_fails()

    def has_shell(self) -> bool:
        return (SHELL.pid, "") in self._execution.kernel.strangers

    def is_at_rest(self) -> bool:
        return is_at_rest(self._execution.kernel)
