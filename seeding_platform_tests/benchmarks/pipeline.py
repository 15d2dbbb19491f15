"""From CSV on disk to a bundle in force, stage by stage: wall clock and CPU, beside a bare Polars copy of the same rows.

`python -m seeding_platform_tests.benchmarks.pipeline [--rows N] [--full] [--json]`. It prints figures and judges nothing.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import resource
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from seeding_platform.catalog import TABLES
from seeding_platform.catalog.engine import load_engines
from seeding_platform.cleaning import clean
from seeding_platform.cleaning.policy import CleaningPolicy
from seeding_platform.connectors import FileSourceSpec
from seeding_platform.connectors.files import read_file
from seeding_platform.connectors.landing import fingerprinted, require_columns, source_rows
from seeding_platform.connectors.mapping import mapped, union
from seeding_platform.defs.io_managers import check_schema
from seeding_platform.distribution.bundle import build_bundle
from seeding_platform.distribution.feeds import FEEDS, FeedContext
from seeding_platform.distribution.manifest import Lineage
from seeding_platform.distribution.verify import verify_bundle
from seeding_platform.quality import Sides, assess
from seeding_platform.quality.gate import GatePolicy
from seeding_platform.storage.lake import Lake
from seeding_platform_tests.benchmarks.generate import SEED, TENANT, generate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ENGINE = "content_performance_ml"
MEASURED = ("content_posts", "content_analytics")
NOW = dt.datetime(2026, 11, 20, 9, 35, tzinfo=dt.UTC)
NOTATION = {"date": "%d-%m-%Y", "timestamp": "%d-%m-%Y %H:%M", "decimal": ",", "timezone": "Europe/Amsterdam"}
COLUMNS = {
    "content_posts": {
        "post_id": "bericht_id",
        "account_id": "account",
        "campaign_id": "campagne",
        "platform": "kanaal",
        "content_type": "soort",
        "text": "tekst",
        "language": "taal",
        "hashtags": "hashtags",
        "url": "link",
        "media_count": "aantal media",
        "status": "status",
        "published_at": "geplaatst op",
        "created_at": "aangemaakt op",
        "author_email": "auteur",
        "ai_generated": "ai",
    },
    "content_analytics": {
        "post_id": "bericht",
        "measured_at": "gemeten op",
        "hours_since_publication": "uren",
        "impressions": "weergaven",
        "reach": "bereik",
        "likes": "vind-ik-leuks",
        "comments": "reacties",
        "shares": "gedeeld",
        "saves": "bewaard",
        "clicks": "kliks",
        "video_views": "videoweergaven",
        "watch_seconds": "kijktijd",
        "followers_gained": "nieuwe volgers",
    },
}


class Cost(NamedTuple):
    """Seconds on the clock, and of all threads of this process on the CPU."""

    wall: float
    cpu: float

    def __add__(self, other: tuple[float, ...]) -> Cost:  # type: ignore[override]
        return Cost(self.wall + other[0], self.cpu + other[1])


NOTHING = Cost(0.0, 0.0)


class Clock:
    """Costs by stage, added up."""

    def __init__(self) -> None:
        self.stages: dict[str, Cost] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.stages[name] = self.stages.get(name, NOTHING) + Cost(time.perf_counter() - wall, time.process_time() - cpu)


def source(contract: str, path: Path) -> FileSourceSpec:
    """The declaration of one made file."""
    columns, formats = COLUMNS.get(contract), NOTATION
    if columns is None:
        columns, formats = {name: name for name in pl.read_csv(path, separator=";", n_rows=0).columns}, {}
    table = {"contract": contract, "columns": columns, "formats": formats}
    return FileSourceSpec.model_validate(
        {"name": f"bench_{contract}", "path": str(path), "format": "csv", "delimiter": ";", "mode": "replace", "tenant": TENANT, "tables": [table]}
    )


def raw_to_bundle(files: Mapping[str, Path], folder: Path) -> dict[str, Cost]:
    """Take files through every stage as the assets do; the tables lie in `folder/lake`, the bundle in `folder/bundles`.

    Args:
        files: contract to CSV file; the tables beside posts and measurements are small and not timed.
        folder: an empty folder.
    """
    lake, clock = Lake(folder / "lake"), Clock()
    for contract, path in files.items():
        _to_quality(contract, path, lake, clock if contract in MEASURED else Clock())
    with clock.stage("build and verify bundle"):
        _to_bundle(lake, folder / "bundles")
    return clock.stages


def _to_quality(contract: str, path: Path, lake: Lake, clock: Clock) -> None:
    table, spec = TABLES[contract], source(contract, path)
    with clock.stage("read file"):
        batch = fingerprinted(path).batch(TENANT, spec)
        content = read_file(path, spec)
        require_columns(content, spec, path.name)
        rows = source_rows(content, source=spec.label, batch=batch, tenant=TENANT, now=NOW)
    with clock.stage("write raw/<source>"):
        lake.overwrite(spec.table, rows)
    del content, rows
    with clock.stage("map and union"):
        raw = union([mapped(lake.read(spec.table), spec, spec.tables[0])], contract).collect()
    with clock.stage("write raw/<contract>"):
        _write(lake, f"raw/{contract}", raw)
    del raw
    with clock.stage("clean"):
        result = clean(lake.read(f"raw/{contract}"), table, CleaningPolicy())
    with clock.stage("write clean"):
        _write(lake, f"clean/{contract}", result.kept)
        for side, frame in (("quarantine", result.quarantined), ("duplicates", result.duplicates), ("repairs", result.repairs)):
            _write(lake, f"clean/{contract}__{side}", frame)
    refused = result.quarantined.height
    del result
    with clock.stage("assess"):
        sides = (lake.read(f"clean/{contract}__{side}") for side in ("repairs", "duplicates"))
        found = assess(lake.read(f"clean/{contract}"), table, beside=Sides({spec.label: refused}, *sides), policy=GatePolicy())
    with clock.stage("write quality"):
        _write(lake, f"quality/{contract}", found.rows)


def _write(lake: Lake, table: str, frame: pl.DataFrame) -> None:
    check_schema(table, frame)
    lake.overwrite(table, frame)


def _to_bundle(lake: Lake, root: Path) -> None:
    engine, feed = load_engines()[ENGINE], FEEDS[ENGINE]
    versions: dict[str, int | str] = {f"quality/{t}": lake.version(f"quality/{t}") for t in feed.inputs if lake.exists(f"quality/{t}")}
    made = build_bundle(
        engine,
        feed,
        {t.removeprefix("quality/"): lake.read(t, version=int(v), tenant=TENANT) for t, v in versions.items()},
        tenant=TENANT,
        root=root,
        lineage=Lineage(run_id="bench", code_version="0", inputs=versions),
        quality={"minimum_confidence": engine.minimum_confidence},
        now=NOW,
        context=FeedContext(tenant=TENANT, seed=SEED),
    )
    verify_bundle(made.path.parent)


def bare_copy(files: Mapping[str, Path], folder: Path) -> Cost:
    """The same rows, only read and written: what Polars needs for it."""
    clock = Clock()
    for contract in MEASURED:
        with clock.stage("copy"):
            pl.read_csv(files[contract], separator=";", infer_schema=False).write_parquet(folder / f"{contract}.parquet")
    return clock.stages["copy"]


class Run(NamedTuple):
    """One size: the stages, the bare copy, and the most memory that was used."""

    rows: int
    stages: dict[str, Cost]
    bare: Cost
    peak_mib: float

    @property
    def total(self) -> Cost:
        return sum(self.stages.values(), NOTHING)

    def as_dict(self) -> dict[str, object]:
        costs = {**self.stages, "total": self.total, "bare copy": self.bare}
        return {"rows": self.rows, "peak_mib": round(self.peak_mib), "stages": {k: {"wall_s": v.wall, "cpu_s": v.cpu} for k, v in costs.items()}}


def measured(rows: int) -> Run:
    """Generate, copy, take through the pipeline; everything in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="seeding-bench-") as name:
        folder = Path(name)
        files = generate(folder / "files", rows)
        bare = bare_copy(files, folder)
        _forget_peak()
        stages = raw_to_bundle(files, folder)
        return Run(rows, stages, bare, _peak_mib())


