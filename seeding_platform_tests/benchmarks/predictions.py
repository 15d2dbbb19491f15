"""What a prediction costs: in this process one row and 10,000 at a time, and over HTTP from a warm service, one row a request.

    python -m seeding_platform_tests.benchmarks.predictions [--table FILE --spec FILE] [--clients N] [--seconds N]

A model is trained under the name of a shipped one, let serve, and asked as anybody would ask it: every answer is kept before it is given, so that
a label finds it. Without a table of one's own it is a classifier of 20 numbers and categories over 5,000 made-up rows. Latencies are of the wall
clock, costs are CPU-ms of the service.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from seeding_platform.defs.platform import Platform
from seeding_platform.models import load_spec
from seeding_platform.models.operations.checking import Data, checked
from seeding_platform.models.operations.serving import Predictor
from seeding_platform.models.operations.training import Work, carry_out
from seeding_platform.models.spec import ModelSpec
from seeding_platform.service.serve import new_key
from seeding_platform.storage.api_state import Role
from seeding_platform.storage.ml.whose import Whose
from seeding_platform_tests.benchmarks.service import cpu_of, served
from seeding_platform_tests.places import place_in

if TYPE_CHECKING:
    from collections.abc import Callable

TENANT, BATCH = "default", 10_000
MADE = {
    "name": "churn",
    "kind": "classification",
    "target": "y",
    "features": {f"x{n}": "numeric" for n in range(12)} | {f"k{n}": "category" for n in range(8)},
    "split": {"kind": "holdout", "test_fraction": 0.3},
    "metric": "accuracy",
    "floor": 0.5,
}


def made_rows(rows: int = 5_000) -> pl.DataFrame:
    """Rows whose label three columns decide, with noise."""
    draw = random.Random(0)
    numbers = {f"x{n}": [draw.gauss(0, 1) for _ in range(rows)] for n in range(12)}
    kinds = {f"k{n}": [draw.choice("abcdef") for _ in range(rows)] for n in range(8)}
    told = [a + b + (k in "ab") + draw.gauss(0, 1) > 0.5 for a, b, k in zip(numbers["x0"], numbers["x1"], kinds["k0"], strict=True)]
    return pl.DataFrame(numbers | kinds | {"y": ["yes" if t else "no" for t in told]})


def times(work: Callable[[], Any], rounds: int) -> str:
    """Median and 99th percentile of many rounds after a first one, in milliseconds."""
    work()
    seen = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        seen.append(1000 * (time.perf_counter() - began))
    return spread(seen)


def spread(seen: list[float]) -> str:
    """Median and 99th percentile in milliseconds."""
    ordered = sorted(seen)
    return f"p50 {statistics.median(ordered):.2f} ms, p99 {ordered[int(0.99 * (len(ordered) - 1))]:.2f} ms"


def client(address: str, key: str, bodies: list[bytes], until: float, seen: list[float], errors: list[int]) -> None:
    """Asks one row after another over one connection."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=30)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    draw = random.Random(len(bodies))
    while time.monotonic() < until:
        began = time.perf_counter()
        connection.request("POST", "/api/v1/ml/predictions", draw.choice(bodies), headers)
        answer = connection.getresponse()
        answer.read()
        seen.append(1000 * (time.perf_counter() - began))
        if answer.status != 200:
            errors.append(answer.status)
    connection.close()


def main() -> None:
    """Train, serve, ask."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, help="a labelled CSV file of your own")
    parser.add_argument("--spec", type=Path, help="its specification")
    parser.add_argument("--clients", type=int, default=8, help="connections over HTTP")
    parser.add_argument("--seconds", type=float, default=20)
    chosen = parser.parse_args()
    if (chosen.table is None) != (chosen.spec is None):
        parser.error("--table and --spec go together")
    spec = ModelSpec.model_validate(MADE) if chosen.spec is None else load_spec(chosen.spec)
    spec = spec.model_copy(update={"name": "churn", "split": ModelSpec.model_validate(MADE).split})
    frame = made_rows() if chosen.table is None else pl.read_csv(chosen.table, infer_schema_length=None)
    with tempfile.TemporaryDirectory() as folder:
        place = place_in(Path(folder) / "place")
        platform, whose = Platform(place.settings), Whose(TENANT, spec.name)
        job_id = checked(platform.bench, whose, spec, Data("1", lambda: frame.height, None)).job_id
        job = next(j for j in platform.bench.jobs.queued() if j.job_id == job_id)
        ended = carry_out(platform.bench, job, Work(spec, lambda: frame, {}, "bench"))
        if ended is None or ended.verdict != "deploy":
            raise SystemExit(f"it does not serve: {ended and ended.says}")
        rows = frame.select(list(spec.features)).to_dicts()
        many = (rows * (BATCH // len(rows) + 1))[:BATCH]
        predictor = Predictor(platform.bench)
        model = predictor.loaded(whose, str(ended.version))[1]
        one, batch = frame.slice(0, 1), pl.DataFrame(many)
        print(f"{spec.name}: {frame.height:,} rows, {len(spec.features)} features")
        print(
            f"  model alone, one row: {times(lambda: model.scores(spec, one), 300)}; {BATCH:,} rows: {times(lambda: model.scores(spec, batch), 10)}"
        )
        print(f"  answered and kept, one row: {times(lambda: predictor.answer(whose, rows[:1]), 300)}", end="; ")
        print(f"{BATCH:,} rows: {times(lambda: predictor.answer(whose, many), 10)}")
        key = new_key(place.settings, role=Role.ANALYST, tenant=TENANT, label="load")[1]
        process, address = served(place, SEEDING_REQUESTS_PER_MINUTE="10000000")
        try:
            bodies = [json.dumps({"model": spec.name, "rows": [row]}).encode() for row in rows[:500]]
            warm: list[float] = []
            client(address, key, bodies, time.monotonic() + 0.1, [], [])  # the first one loads the model
            client(address, key, bodies, time.monotonic() + chosen.seconds / 2, warm, [])
            seen: list[float] = []
            errors: list[int] = []
            until, before = time.monotonic() + chosen.seconds, cpu_of(process.pid)
            threads = [threading.Thread(target=client, args=(address, key, bodies, until, seen, errors)) for _ in range(chosen.clients)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            cost = 1000 * (cpu_of(process.pid) - before) / max(1, len(seen))
        finally:
            process.terminate()
            process.wait(timeout=30)
        print(f"  over HTTP, one row a request, {chosen.clients} connections: {len(seen) / chosen.seconds:,.0f} a second, {spread(seen)}, ", end="")
        print(
            f"{cost:.2f} CPU-ms of the service each, {len(errors)} errors{f' ({sorted(set(errors))})' if errors else ''}; one alone: {spread(warm)}"
        )


if __name__ == "__main__":
    main()
