"""The built-in subjects, which ``stateful.built_in`` lists: the reference, the history, and planted ones.

Nothing else is here: each process imports this package anew, before the subject itself.
"""
