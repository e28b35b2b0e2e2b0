"""The options that several verbs share, and how a wrong one is refused."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

from stateful.model.scenario import Scenario
from stateful.search.result import HOLDS, UNKNOWN, VIOLATED

EXIT_STATUS: Final = {HOLDS: 0, VIOLATED: 1, UNKNOWN: 3}
WRONG_INPUT: Final = 2

Found = TypeVar("Found")
Verb = Callable[[argparse.Namespace], int]


class WrongInput(Exception):
    """The user's input is wrong; the message is one line that says what, why and what to do."""


class Parser(argparse.ArgumentParser):
    """A parser that raises WrongInput, and accepts options before an optional argument.

    Without the latter, argparse finds no schedule in ``replay SUBJECT --scenario NAME SCHEDULE``: it matches
    the optional argument, as absent, right after the subject.
    """

    _mixes = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        if self._mixes or self._subparsers is not None:
            return super().parse_known_args(args, namespace)
        self._mixes = True  # The call below calls this function again.
        try:
            found, unknown = self.parse_known_intermixed_args(args, namespace)
        finally:
            self._mixes = False
        if unknown:  # Refused here, since the parser of all verbs would point to its own help.
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown

    def error(self, message: str) -> NoReturn:
        raise WrongInput(f"{message}; see `{self.prog} --help`")


class Verbs:
    """The verbs of a command line."""

    def __init__(self, parser: Parser) -> None:
        self._parsers = parser.add_subparsers(required=True, metavar="VERB", parser_class=Parser)

    def add(self, name: str, function: Verb, text: str) -> argparse.ArgumentParser:
        """Add a verb and return its parser; ``function`` gets the options and returns the exit status."""
        added = self._parsers.add_parser(name, help=text, description=text)
        added.set_defaults(verb=function)
        return added


def add_subject(parser: argparse.ArgumentParser, **more: Any) -> None:
    """Add the argument that names the subject."""
    parser.add_argument(
        "subject",
        metavar="SUBJECT",
        help="a built-in name, a dotted module or a path to a .py, either with :function",
        **more,
    )


def add_other(parser: argparse.ArgumentParser) -> None:
    """Add the option that names a second subject in the same home."""
    parser.add_argument(
        "--with",
        dest="other",
        metavar="OTHER",
        help="another subject that runs in the same home, such as the previous version",
    )


def add_html(parser: argparse.ArgumentParser) -> None:
    """Add the option that writes the result as a page."""
    parser.add_argument("--html", type=Path, metavar="FILE", help="also draw the result there, as one page")


def positive(kind: type) -> Callable[[str], Any]:
    """A function that reads a number above 0."""

    def read(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            value = 0
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
        return value

    return read


def named(find: Callable[[str], Found], name: str) -> Found:
    """The scenario or scenarios that a name stands for. Raises WrongInput if there are none."""
    try:
        return find(name)
    except KeyError:
        raise WrongInput(f"{name}: no such scenario; `python -m stateful scenarios` lists them") from None


def check_other(scenario: Scenario, other: str | None) -> None:
    """Refuse a scenario for two subjects if only one is given, and the reverse."""
    if scenario.cast.is_mixed and other is None:
        raise WrongInput(f"{scenario.name}: two subjects run there; name the other one with --with")
    if other is not None and not (scenario.cast.is_mixed or scenario.open_ended):
        raise WrongInput(f"{scenario.name}: one subject runs there; leave --with out")


def check_lives(subject: str, lives: Sequence[str], offered: Sequence[str]) -> None:
    """Refuse a life that a subject does not offer."""
    for life in lives:
        if life not in offered:
            raise WrongInput(f"{subject}: it offers no {life}; it offers {', '.join(offered)}")
