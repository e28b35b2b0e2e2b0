"""With any content in any file of the reference: only documented errors, no blocked start, and no signal.

Contents are arbitrary bytes, arbitrary JSON, almost correct records and markers, those of ``HOSTILE``, and
objects that are not files; in several files at a time. Each is read by every public function except
``terminate_pid``, which reads no file, on a host with ``/proc`` and on one without.

Not covered: content that changes while it is read, which the harness checks.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_status import identity
from tests.shortened import shortened

SCOPE, TOKEN = "telegram-bot-token", "123456:secret"
LOCK = f"locks/{SCOPE}-{hashlib.sha256(TOKEN.encode()).hexdigest()[:16]}.lock"
GUARDS = ("gateway.lock", "gateway.guard")
FILES = (
    "gateway.pid",
    "gateway_state.json",
    ".gateway-takeover.json",
    "gateway-starts.log",
    LOCK,
    "gateway.pid.new",
    "gateway_state.json.new",
    ".gateway-planned-stop.json",
    "locks/gateway.guard",
    *GUARDS,
)
BY_DEFAULT = 5
NOT_FILES = ("directory", "full-directory", "link", "dangling-link", "loop", "fifo", "socket")
FEW_EXAMPLES = 50
MANY_EXAMPLES = 25_000  # On either kind of host.

# Stand for what differs from run to run, so that an example is the same in each.
ME, PARENT, ME_SINCE, PARENT_SINCE, BOOT, NOW = "@me @parent @me-since @parent-since @boot @now".split()

numbers = st.one_of(
    st.sampled_from([0, 1, -1, True, 2**31 - 1, 2**31, 2**63, 2**64, 2**70, -(2**70), 10**4_000, 5.0]),
    st.integers(),
    st.floats(),
)
texts = st.one_of(st.text(max_size=20), st.sampled_from(["", "\ud800", "\0", "5", "x" * 5_000, "../x"]))
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)
pids = st.sampled_from([ME, PARENT]) | values
starts = st.sampled_from([ME_SINCE, PARENT_SINCE]) | values
times = (
    st.sampled_from([NOW, "2020-01-01", "9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00-23:59"]) | values
)
argvs = st.just(["hermes", "gateway", "run"]) | values
near_records = st.fixed_dictionaries(
    {},
    optional={
        "pid": pids,
        "start_time": starts,
        "boot_id": st.just(BOOT) | values,
        "kind": st.just("hermes-gateway") | values,
        "argv": argvs,
        "home": texts | values,
    },
)
near_markers = st.fixed_dictionaries(
    {},
    optional={
        "target_pid": pids,
        "target_start_time": starts,
        "replacer_pid": pids,
        "replacer_start_time": starts,
        "written_at": times,
    },
)
near_states = st.fixed_dictionaries(
    {"platforms": st.dictionaries(st.just("telegram") | texts, values, max_size=4) | values},
    optional={"pid": pids, "gateway_state": values, "active_agents": values, "old": values},
)
near_ledgers = st.lists(numbers.map(str) | texts | st.just(NOW), max_size=30).map("\n".join)
nested = st.tuples(st.sampled_from(["[", '{"platforms":', '{"pid":[']), st.integers(1, 30_000)).map(
    lambda nest: nest[0] * nest[1] + "]" * nest[1]
)
written = st.one_of(
    st.binary(max_size=200),
    st.one_of(near_records, near_markers, near_states, values).map(json.dumps),
    st.tuples(near_records.map(json.dumps), st.integers(0, 200)).map(lambda torn: torn[0][: torn[1]]),
    near_ledgers,
    nested,
).map(lambda text: text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
homes = st.dictionaries(st.sampled_from(FILES), written | st.sampled_from(NOT_FILES), min_size=1, max_size=4)


class Gateway(NamedTuple):
    """The face in a home of its own, where every signal but 0 fails the test."""

    status: ModuleType
    home: Path


@pytest.fixture(scope="module", params=["proc", "no-proc"])
def gateway(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HERMES_HOME", str(home))
        patch.setenv("HERMES_GATEWAY_LOCK_DIR", str(home / "locks"))
        patch.setattr(os, "kill", _only_asks(os.kill))
        if hasattr(signal, "pidfd_send_signal"):
            patch.setattr(signal, "pidfd_send_signal", _only_asks(signal.pidfd_send_signal))
        if request.param == "no-proc":
            exists = os.path.exists
            patch.setattr(identity, "_read_proc", lambda name: None)
            patch.setattr(os.path, "exists", lambda path: not str(path).startswith("/proc") and exists(path))
        yield Gateway(importlib.reload(importlib.import_module("gateway_status.status")), home)


def _only_asks(send: Callable[[int, int], None]) -> Callable[[int, int], None]:
    def checked(target: int, number: int) -> None:
        assert number == 0, f"signal {number} was sent to {target}"
        send(target, number)

    return checked


def put(gateway: Gateway, contents: dict[str, bytes | str]) -> None:
    """Fill the home with nothing but these."""
    for entry in gateway.home.iterdir():
        shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    (gateway.home / "locks").mkdir()
    for name, content in contents.items():
        path = gateway.home / name
        if isinstance(content, bytes):
            path.write_bytes(real(gateway.status, content))
        elif content.endswith("directory"):
            (path / "something" if content.startswith("full") else path).mkdir(parents=True)
        elif content.endswith(("link", "loop")):
            path.symlink_to({"link": "/etc/passwd", "loop": path.name}.get(content, "nowhere"))
        elif content == "fifo":
            os.mkfifo(path)
        else:
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(gateway.home / "s"))
            (gateway.home / "s").rename(path)


def real(status: ModuleType, content: bytes) -> bytes:
    """The content with what stands for this run's processes replaced by what is true of them."""
    for word, value in (
        (ME, os.getpid()),
        (PARENT, os.getppid()),
        (ME_SINCE, status.get_process_start_time(os.getpid())),
        (PARENT_SINCE, status.get_process_start_time(os.getppid())),
        (BOOT, identity.boot_id()),
        (NOW, "2099-01-01T00:00:00+00:00"),
    ):
        if word.encode() in content:
            content = content.replace(json.dumps(word).encode(), json.dumps(value).encode())
    return content


