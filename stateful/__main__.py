"""The command line: one verb per use.

Exit status: 0 holds, 1 violated, 2 the input was wrong (one line says what, why and what to do),
3 unknown. For cases: 0 all are fixed, 1 any is violated, 3 otherwise. For a script: 1 it shows the violation,
3 it does not.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Final, NoReturn

from stateful.command import fuzz, merge, mutate, replay, verify, zoo
from stateful.command import list_names as listing
from stateful.command.options import EXIT_STATUS, WRONG_INPUT, Parser, Verbs, WrongInput
from stateful.model.call import UnmodelledSyscall
from stateful.model.schedule import ScheduleMismatch
from stateful.protocol.subject import SubjectError
from stateful.run.replay import Nondeterminism
from stateful.search.result import UNKNOWN

VERBS: Final = (verify, merge, replay, mutate, fuzz, zoo, listing)
PIPE_CLOSED: Final = 141
NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def run() -> NoReturn:
    """The entry point: SIGTERM and SIGHUP interrupt the run, so that it reports its results and cleans up."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        # Names of files need not be text, or fit a terminal.
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(main())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a verb; returns the exit status."""
    parser = Parser(prog="python -m stateful", description=__doc__.partition("\n")[0])
    verbs = Verbs(parser)
    for verb in VERBS:
        verb.add(verbs)
    try:
        options = parser.parse_args(arguments)
        status: int = options.verb(options)
        print(end="", flush=True)  # sys.stdout is None if the parent has closed it.
        return status
    except (WrongInput, SubjectError, ScheduleMismatch, UnmodelledSyscall, Nondeterminism) as error:
        print(f"stateful: {' '.join(str(error).split())}", file=sys.stderr)
        return WRONG_INPUT
    except KeyboardInterrupt:
        print("stateful: interrupted", file=sys.stderr)
        return EXIT_STATUS[UNKNOWN]
    except BrokenPipeError:
        _drop_output()
        return PIPE_CLOSED
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        _drop_output()
        print(f"stateful: the output cannot be written ({error.strerror}); make room there", file=sys.stderr)
        return WRONG_INPUT


def _drop_output() -> None:
    """Discard the rest of the output: flushing it at exit would fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    run()
