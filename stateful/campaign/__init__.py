"""Fuzzing sessions: what workers do and for how long, what is kept on disk, what has been covered."""
