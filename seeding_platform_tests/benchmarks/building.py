"""What it takes to build a bundle: `python -m seeding_platform_tests.benchmarks.building [--formats ...] [--rows ...] [--feed]`.

Each figure is of a process of its own: processor, and the peak of its memory (`VmHWM`) once imports are done, while the rows are made, and while the
bundle is built, read back and verified. `--second` builds another bundle over the first, with a thousand changed rows, so that there is a delta. With
`--feed` the rows come from the feed of ContentPerformanceML over tables of as many posts, each measured twice; else they are made of numbers.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl

from seeding_platform.catalog import TABLES
from seeding_platform.catalog.engine import BundleFormat, EngineField, FieldType, load_engines
from seeding_platform.distribution.bundle import build_bundle
from seeding_platform.distribution.feeds import FEEDS, FeedContext
from seeding_platform.distribution.manifest import Lineage
from seeding_platform_tests.benchmarks.delivery import TENANT

SHIPPED = "content_performance_ml"
CHANGED = 1_000
NOW = dt.datetime(2026, 11, 27, 6, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def peak_mb() -> float:
    """The peak since it was last asked."""
    told = Path("/proc/self/status").read_text(encoding="ascii")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return int(told.split("VmHWM:")[1].split()[0]) / 1024


def numbers(rows: int) -> pl.DataFrame:
    """Rows of six columns; none is a Python object on its way."""
    chance = pl.col("n").hash(1)
    return pl.select(n=pl.int_range(rows)).select(
        row_id=pl.format("r{}", pl.col("n").cast(pl.String).str.zfill(7)),
        spend=(chance % 20_000).cast(pl.Float64) / 100,
        clicks=(chance % 1_000).cast(pl.Int64),
        score=chance.cast(pl.Float64) / 2.0**64,
        platform=pl.lit(pl.Series(["x", "linkedin", "tiktok"])).gather((chance % 3).cast(pl.UInt32)),
        active=chance % 2 == 0,
    )


def posts(rows: int) -> dict[str, pl.LazyFrame]:
    """Quality tables of so many posts."""
    every = pl.select(n=pl.int_range(rows)).lazy()
    same = {
        "tenant": pl.lit(TENANT), "_source": pl.lit("s"), "_batch": pl.lit("b"), "_row": pl.col("n"), "synthetic": pl.lit(False),
        "flags": pl.lit(pl.Series([[]], dtype=pl.List(pl.String))).first(), "quality_score": pl.lit(100.0), "confidence": pl.lit(1.0),
    }  # fmt: skip
    post_id = pl.format("p{}", pl.col("n"))
    published = pl.lit(NOW) - pl.duration(minutes=pl.col("n") % 500_000)

    def table(name: str, **more: pl.Expr) -> pl.LazyFrame:
        schema, given = TABLES[name].schema("quality"), same | more
        return every.select((given[c] if c in given else pl.lit(None)).cast(kind).alias(c) for c, kind in schema.items())

    def measured(hours: int) -> pl.LazyFrame:
        return table("content_analytics", post_id=post_id, measured_at=published + dt.timedelta(hours=hours), impressions=pl.col("n") % 10_000,
                     hours_since_publication=pl.lit(float(hours)), engagement_rate=(pl.col("n") % 97) / 100)  # fmt: skip

    accounts = {"account_id": [f"a{n}" for n in range(50)], "platform": ["X"] * 50, "followers": [100] * 50, "timezone": ["Europe/Amsterdam"] * 50}
    known = pl.DataFrame(accounts).lazy()
    schema = TABLES["social_accounts"].schema("quality")
    plain = {"tenant": TENANT, "_source": "s", "_batch": "b", "_row": 0, "synthetic": False, "quality_score": 100.0, "confidence": 1.0}
    return {
        "content_posts": table(
            "content_posts", post_id=post_id, account_id=pl.format("a{}", pl.col("n") % 50), platform=pl.lit("X"), status=pl.lit("published"),
            text=pl.lit("een tekst van een bericht"), published_at=published,
        ),
        "content_analytics": pl.concat([measured(24), measured(168)]),
        "social_accounts": known.select((pl.col(c) if c in accounts else pl.lit(plain.get(c))).cast(kind).alias(c) for c, kind in schema.items()),
    }  # fmt: skip


def built(kind: str, rows: int, *, second: bool, feed: bool) -> dict[str, Any]:
    """Build once in this process, and tell what it took."""
    shipped, ready = load_engines()[SHIPPED], peak_mb()
    types = {"row_id": FieldType.STRING, "spend": FieldType.FLOAT, "clicks": FieldType.INT, "score": FieldType.FLOAT, "platform": FieldType.STRING,
             "active": FieldType.BOOL}  # fmt: skip
    roles = {"row_id": "key", "active": "label"}
    fields = tuple(
        EngineField.model_validate({"name": n, "type": t, "description": "of the benchmark", "role": roles.get(n, "feature")})
        for n, t in types.items()
    )
    own: dict[str, Any] = {"fields": fields, "key": ("row_id",), "k_anonymity": None, "inputs": (), "optional_inputs": ()}
    contract = shipped.model_copy(update={"format": BundleFormat(kind), **({} if feed else own)})
    inputs = posts(rows) if feed else {}
    making: list[float] = []

    with tempfile.TemporaryDirectory() as folder:
        for changed in (0, CHANGED) if second else (0,):

            def made(tables: Any, context: FeedContext, changed: int = changed) -> pl.DataFrame:
                told = FEEDS[SHIPPED].build(tables, context) if feed else numbers(rows)
                if changed and not feed:
                    told = told.with_columns(clicks=pl.when(pl.int_range(pl.len()) < changed).then(-1).otherwise("clicks"))
                making.append(peak_mb())
                return told

            peak_mb()
            began, cpu = time.perf_counter(), time.process_time()
            done = build_bundle(
                contract, dataclasses.replace(FEEDS[SHIPPED], build=made, inputs=FEEDS[SHIPPED].inputs if feed else ()), inputs, tenant=TENANT,
                root=Path(folder), lineage=Lineage(run_id="bench", code_version="0"), quality={}, now=NOW, context=FeedContext(tenant=TENANT, seed=1),
            )  # fmt: skip
        return {"format": kind, "rows": rows, "content": done.content_id[:12], "ready MB": ready, "rows made MB": making[-1], "built MB": peak_mb(),
                "CPU s": time.process_time() - cpu, "s": time.perf_counter() - began}  # fmt: skip


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--formats", nargs="*", default=["parquet", "arrow", "ndjson", "json", "csv", "libsvm"])
    parser.add_argument("--rows", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--second", action="store_true")
    parser.add_argument("--feed", action="store_true")
    parser.add_argument("--here", action="store_true", help="one figure, in this process")
    told = parser.parse_args()
    for kind in told.formats:
        for rows in told.rows:
            if told.here:
                print(json.dumps(built(kind, rows, second=told.second, feed=told.feed)))
                continue
            more = [flag for flag, given in (("--second", told.second), ("--feed", told.feed)) if given]
            command = [sys.executable, "-m", __spec__.name, "--here", "--formats", kind, "--rows", str(rows), *more]
            done = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            print({name: round(n, 2) if isinstance(n, float) else n for name, n in done.items()}, f"load {os.getloadavg()[0]:.1f}", flush=True)


if __name__ == "__main__":
    main()
