"""A simulated operating system under unmodified Python code, over real files.

A *process* is a greenlet that runs the subject's code. Every entry point through which Python reaches
the operating system stops before the call; a decider chooses the process whose call is made next; the kernel
makes the call in a real temporary directory and returns the result.

Modelled: files and directories, ``flock`` and ``lockf``, pids, signals, exit handlers, ``/proc/<pid>``,
psutil's view of processes, sleeping and reading the clock, randomness; zombies, pid namespaces, processes
of other users; a machine without ``/proc`` and pidfds; faults (``machine_faults``, ``failing_calls``), and
what a power loss leaves of a disk (``persistence``). ``model/syscalls.py`` is the table of calls;
``tests/kernel/test_contract.py`` runs each of them both on the host and on the kernel.

Simplified:

- One call is one atomic step. A whole-file ``read()`` of a buffered file is one step, not a loop to
  end-of-file: a PID file is smaller than a page, and torn records come from torn writes.
- Reading the clock, ``lseek``, ``umask`` and installing a handler are not steps: no other process can
  see them, so they happen together with the step before them. Only an ``lseek`` from the end of a file to
  which others write depends on them: writes just before it are not explored.
- The clock moves only when a process sleeps; every order of the other processes stays possible meanwhile.
  A reading of it is a microsecond after the last one of the process: see ``stateful/python/readings.py``.
  A suspension comes between two steps, and takes none of the time that a process has asked to sleep. It does
  not change when a process was started: that is counted in the order of the starts.
- A process exists from its first turn. If it would only wait then, starting it counts as the step. Start
  times grow in the order of first turns; pids are in the order of the letters: a lower one may come later.
- Every process leads a group of its own. In a container's pid namespace pid 1 is like any other process; on
  Linux it ignores signals for which it has no handler, as pid 1 of the machine does here, which is the parent
  of every process.
- Paths are normalised as text: ``a/link/..`` is ``a``, ``file/`` is ``file``. A descriptor of a folder
  means the path by which it was opened: it is refused once that folder was renamed. An error names the
  absolute path.
- Inode numbers are never reused, as on tmpfs; in scenarios on ``reused-inodes`` at once, as on ext4.
- Reading changes no time, as on a file system that is mounted with ``noatime``. Folders that every machine
  has were changed just now. Sizes are as on ext4, but for holes: there are none.
- The modes of the folders that every machine has, the home directory among them, do not change.
- A hook that a process adds with ``sys.addaudithook`` is never called.
- ``select`` on a pidfd answers at once, having moved the clock by its time-out; several handlers that
  are due at once run one per step.
- Outside of ``/home/user``, ``/home/guest``, ``/run``, ``/tmp`` and ``/proc`` there are no files; making one
  is refused.
  Output is discarded, and ``sys.stdin`` is empty.
- A set of texts has the interpreter's order, which is the same in every process, and in every run with one
  ``PYTHONHASHSEED``. ``hash()`` of a text differs from process to process in the code of a subject.
- A working directory is a path: it does not follow a folder that is renamed or removed.
- Reference cycles of a process are collected after its end, when all its calls are refused. CPython would
  collect them, and run their destructors, at some moment that depends on how much the process allocates.

Not modelled, and refused with a message when a process tries: threads, child processes, sockets, ctypes,
memory maps, signal masks, files of more than a mebibyte, anything else that raises an audit event or lives in
``os``, ``fcntl``, ``signal``, ``select`` or ``time`` and is not in the table.

Not noticed: what an extension module, or a library called through one, does without an audit event; C
code that neither returns nor checks for signals, which only killing the harness ends; a subject that works
against the harness through ``gc``, frames or ``sys.monitoring``.
"""
