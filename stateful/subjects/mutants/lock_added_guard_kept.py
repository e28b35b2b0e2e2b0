"""a_dead_owner_can_be_replaced: a runtime lock is added, but the clean-up keeps its guard."""

from stateful.subjects.guarded_lock import (
    acquire_gateway_runtime_lock,
    get_running_pid,
    release_gateway_runtime_lock,
    remove_pid_file,
    write_pid_file,
)
