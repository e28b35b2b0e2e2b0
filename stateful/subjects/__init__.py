"""The built-in subjects (``stateful.protocol.built_in`` lists them): the reference, the history, the planted.

Nothing else is here: each process imports this package anew, before the subject itself.
"""
