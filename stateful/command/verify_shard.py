"""``verify --shard``: does the searches of one shard, and keeps the results in a file to resume from."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from stateful.command.display import Display, console_of_lines
from stateful.command.options import EXIT_STATUS, WrongInput
from stateful.command.outcome import OUTCOMES
from stateful.command.output import check_writable, unwritable
from stateful.model.scenario import Scenario
from stateful.model.trace import Trace
from stateful.protocol.subject import find_subject
from stateful.report.text import count, replay_command
from stateful.run.examine import examine
from stateful.search.jobs import Job, jobs_of, not_offered, search
from stateful.search.result import HOLDS, UNKNOWN, VIOLATED, Result
from stateful.verification.certificate import Certificate, Unfit, read
from stateful.verification.shard import Shard, deal, parse_shard
from stateful.verification.source import made_of


def add_shard(parser: argparse.ArgumentParser) -> None:
    """Add the option that chooses the shard."""
    parser.add_argument(
        "--shard",
        type=_shard,
        metavar="K/N",
        help="only the K-th of N shards; resumes from its --json FILE, which `merge` reads",
    )


def _shard(text: str) -> Shard:
    try:
        return parse_shard(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def search_shard(options: argparse.Namespace, scenarios: Sequence[Scenario]) -> int:
    """Search what a shard has not searched yet; return the exit status."""
    path: Path = options.json
    _check(options)
    subject = find_subject(options.subject, options.other)
    offer = examine(subject)
    other = subject.other.name if subject.other else None
    names = [scenario.name for scenario in scenarios]
    certificate = Certificate(options.shard, subject.name, other, made_of(subject), names)
    certificate = _gone_on_with(path, certificate)
    every = jobs_of(scenarios, not_offered(scenarios, offer))
    share = deal(every, options.shard.of)[options.shard.number - 1]
    jobs = [job for job in share if not _is_done(certificate, job)]
    console = console_of_lines()
    before, started = certificate.seconds, time.perf_counter()

    def keep() -> None:
        certificate.seconds = before + time.perf_counter() - started
        try:
            certificate.write(path)
        except OSError as error:
            raise unwritable(path, error) from None

    def listen(number: int, result: Result) -> None:
        # A goal that this part does not reach may be reached in another part.
        display.listen(number, replace(result, unreached=()) if result.exhaustive else result)
        if result.finished:
            certificate.note(result)
            keep()

    keep()
    with Display(console, sum(len(job.scenarios) for job in jobs)) as display:
        search(subject, offer, jobs, options.budget, options.workers, listen)
    for line in _summary(certificate, share):
        console.print(line, markup=False)
    return _exit_status(certificate, share)


def _check(options: argparse.Namespace) -> None:
    """Refuse options that a shard cannot use, and the lack of one that it needs."""
    if options.json is None:
        raise WrongInput(f"--shard {options.shard}: there is nowhere to keep it; name a file with --json")
    for name in (name for name in OUTCOMES if name != "json"):  # which is the shard itself
        if getattr(options, name):
            raise WrongInput(f"--{name}: a shard has no verdict of its own; give it to `merge`")
    check_writable(options.json)


def _gone_on_with(path: Path, new: Certificate) -> Certificate:
    """The certificate in a file, if the file exists, else the new one. Raises WrongInput on a mismatch."""
    if not path.exists():
        return new
    try:
        known = read(path)
    except Unfit as error:
        raise WrongInput(str(error)) from None
    word = "shard" if known.shard != new.shard else known.differs(new)
    if word:
        raise WrongInput(f"{path}: what stands there is of another {word}; remove it, or name another file")
    return known


def _is_done(certificate: Certificate, job: Job) -> bool:
    return all(certificate.is_done(scenario) for _, scenario in job.scenarios)


def _summary(certificate: Certificate, share: Sequence[Job]) -> list[str]:
    """The results of the shard so far, in a few lines."""
    names = [scenario.name for job in share for _, scenario in job.scenarios]
    done = sum(certificate.is_done(scenario) for job in share for _, scenario in job.scenarios)
    lines = []
    for invariant, (name, schedule) in _violations(certificate).items():
        trace = Trace(certificate.subject, name, "", certificate.other)
        lines += [f"{invariant} is violated:", f'    {replay_command(trace)} "{schedule}"']
    if done < len(names):
        reasons = {certificate.results.get(name, {}).get("reason") for name in names} - {None, ""}
        why = f" ({', '.join(sorted(map(str, reasons)))})" if reasons else ""
        lines.append(
            f"Shard {certificate.shard}: {done} of {count(len(names), 'scenario')} searched{why}; "
            "the same command resumes it."
        )
    else:
        lines.append(f"Shard {certificate.shard}: {count(len(names), 'scenario')} searched.")
    lines.append("The verdict is that of all shards: python -m stateful merge FILE ...")
    return lines


def _violations(certificate: Certificate) -> dict[str, tuple[str, str]]:
    """A scenario and a schedule for each violated invariant."""
    found: dict[str, tuple[str, str]] = {}
    for name, result in certificate.results.items():
        for invariant, schedule in result["violations"].items():
            found.setdefault(invariant, (name, schedule))
    return found


def _exit_status(certificate: Certificate, share: Sequence[Job]) -> int:
    if _violations(certificate):
        return EXIT_STATUS[VIOLATED]
    return EXIT_STATUS[HOLDS if all(_is_done(certificate, job) for job in share) else UNKNOWN]
