"""A simulated operating system under unmodified Python code, over real files.

A *process* is a greenlet that runs the subject's code. Every entry point through which Python reaches
the operating system stops before the call; a decider chooses whose call is made next; the kernel makes
it, in a real temporary directory, and hands the result back.

Modelled: files and directories, ``flock`` and ``lockf``, pids, signals, exit handlers, ``/proc/<pid>``,
psutil's view of processes, sleeping and reading the clock, randomness; zombies, pid namespaces, processes
of other users; a machine without ``/proc`` and pidfds; faults (``machine_faults``, ``failing_calls``), and
what a power loss leaves of a disk (``persistence``). ``model/syscalls.py`` is the table of calls; a call is
in it when ``tests/kernel/test_contract.py`` runs it on the host and on the kernel alike.

Simplified:

- One call is one atomic step. A whole-file ``read()`` of a buffered file is one step, not a loop to
  end-of-file: a PID file is smaller than a page, and a torn record is made on the writing side.
- Reading the clock, ``lseek``, ``umask`` and installing a handler are not steps: no other process can
  see them, so they happen together with the step before them. An ``lseek`` from the end of a file others
  write to does depend on them: what they could write just before it is not explored.
- The clock moves only when a process sleeps; every order of the other processes stays open meanwhile.
  A suspension comes between two steps, and takes none of the time that a process has asked to sleep. When a
  process was started does not depend on it: it is counted in the order of the starts.
- A process exists from its first turn, of which that is a step where it has nothing else to do. Pids and
  start times grow in that order.
- Every process leads a group of its own. In a pid namespace pid 1 is like any other process: on Linux it
  takes no signal that it has no handler for. Every user may do with every file what its owner may.
- Paths are normalised as text: ``a/link/..`` is ``a``, ``file/`` is ``file``. A descriptor of a folder
  stands for the path by which it was opened. An error names the absolute path.
- Inode numbers are never given again, as on tmpfs; in scenarios on ``reused-inodes`` at once, as on ext4.
- The time of boot is the same after a reboot.
- A file has one time, of its last change; a folder's size, links and time never change.
- There are no nameless files (``O_TMPFILE`` is EOPNOTSUPP); the modes of the folders that every machine
  has, the home directory among them, do not change.
- A hook that a process adds with ``sys.addaudithook`` is never called.
- ``select`` on a pidfd answers at once, having moved the clock by its time-out; several handlers that
  are due at once run one per step.
- Outside of ``/home/user``, ``/run``, ``/tmp`` and ``/proc`` there is nothing; to make a file is refused.
  Nobody reads what is printed, and there is nothing to read from ``sys.stdin``.
- The order of a set of texts is the interpreter's: it is the same in every run where ``PYTHONHASHSEED`` is.
- What a process leaves in reference cycles is collected after its end, when its calls reach nothing.
  CPython would collect it, and run its destructors, at some moment that depends on how much it allocates.

Not modelled, and refused in words when a process tries: threads, child processes, sockets, ctypes,
memory maps, signal masks, anything else that raises an audit event or lives in ``os``, ``fcntl``, ``signal``,
``select`` or ``time`` and is not in the table.

Not noticed: what an extension module, or a library called through one, does without an audit event; C
code that neither returns nor looks for signals, which nothing but killing the harness ends; a subject
that works against the harness, by way of ``gc``, of frames or of ``sys.monitoring``.
"""
