"""a_dead_owner_can_be_replaced: a directory in place of the lock file makes every start fail."""

from stateful.subjects.variants.record_in_the_lock import gateway

documented_errors = (IsADirectoryError,)
