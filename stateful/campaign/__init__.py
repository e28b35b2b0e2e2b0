"""Fuzzing sessions: the workers' slices, the corpus on disk, and coverage."""
