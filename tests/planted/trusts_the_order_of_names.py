"""Broken with posix alone: syncs what it writes, and not the folder, so that a later name may outlive it."""

import os


def gateway(home, serve):
    pointer = home / "current"
    if pointer.exists():
        (home / pointer.read_text()).unlink()  # It was made before the pointer: it must be there.
        pointer.unlink()
    write(home / "record", str(os.getpid()))
    write(pointer, "record")
    serve()


def write(path, text):
    with open(path, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
