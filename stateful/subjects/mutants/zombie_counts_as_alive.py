"""a_dead_owner_can_be_replaced: a zombie counts as alive."""

from gateway_status import identity
from stateful.subjects.reference import documented_errors, gateway, running_pid, stop

identity.DEAD_STATES = frozenset()
