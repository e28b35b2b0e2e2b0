"""Mutants: a planted bug for each row of the catalogue of real failures of single-owner protocols.

Each mutant is a module. Its docstring names the invariant that it breaks, and after the colon the mistake.
Most are the reference with one function overridden. If the reference cannot make the mistake like that, the
mutant is a historical status module, or a short protocol of its own, which is faster to search.
``stateful.protocol.mutant_table`` says where each is caught.
"""
