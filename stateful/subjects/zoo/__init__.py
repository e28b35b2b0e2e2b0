"""The zoo: real single-owner code from PyPI, unmodified, each library behind an adapter that may be copied.

An adapter is a subject like any other (see README). Its docstring says what the library promises, and
``not_offered`` what it does not. The libraries are not dependencies: ``stateful.protocol.installation``
installs the pinned versions below into separate folders, so that two versions of a library can be compared.
"""

from __future__ import annotations

from typing import Final, NamedTuple

PREFIX: Final = "zoo:"


class Animal(NamedTuple):
    """An entry of the zoo.

    Attributes:
        class_: the class or function that is verified.
        adapter: the module of this package that drives it.
        pins: the library's version, and the versions of its dependencies.
    """

    class_: str
    adapter: str
    pins: tuple[str, ...]


_TWISTED: Final = (
    "twisted==26.10.0",
    "attrs==26.1.0",
    "automat==25.4.16",
    "constantly==23.10.4",
    "hyperlink==21.0.0",
    "idna==3.20",
    "incremental==24.11.0",
    "packaging==26.4",
    "typing-extensions==4.16.0",
    "zope-interface==8.7",
)

_CELERY: Final = (
    "celery==5.7.0",
    "amqp==5.4.2",
    "billiard==4.3.2",
    "click==8.5.1",
    "kombu==5.7.0",
    "vine==5.1.0",
)
_CHERRYPY: Final = (
    "cherrypy==18.10.0",
    "cheroot==11.1.2",
    "jaraco.collections==5.2.1",
    "jaraco.context==6.1.2",
    "jaraco.functools==4.6.0",
    "jaraco.text==4.3.0",
    "more-itertools==11.2.1",
    "portend==3.2.1",
    "python-dateutil==2.9.0.post0",
    "six==1.17.0",
    "tempora==5.13.0",
    "zc.lockfile==4.0",
)
_LUIGI: Final = (
    "luigi==3.8.1",
    "python-dateutil==2.9.0.post0",
    "six==1.17.0",
    "tenacity==9.1.4",
    "tornado==6.6.1",
    "typing-extensions==4.16.0",
)

ANIMALS: Final = {
    "soft-file-lock-4.0.12": Animal("SoftFileLock", "soft_file_lock", ("filelock==4.0.12",)),
    "soft-file-lock-4.1.0": Animal("SoftFileLock", "soft_file_lock", ("filelock==4.1.0",)),
    "file-lock": Animal("FileLock", "file_lock", ("filelock==4.1.0",)),
    "portalocker": Animal("Lock", "portalocker_lock", ("portalocker==4.4.2",)),
    "portalocker-pid": Animal("PidFileLock", "portalocker_pid_file", ("portalocker==4.4.2",)),
    "fasteners": Animal("InterProcessLock", "fasteners_lock", ("fasteners==0.20",)),
    "zc-lockfile": Animal("LockFile", "zc_lock_file", ("zc.lockfile==4.0",)),
    "pid": Animal("PidFile", "pid_file", ("pid==3.0.4",)),
    "python-daemon": Animal(
        "TimeoutPIDLockFile", "python_daemon", ("python-daemon==3.1.2", "lockfile==0.12.2")
    ),
    "lockfile": Animal("LinkLockFile", "link_lock_file", ("lockfile==0.12.2",)),
    "daemonize": Animal("Daemonize", "daemonized", ("daemonize==2.5.0",)),
    "gunicorn": Animal("Pidfile", "gunicorn_pid_file", ("gunicorn==27.0.1",)),
    "celery": Animal("create_pidlock", "celery_pid_file", _CELERY),
    "circus": Animal("Pidfile", "circus_pid_file", ("circus==0.19.0",)),
    "cherrypy": Animal("PIDFile", "cherrypy_pid_file", _CHERRYPY),
    "twisted": Animal("PIDFile", "twisted_pid_file", _TWISTED),
    "twisted-lock": Animal("FilesystemLock", "twisted_lock", _TWISTED),
    "tendo": Animal("SingleInstance", "tendo_singleton", ("tendo==0.3.0",)),
    "luigi": Animal("acquire_for", "luigi_lock", _LUIGI),
}
