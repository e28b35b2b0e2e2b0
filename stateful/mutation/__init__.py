"""Plants mistakes in the system calls of any subject, without touching its source, to measure the checks.

A *mutation* is an operator at a call site: this ``flock`` is skipped, that ``open`` loses its O_EXCL. It is
applied between the code and the kernel, to every call that a process makes from that line.
"""
