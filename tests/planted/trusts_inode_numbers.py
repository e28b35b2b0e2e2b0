"""at_most_one_owner: a record with the inode number of the stale one is taken for the stale one."""

import fcntl
import os


def lives(pid):
    try:
        return open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def is_still(path, number):
    try:
        return os.stat(path).st_ino == number
    except FileNotFoundError:
        return False


def gateway(home, serve):
    path, mine = home / "pid", home / f"pid.{os.getpid()}"
    number = None
    try:
        number = os.stat(path).st_ino
        if lives(int(path.read_text())):
            return
    except FileNotFoundError:
        pass
    with open(home / "guard", "a") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if is_still(path, number):
            os.unlink(path)
        mine.write_text(str(os.getpid()))
        try:
            os.link(mine, path)
        except FileExistsError:
            return
        finally:
            os.unlink(mine)
    serve()
