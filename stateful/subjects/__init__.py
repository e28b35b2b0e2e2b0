"""The built-in subjects: the reference, the historical ones, mutants, variants and the zoo.

``stateful.protocol.built_in`` lists them. This file is empty: each process imports it before its subject.
"""
