"""at_most_one_owner: "names my pid" is true of the other container's record, and its clean-up removes it."""

from stateful.subjects.foreign_guard import get_running_pid, remove_pid_file, write_pid_file
