"""at_most_one_owner: the other container's record has the same pid, so a clean-up takes it for its own."""

from stateful.subjects.foreign_guard import get_running_pid, remove_pid_file, write_pid_file
