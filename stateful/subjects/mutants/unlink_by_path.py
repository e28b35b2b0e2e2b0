"""at_most_one_owner: a stale record is unlinked by its path, which names the successor's record by then."""

from stateful.subjects.direct_unlink import get_running_pid, remove_pid_file, write_pid_file
