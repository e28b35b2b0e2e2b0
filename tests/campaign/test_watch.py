"""Watch: a save of the subject restarts everything, beginning with the saved cases."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from stateful.campaign.watch import files_of
from stateful.protocol.subject import find_subject

LIMIT_S = 60.0


def test_save_has_the_saved_case_fixed_and_the_small_scenarios_hold(
    broken: Path, mended: str, tmp_path: Path
) -> None:
    corpus = tmp_path / "corpus"
    watch = subprocess.Popen(
        (sys.executable, "-m", "stateful", "fuzz", str(broken), "--watch", "--corpus", str(corpus)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )

    def read_until(start: str) -> list[str]:
        assert watch.stdout is not None
        lines = [watch.stdout.readline()]
        while not lines[-1].startswith(start) and lines[-1]:
            lines.append(watch.stdout.readline())
        return lines

    try:
        first = read_until("violated ")
        assert any(line.startswith("a_dead_owner_can_be_replaced is violated: ") for line in first)
        assert list(corpus.glob("*a_dead_owner_can_be_replaced.case"))
        broken.write_text(mended)
        second = read_until("holds ")
        assert second[0] == "saved\n"
        assert second[1].startswith("FIXED ")
        assert "small scenarios" in second[-1]
        broken.write_text("def gateway(home, serve:\n")
        third = read_until(f"{broken}: it fails on import: SyntaxError")
        assert "saved\n" in third
    finally:
        watch.terminate()
        try:
            out, err = watch.communicate(timeout=LIMIT_S)
        finally:
            watch.kill()
    assert err == ""
    assert out.endswith("interrupted\n")
    assert watch.returncode == 3


@pytest.mark.parametrize(
    ("subject", "among"),
    (
        ("reference-status", "status.py"),
        ("direct-unlink", "direct_unlink.py"),
        ("gateway_status/status.py", "claim.py"),
    ),
)
def test_all_files_of_the_subject_are_watched(subject: str, among: str) -> None:
    assert among in {path.name for path in files_of(find_subject(subject))}


def test_file_in_no_package_is_watched_with_those_beside_it(broken: Path) -> None:
    beside = broken.with_name("beside.py")
    beside.write_text("")
    assert {*files_of(find_subject(str(broken)))} == {broken, beside}
