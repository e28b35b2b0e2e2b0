"""a_dead_owner_can_be_replaced: a start gives up if `slot` is a folder, which only scandir shows."""

import os


def gateway(home, serve):
    with os.scandir(home) as entries:
        kinds = {entry.name: entry.is_dir() for entry in entries}
    if kinds.get("slot"):
        return  # The process that made the folder may be dead.
    if "slot" not in kinds:
        os.close(os.open(home / "slot", os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        os.unlink(home / "slot")
        os.mkdir(home / "slot")
    serve()
