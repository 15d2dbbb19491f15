"""A large export of an ad platform: read, and carried end to end until its figures are in force, beside a bare `pl.read_csv`.

`python -m seeding_platform_tests.benchmarks.exports [--rows N]`. Every step runs in a process of its own. It prints figures and judges nothing.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from seeding_platform_tests.places import place_in

if TYPE_CHECKING:
    from collections.abc import Mapping

BARE = "import sys, polars as pl; print(pl.read_csv(sys.argv[1], skip_rows=2, truncate_ragged_lines=True, infer_schema_length=1000).height)"
READ = "import sys; from pathlib import Path; from seeding_platform.analytics import read_export; print(read_export(Path(sys.argv[1])).facts.height)"


class Cost(NamedTuple):
    """What one process cost."""

    wall_s: float
    cpu_s: float
    peak_mb: float


def cost(*command: str, env: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end; its CPU counts the processes that it started too."""
    began, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=dict(env) if env else None) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command[:4])} ended with {process.returncode}")
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = (ended.ru_utime + ended.ru_stime) - (began.ru_utime + began.ru_stime)
    return Cost(time.perf_counter() - wall, cpu, used.ru_maxrss / 1024)


def write_export(path: Path, rows: int) -> None:
    """A campaign report as Google writes it: two lines before the header, a total below; 600 days, 300 campaigns."""
    rng = np.random.default_rng(1)
    clicks = rng.integers(0, 900, rows)

    def pick(values: list[str]) -> pl.Series:
        return pl.Series(values).gather(pl.Series(rng.integers(0, len(values), rows)))

    frame = pl.DataFrame(
        {
            "Day": pl.Series(rng.integers(20_089, 20_689, rows)).cast(pl.Int32).cast(pl.Date).dt.to_string(),
            "Campaign": pick([f"Campaign {n}" for n in range(300)]),
            "Country": pick(["Netherlands", "Belgium", "Germany", "France"]),
            "Device": pick(["Mobile phones", "Computers", "Tablets"]),
            "Currency code": ["EUR"] * rows,
            "Clicks": clicks,
            "Impr.": clicks * 30,
            "Cost": (clicks * rng.random(rows)).round(2),
            "Conversions": rng.integers(0, 20, rows).astype(float),
            "Conv. value": (rng.random(rows) * 500).round(2),
        }
    )
    with path.open("w", encoding="utf-8") as out:
        out.write("Campaign report\nJanuary 1, 2025 - August 23, 2026\n")
        frame.write_csv(out)
        out.write("Total: Account,,,,EUR,,,,,\n")


def main() -> None:
    """Run it and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        place = place_in(Path(folder))
        path = Path(folder) / "campaigns.csv"
        write_export(path, rows)
        python = sys.executable
        bare = cost(python, "-c", BARE, str(path))
        read = cost(python, "-c", READ, str(path))
        landed = cost(python, "-m", "seeding_platform.cli", "export", "land", str(path), env=place.environment)
        print(f"{rows:,} rows, {path.stat().st_size / 1e6:.0f} MB; every process with its imports")
        for name, what in (("pl.read_csv", bare), ("read_export", read), ("export land", landed)):
            print(
                f"{name:12} {what.wall_s:6.2f} s wall  {what.cpu_s:6.2f} CPU-s  peak {what.peak_mb:6.0f} MB  "
                f"{rows / what.wall_s:10,.0f} rows/s  {what.cpu_s / bare.cpu_s:5.1f} x the CPU of pl.read_csv"
            )


if __name__ == "__main__":
    main()
