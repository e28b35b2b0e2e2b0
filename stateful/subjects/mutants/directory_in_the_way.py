"""a_dead_owner_can_be_replaced: a directory in the place of the lock file is an error of every start."""

from stateful.subjects.variants.record_in_the_lock import gateway

documented_errors = (IsADirectoryError,)
