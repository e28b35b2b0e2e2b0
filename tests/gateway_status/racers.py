"""Rounds of simultaneous starts on the record of a killed owner: ``racers.py ROUNDS CONTENDERS SUBJECT``.

Each round forks contenders that wait for one pipe to close. An owner takes a token on the disk while it
serves, and reports whether another process had it. In every other round the first owner stays until all
others have given up, and is then killed, which leaves the next round its record; in the rounds between,
an owner is done at once, so that one of the others may be next. Ends with the first round that had two
owners at a time, and prints what was counted, as JSON.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import select
import signal
import sys
from collections.abc import Callable
from typing import Any

TOKEN = "owner"
DEADLINE_S = 20.0
ALONE, BESIDE_ANOTHER, READY = b"1", b"2", b"r"

Start = Callable[[Callable[[], None]], object]


def subject(name: str) -> Start:
    """What is raced: the reference, or the usual start-up path around another status module."""
    if name == "reference":
        start: Start = importlib.import_module("gateway_status.gateway").run_gateway
        return start
    module, path = importlib.import_module(name), importlib.import_module("stateful.subjects.status_module")
    return lambda serve: path.gateway(module, serve)


def contend(start: Start, token: str, gate: int, report: int, stay: int | None) -> None:
    """One contender, from the gate to its end."""

    def serve() -> None:
        try:
            os.close(os.open(token, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            os.write(report, BESIDE_ANOTHER)
            return
        os.write(report, ALONE)
        if stay is not None:
            os.read(stay, 1)
        os.unlink(token)

    os.write(report, READY)
    os.read(gate, 1)
    start(serve)


def race(start: Start, contenders: int, *, stay: bool) -> bytes:
    """One round; what its owners reported."""
    token = os.path.join(os.environ["HERMES_HOME"], TOKEN)
    gate, opener = os.pipe()
    told, report = os.pipe()
    stays, end_of_stay = os.pipe()
    children = []
    for _ in range(contenders):
        child = os.fork()
        if not child:
            with contextlib.suppress(BaseException):
                for fd in (opener, told, end_of_stay):
                    os.close(fd)
                contend(start, token, gate, report, stays if stay else None)
            os._exit(0)
        children.append(child)
    os.close(report)
    for _ in children:
        assert os.read(told, 1) == READY
    os.close(opener)
    first = os.read(told, 1) if select.select([told], [], [], DEADLINE_S)[0] else b""
    wait_for(children, leave=1 if stay else 0)
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    reports = first + os.read(told, contenders)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(token)
    for fd in (gate, told, stays, end_of_stay):
        os.close(fd)
    return reports


def wait_for(children: list[int], leave: int) -> None:
    """Wait until no more than some of the children still run."""
    while len(children) > leave:
        fds = [os.pidfd_open(child) for child in children]
        ready, _, _ = select.select(fds, [], [], DEADLINE_S)
        for child, fd in zip(list(children), fds, strict=True):
            os.close(fd)
            if fd in ready:
                os.waitpid(child, 0)
                children.remove(child)
        if not ready:
            return


def main(rounds: int, contenders: int, name: str) -> dict[str, Any]:
    """Count the rounds with an owner, up to the first that had two at a time."""
    start = subject(name)
    won = 0
    for number in range(rounds):
        leave_a_record_of_the_dead()
        reports = race(start, contenders, stay=number % 2 == 0)
        won += ALONE in reports
        if BESIDE_ANOTHER in reports:
            return {"rounds": number + 1, "won": won, "two_owners": True}
        forget_the_starts()
    return {"rounds": rounds, "won": won, "two_owners": False}


def leave_a_record_of_the_dead() -> None:
    """As the last owner left one when it was killed, or else as a first one did."""
    path = os.path.join(os.environ["HERMES_HOME"], "gateway.pid")
    if not os.path.exists(path):
        child = os.fork()
        if not child:
            os._exit(0)
        os.waitpid(child, 0)
        with open(path, "w") as file:
            json.dump({"pid": child, "kind": "hermes-gateway", "argv": [], "start_time": 1}, file)


def forget_the_starts() -> None:
    """Here nothing respawns by itself, so the ledger that slows down a respawn storm is set aside."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(os.environ["HERMES_HOME"], "gateway-starts.log"))


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])))
