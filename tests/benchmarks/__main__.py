"""The command line of the benchmarks, from a checkout: ``python -m tests.benchmarks [speed | luck]``."""

from __future__ import annotations

import argparse
import os

from tests.benchmarks.mutant_luck import all_jobs, measure_luck
from tests.benchmarks.speed import measure_speed


def main() -> None:
    """Run one benchmark."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument(
        "benchmark",
        nargs="?",
        choices=("speed", "luck"),
        default="speed",
        help="speed: how fast the harness is here, in a quarter of an hour; luck: how many Hypothesis "
        "machines it takes to find each mutant, on all cores, an hour on two",
    )
    if parser.parse_args().benchmark == "luck":
        measure_luck(all_jobs(), os.cpu_count() or 1)
    else:
        measure_speed()


if __name__ == "__main__":
    main()
