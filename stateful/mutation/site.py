"""A call site: the innermost line of the subject's own code from which a system call is made."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from types import FrameType

# The adapter that calls a status module is the harness's code, although it lies beside the subjects.
_NOT_OF_THE_SUBJECT: Final = frozenset({"stateful.subjects.status_module"})
_SUBJECTS: Final = "stateful.subjects."


class Site(NamedTuple):
    """The place of a call in the subject's code.

    Attributes:
        file: the name of the file.
        function: the qualified name of the function.
        call: the name of the system call.
    """

    file: str
    line: int
    function: str
    call: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.function}"


def site_of(call: str) -> Site | None:
    """The site from which the current process makes a call; None if no subject code is on the stack."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if _is_of_the_subject(frame.f_globals.get("__name__", "")):
            code = frame.f_code
            return Site(os.path.basename(code.co_filename), frame.f_lineno, code.co_qualname, call)
        frame = frame.f_back
    return None


def _is_of_the_subject(module: str) -> bool:
    top = module.partition(".")[0]
    if top == "stateful":
        return module.startswith(_SUBJECTS) and module not in _NOT_OF_THE_SUBJECT
    return bool(top) and top not in sys.stdlib_module_names and top not in ("greenlet", "psutil")
