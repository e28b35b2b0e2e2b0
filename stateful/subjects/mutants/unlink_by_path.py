"""at_most_one_owner: a record is found stale, and its path unlinked, which by then is the successor's."""

from stateful.subjects.direct_unlink import get_running_pid, remove_pid_file, write_pid_file