def meet(gateway: Gateway, contents: dict[str, bytes | str]) -> None:
    """Call everything on such a home."""
    status, home = gateway
    put(gateway, contents)
    before = len(os.listdir("/dev/fd"))
    try:
        ask(status)
        started = start(status)
        assert started or may_refuse(status, home, contents), "a start is wedged"
        assert not started or status.get_running_pid() == os.getpid()
        serve(status)
        took = attempt(status, lambda: status.acquire_scoped_lock(SCOPE, TOKEN, {"platform": "telegram"}))
        assert (took and took[0]) or may_refuse_the_lock(status, home, contents), "a scoped lock is wedged"
        attempt(status, lambda: status.acquire_scoped_lock(SCOPE, TOKEN))
        for owner in (os.getppid(), os.getpid(), 1, 2**31 - 1):
            attempt(status, lambda owner=owner: status.release_all_scoped_locks(owner_pid=owner))
        attempt(status, lambda: status.release_scoped_lock(SCOPE, TOKEN))
    finally:
        attempt(status, status.remove_pid_file)
        attempt(status, status.release_all_scoped_locks)
        status.release_gateway_runtime_lock()
    ask(status)
    assert len(os.listdir("/dev/fd")) == before


def attempt(status: ModuleType, function: Callable[[], Any]) -> Any:
    """What a function returns, or None where it raises what each function of the face may raise."""
    try:
        return function()
    except status.GatewayStatusError:
        return None


def ask(status: ModuleType) -> None:
    for clean_up in (False, True):
        pid = attempt(status, lambda clean_up=clean_up: status.get_running_pid(cleanup_stale=clean_up))
        assert pid is None or 0 < pid < 2**31
        attempt(status, lambda clean_up=clean_up: status.is_gateway_running(cleanup_stale=clean_up))
    attempt(status, status.is_gateway_runtime_lock_active)
    state = attempt(status, status.read_runtime_status)
    assert state is None or isinstance(state, dict)
    info = status.record_start_and_check_storm()
    assert info is None or 0 < info.backoff_s <= 300


def start(status: ModuleType) -> bool:
    if attempt(status, status.get_running_pid) is not None:
        return False
    if not attempt(status, status.acquire_gateway_runtime_lock):
        return False
    try:
        status.write_pid_file()
    except (status.GatewayStatusError, FileExistsError):
        return False
    return True


def serve(status: ModuleType) -> None:
    attempt(status, status.owns_gateway)
    attempt(
        status,
        lambda: status.write_runtime_status(
            gateway_state="running", platform="telegram", platform_state="connected", error_code=None
        ),
    )
    for name in ("takeover", "planned_stop"):
        assert getattr(status, f"consume_{name}_marker_for_self")() in (False, True)
        getattr(status, f"clear_{name}_marker")()
        for target in (os.getppid(), 2**31 - 1):
            assert getattr(status, f"write_{name}_marker")(target) in (False, True)
        getattr(status, f"clear_{name}_marker")()


def may_refuse(status: ModuleType, home: Path, contents: dict[str, bytes | str]) -> bool:
    """Whether a start may give up: for a record that somebody alive fits, or what is not ours to remove."""
    if any(isinstance(contents.get(name), str) for name in GUARDS):
        return True
    if "full-directory" in (contents.get("gateway.pid"), contents.get("gateway.pid.new")):
        return True
    return fits_somebody(status, home / "gateway.pid")


def may_refuse_the_lock(status: ModuleType, home: Path, contents: dict[str, bytes | str]) -> bool:
    """The same for a scoped lock."""
    if any(isinstance(contents.get(name), str) for name in (LOCK, "locks/gateway.guard")):
        return True
    return fits_somebody(status, home / LOCK)


def fits_somebody(status: ModuleType, path: Path) -> bool:
    payload = status._read_json_file(path) or {}
    pid, since = payload.get("pid"), payload.get("start_time")
    return type(pid) is int and since is not None and since == status.get_process_start_time(pid)


@settings(max_examples=FEW_EXAMPLES)
@given(homes)
def test_home_full_of_anything(gateway: Gateway, contents: dict[str, bytes | str]) -> None:
    meet(gateway, contents)


@pytest.mark.long
@settings(max_examples=MANY_EXAMPLES)
@given(homes)
def test_home_full_of_anything_many_times(gateway: Gateway, contents: dict[str, bytes | str]) -> None:
    meet(gateway, contents)


@pytest.mark.parametrize("name", shortened(FILES, BY_DEFAULT))
def test_listed_content_in_each_file(gateway: Gateway, name: str, hostile: bytes) -> None:
    meet(gateway, {name: hostile})


@pytest.mark.parametrize("name", shortened(FILES, BY_DEFAULT))
@pytest.mark.parametrize("kind", NOT_FILES)
def test_what_is_not_a_file_in_the_place_of_each(gateway: Gateway, name: str, kind: str) -> None:
    meet(gateway, {name: kind})


def test_recorder_would_notice_a_signal(gateway: Gateway) -> None:
    with pytest.raises(AssertionError, match="signal 15 was sent"):
        os.kill(os.getpid(), signal.SIGTERM)
