"""A small real gateway: run one, ask for it, stop it, look at what stands on the disk.

The home is ``$HERMES_HOME``, or ``~/.hermes``. Exit status of ``run``: see ``gateway_status.gateway``; of
the others: 0 yes or done, 1 it could not be done, 2 the input was wrong, 3 no gateway runs.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

from gateway_status import doctor, gateway, status
from gateway_status.errors import GatewayStatusError

WRONG_INPUT: Final = 2
NOT_RUNNING: Final = 3
PIPE_CLOSED: Final = 141
SECONDS_BETWEEN_LOOKS: Final = 5.0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        print(f"gateway: {message}; see `{self.prog} --help`", file=sys.stderr)
        sys.exit(WRONG_INPUT)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a verb; the exit status."""
    parser = _Parser(prog="python -m gateway_status", description=__doc__.partition("\n")[0])
    verbs = parser.add_subparsers(required=True, metavar="VERB", dest="verb", parser_class=_Parser)
    run = verbs.add_parser("run", help="be the gateway of the home")
    run.add_argument("--replace", action="store_true", help="take the place of the one that runs")
    ask = verbs.add_parser("status", help="say whether a gateway runs; changes nothing")
    ask.add_argument("--json", action="store_true", help="as JSON")
    verbs.add_parser("stop", help="stop the gateway that runs, on purpose")
    verbs.add_parser("doctor", help="say what stands on the disk, and why; changes nothing")
    options = parser.parse_args(arguments)
    try:
        code = _do(options)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except GatewayStatusError as error:
        print(f"gateway: {gateway.explain(error)}", file=sys.stderr)
    except KeyboardInterrupt:
        print("gateway: interrupted", file=sys.stderr)
    except OSError as error:  # Nobody reads what is said, or it cannot be written.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return PIPE_CLOSED
        print(f"gateway: the answer could not be written: {error.strerror}", file=sys.stderr)
    return gateway.FAILED


def _do(options: argparse.Namespace) -> int:
    if options.verb == "run":
        return _run(replace=options.replace)
    if options.verb == "status":
        return _status(as_json=options.json)
    return _stop() if options.verb == "stop" else _doctor()


def _run(*, replace: bool) -> int:
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    return gateway.run_gateway(_serve, replace=replace)


def _serve() -> int | None:
    """The work of this gateway is to be there."""
    record = status.claim.running(status.host.pid_path(), clean_up=False)
    who = gateway.describe(record[1]) if record else f"pid {os.getpid()}"
    logging.info("gateway: runs in %s: %s; stop it with `python -m gateway_status stop`", _home(), who)
    while status.owns_gateway():
        time.sleep(SECONDS_BETWEEN_LOOKS)
    return None


def _status(*, as_json: bool) -> int:
    answer = doctor.as_json(_home())
    if as_json:
        print(json.dumps(answer, indent=2))
    elif answer["running"]:
        since = f", since {answer['since']}" if answer["since"] else ""
        print(f"gateway: runs in {_home()}: pid {answer['pid']}{since}")
    else:
        print(f"gateway: none runs in {_home()}; start one with `python -m gateway_status run`")
    return gateway.OK if answer["running"] else NOT_RUNNING


def _stop() -> int:
    ended = gateway.stop_gateway()
    if ended is None:
        print(f"gateway: none runs in {_home()}; nothing is to be done")
    else:
        print(f"gateway: stopped in {_home()}: {gateway.describe(ended)}")
    return gateway.OK


def _doctor() -> int:
    record = doctor.running(_home())
    found = list(doctor.findings(_home()))
    print(f"{_home()}:")
    for finding in found:
        print(f"  {finding.name:<{max(len(each.name) for each in found)}}  {finding.says}")
    if record:
        print(f"A gateway runs: {gateway.describe(record)}. Stop it with `python -m gateway_status stop`.")
    elif blocking := [finding.name for finding in found if finding.blocks]:
        names = " and ".join(blocking)
        print(f"No gateway is found, and none can start before something is done about {names}.")
        return gateway.FAILED
    else:
        print("No gateway runs, and one can start: `python -m gateway_status run`.")
    return gateway.OK


def _home() -> Path:
    return status.host.pid_path().parent


if __name__ == "__main__":
    sys.exit(main())
