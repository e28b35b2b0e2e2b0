"""at_most_one_owner: a clean-up unlinks the lock file; a process that has it open locks a nameless file."""

from stateful.subjects.unlinked_lock import (
    acquire_gateway_runtime_lock,
    get_running_pid,
    release_gateway_runtime_lock,
    remove_pid_file,
    write_pid_file,
)
