"""a_dead_owner_can_be_replaced: a record is renamed into place unsynced; a power loss may leave it empty."""

import os


def gateway(home, serve):
    record, new = home / "gateway.pid", home / "gateway.pid.new"
    if record.exists():
        pid = record.read_text().strip()
        if not pid or is_alive(pid):
            return  # "Somebody is about to write it."
    new.write_text(str(os.getpid()))
    os.replace(new, record)
    serve()
    record.unlink()


def is_alive(pid):
    return pid.isdigit() and os.path.exists(f"/proc/{pid}")
