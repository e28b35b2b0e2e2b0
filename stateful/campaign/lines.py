"""Records which lines of the subject have run, in all modules that each process has its own copy of.

It costs next to nothing, so it is on in every execution: ``sys.monitoring`` reports a line once, and is then
switched off for that line. Python 3.11 has no ``sys.monitoring``; no lines are counted there.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any, Final

from stateful.python.loading import own_code

Line = tuple[str, int]  # the path of the file, and the line's number

OF_THE_HARNESS: Final = str(Path(__file__).parents[1])
SUBJECTS: Final = str(Path(OF_THE_HARNESS, "subjects"))


class Lines:
    """The lines that have run while this context was entered."""

    def __init__(self) -> None:
        self._seen: set[Line] = set()
        self._watches = False

    def run(self) -> set[Line]:
        """The lines that have run."""
        return self._seen & self.there()

    def there(self) -> set[Line]:
        """All lines of the loaded modules that could run; none if lines are not recorded."""
        if not self._watches:
            return set()
        return {line for code in own_code() if _is_of_subject(code) for line in _lines(code)}

    if sys.version_info >= (3, 12):
        _TOOL: Final = sys.monitoring.COVERAGE_ID

        def __enter__(self) -> Lines:
            monitoring = sys.monitoring
            self._watches = monitoring.get_tool(self._TOOL) is None
            if self._watches:
                monitoring.use_tool_id(self._TOOL, "stateful lines")
                monitoring.register_callback(self._TOOL, monitoring.events.LINE, self._note)
                monitoring.set_events(self._TOOL, monitoring.events.LINE)
                monitoring.restart_events()
            return self

        def __exit__(self, *_: object) -> None:
            if self._watches:
                sys.monitoring.set_events(self._TOOL, 0)
                sys.monitoring.register_callback(self._TOOL, sys.monitoring.events.LINE, None)
                sys.monitoring.free_tool_id(self._TOOL)

        def _note(self, code: CodeType, number: int) -> Any:
            if _is_of_subject(code):
                self._seen.add((code.co_filename, number))
            return sys.monitoring.DISABLE

    else:

        def __enter__(self) -> Lines:
            return self

        def __exit__(self, *_: object) -> None:
            """Nothing was begun, so nothing is to be ended."""


def _is_of_subject(code: CodeType) -> bool:
    path = code.co_filename
    if path.startswith(OF_THE_HARNESS):
        return path.startswith(SUBJECTS)
    return "site-packages" not in path and not path.startswith((sys.base_prefix, "<"))


def _lines(code: CodeType) -> Iterator[Line]:
    for _, _, number in code.co_lines():
        if number:
            yield code.co_filename, number
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _lines(constant)
