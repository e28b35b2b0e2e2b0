"""at_most_one_owner: a start marks a folder in /tmp whose path it has published; another renames it."""

import contextlib
import os
import tempfile


def gateway(home, serve):
    try:
        os.close(os.open(home / "first", os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        try:
            folder = (home / "where").read_text()
            os.rename(folder, home / "taken")
        except OSError:
            return
        if not os.path.exists(home / "taken" / "mark"):
            serve()
        return
    folder = tempfile.mkdtemp()
    (home / "where").write_text(folder)
    with contextlib.suppress(FileNotFoundError):  # It was taken away before it was marked.
        os.mkdir(f"{folder}/mark")
    os.stat(home)  # The step before is then not the one by which it owns.
    serve()
