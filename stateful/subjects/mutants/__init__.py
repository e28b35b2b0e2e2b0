"""Mutants: a planted bug for each row of the catalogue, how single-owner protocols broke in the wild.

Each is a module whose docstring says, before the colon, which invariant it breaks, and after it, how. Most
are the reference with one function overridden; where the reference cannot make the mistake so, it is one of
the historical status modules, or a short protocol of its own, which a search takes less time for.
``stateful.protocol.mutant_table`` says where each is caught.
"""
