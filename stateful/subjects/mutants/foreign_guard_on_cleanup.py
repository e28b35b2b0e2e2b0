"""a_dead_owner_can_be_replaced: the clean-up of a start keeps every record that names another process.

It calls the exit-time remover, so exclusive creation fails for ever. This is the bug of the outage.
"""

from stateful.subjects.foreign_guard import get_running_pid, remove_pid_file, write_pid_file