def _forget_peak() -> None:
    """Linux: let the high-water mark of the memory start again; elsewhere it stays that of the whole process."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def _peak_mib() -> float:
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024
    except (OSError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def report(runs: Sequence[Run], shown: Run) -> str:
    """The stages of one size, and the growth over all."""
    total = shown.total
    lines = [f"{shown.rows:,} posts and as many measurements, both contracts together", "", f"{'stage':28}{'wall s':>9}{'CPU s':>9}{'of CPU':>9}"]
    lines += [f"{name:28}{cost.wall:9.2f}{cost.cpu:9.2f}{cost.cpu / (total.cpu or 1):9.0%}" for name, cost in shown.stages.items()]
    lines += [f"{'total':28}{total.wall:9.2f}{total.cpu:9.2f}", f"{'bare read_csv + parquet':28}{shown.bare.wall:9.2f}{shown.bare.cpu:9.2f}"]
    lines += [f"{'ratio to it':28}{total.wall / (shown.bare.wall or 1):8.0f}×{total.cpu / (shown.bare.cpu or 1):8.0f}×", ""]
    lines.append(f"{'rows':>12}{'wall s':>9}{'CPU s':>9}{'CPU µs a row':>15}{'ratio':>8}{'peak MiB':>11}")
    for run in runs:
        each, ratio = run.total.cpu / run.rows / 2 * 1e6, run.total.cpu / (run.bare.cpu or 1)
        lines.append(f"{run.rows * 2:12,}{run.total.wall:9.2f}{run.total.cpu:9.2f}{each:15.1f}{ratio:7.0f}×{run.peak_mib:11,.0f}")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    """Run it, small first, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000, help="posts of the run that is shown by stage (default: %(default)s)")
    parser.add_argument("--full", action="store_true", help="go on to a million posts")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    chosen = parser.parse_args(argv)
    measured(2_000)
    sizes = sorted({max(1, chosen.rows // 10), chosen.rows, *([1_000_000] if chosen.full else [])})
    runs = [measured(rows) for rows in sizes]
    shown = next(run for run in runs if run.rows == chosen.rows)
    print(json.dumps([run.as_dict() for run in runs], indent=1) if chosen.json else report(runs, shown))


if __name__ == "__main__":
    main()
