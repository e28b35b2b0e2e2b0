"""``pytest --subject SUBJECT``: every scenario and the machine, on a maintainer's own file."""

from __future__ import annotations

from stateful import SingleOwnerMachine, conformance

TestSubject = conformance(SingleOwnerMachine.subject)  # conftest.py has put it there.
