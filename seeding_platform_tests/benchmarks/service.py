"""Many people at once: users with think time who look at dashboards and ask questions over a million facts.

`python -m seeding_platform_tests.benchmarks.service [--users N] [--seconds N] [--facts N] [--datasette COMMAND]`. It prints figures and
judges nothing; every user asks for windows of their own now and then, so that hits and misses of the cache are seen apart. With
`--datasette` the same users then ask the same windows of a Datasette over the same facts, indexed by day, and the ratio is printed.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import os
import random
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2 as httpx
import polars as pl

from seeding_platform.service.serve import new_key
from seeding_platform.storage import snapshots
from seeding_platform.storage.api_state import Role
from seeding_platform_tests.places import Place, place_in

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
QUESTIONS = [
    "CAC by platform last 30 days",
    "spend by week this year",
    "ROAS last month vs the month before",
    "top 3 campaigns by spend last quarter",
    "uitgaven per land vorige maand",
    "klikken per apparaat laatste 90 dagen",
    "conversions by campaign and country last month",
]


def made_facts(rows: int) -> pl.DataFrame:
    """Facts of two years in the form of a snapshot."""
    import numpy as np

    from seeding_platform.analytics.facts import FACT_SCHEMA

    rng = np.random.default_rng(1)
    clicks = rng.integers(0, 900, rows)

    def pick(values: list[str]) -> pl.Series:
        return pl.Series(values).gather(pl.Series(rng.integers(0, len(values), rows)))

    frame = pl.DataFrame(
        {
            "tenant": ["default"] * rows,
            "date": pl.Series(rng.integers(20_000, 20_730, rows)).cast(pl.Int32).cast(pl.Date),
            "platform": pick(["Google", "Meta", "LinkedIn", "TikTok", "X"]),
            "account": pick([f"Account {i}" for i in range(6)]),
            "campaign": pick([f"Campaign {i}" for i in range(200)]),
            "country": pick(["NL", "BE", "DE", "FR", "GB", "US"]),
            "device": pick(["Mobile", "Desktop", "Tablet"]),
            "currency": ["EUR"] * rows,
            "spend": (clicks * rng.random(rows)).round(2),
            "impressions": clicks * 30,
            "clicks": clicks,
            "conversions": rng.integers(0, 20, rows),
            "revenue": (rng.random(rows) * 900).round(2),
        }
    )
    absent = {n: pl.lit(None, dtype=t) for n, t in FACT_SCHEMA.items() if n not in frame.columns}
    return frame.with_columns(**absent).select(pl.col(n).cast(t) for n, t in FACT_SCHEMA.items())


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def started(command: list[str], port: int, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """A server that answers on its port."""
    process = subprocess.Popen(command, env=dict(environment), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process
        time.sleep(0.1)
    process.kill()
    raise SystemExit(f"{command[0]} does not answer")


def served(place: Place, **environment: str) -> tuple[subprocess.Popen[bytes], str]:
    """A service of its own, and its address; with settings of its own."""
    port = free_port()
    command = [sys.executable, "-m", "seeding_platform.cli", "serve"]
    return started(command, port, {**place.environment, **environment, "SEEDING_PORT": str(port)}), f"http://127.0.0.1:{port}"


def datasette(command: str, facts: pl.DataFrame, folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    """A Datasette over the same facts in SQLite, with an index by day and a limit of 30 s instead of 1 s."""
    port, path = free_port(), folder / "facts.db"
    columns = ["date", "platform", "campaign", "country", "device", "spend", "clicks", "impressions", "conversions", "revenue"]
    rows = facts.select(columns).with_columns(pl.col("date").dt.to_string(), pl.col("spend", "conversions", "revenue").cast(pl.Float64))
    with sqlite3.connect(path) as connection:
        connection.execute(f"CREATE TABLE facts ({', '.join(columns)})")
        connection.executemany(f"INSERT INTO facts VALUES ({', '.join('?' * len(columns))})", rows.iter_rows())
        connection.execute("CREATE INDEX by_day ON facts (date)")
        connection.execute("ANALYZE")
    connection.close()
    arguments = ["-p", str(port), "--setting", "sql_time_limit_ms", "30000", "-i", str(path)]
    return started([command, *arguments], port, os.environ), f"http://127.0.0.1:{port}"


def window(rng: random.Random, *, own: bool) -> tuple[dt.date, dt.date]:
    """Sixty-one days: everybody's, or one's own."""
    start = dt.date(2025, 1, 1) + dt.timedelta(days=rng.randint(0, 300) if own else 30)
    return start, start + dt.timedelta(days=60)


class Platform:
    """Dashboards and questions asked of the service."""

    def __init__(self, keys: list[str]) -> None:
        self.keys = keys

    async def ask(self, client: httpx.AsyncClient, n: int, rng: random.Random, *, own: bool) -> httpx.Response:
        """One request of user `n`."""
        headers = {"Authorization": f"Bearer {self.keys[n]}"}
        if rng.random() < 0.5:
            start, end = window(rng, own=own)
            query = {"metrics": "spend,cac,roas", "by": "platform", "start": str(start), "end": str(end), "compare": "previous"}
            return await client.get("/api/v1/kpis", params=query, headers=headers)
        question = f"spend by country since {rng.randint(1, 28)} march 2026" if own else rng.choice(QUESTIONS)
        return await client.post("/api/v1/nlq", json={"question": question}, headers=headers)


class Datasette:
    """The same sums as SQL: a dashboard's two windows by platform, or spend by country."""

    async def ask(self, client: httpx.AsyncClient, n: int, rng: random.Random, *, own: bool) -> httpx.Response:
        """One request."""
        if rng.random() < 0.5:
            start, end = window(rng, own=own)
            sql = (
                "select platform, date >= :start as current, sum(spend), sum(spend) / nullif(sum(conversions), 0),"
                " sum(revenue) / nullif(sum(spend), 0) from facts where date between :before and :end group by 1, 2"
            )
            query = {"sql": sql, "start": str(start), "end": str(end), "before": str(start - dt.timedelta(days=61))}
        else:
            start = dt.date(2026, 3, rng.randint(1, 28)) if own else dt.date(2026, 9, 1)
            query = {"sql": "select country, sum(spend) from facts where date >= :start group by 1", "start": str(start)}
        return await client.get("/facts.json", params=query)


async def user(
    asked: Platform | Datasette, client: httpx.AsyncClient, n: int, *, until: float, think_s: float, seen: list[tuple[str, float, int]]
) -> None:
    """One person: look, think, ask, think."""
    rng = random.Random(n)
    await asyncio.sleep(rng.random() * think_s)
    while time.monotonic() < until:
        own = rng.random() < 0.5
        began = time.perf_counter()
        try:
            status = (await asked.ask(client, n, rng, own=own)).status_code
        except httpx.TransportError:
            status = 0
        seen.append(("own window" if own else "shared", time.perf_counter() - began, status))
        await asyncio.sleep(think_s * (0.5 + rng.random()))


async def load(asked: Platform | Datasette, address: str, *, users: int, seconds: float, think_s: float) -> list[tuple[str, float, int]]:
    """What every request cost."""
    seen: list[tuple[str, float, int]] = []
    limits = httpx.Limits(max_connections=users)
    async with httpx.AsyncClient(base_url=address, limits=limits, timeout=30) as client:
        until = time.monotonic() + seconds
        await asyncio.gather(*(user(asked, client, n, until=until, think_s=think_s, seen=seen) for n in range(users)))
    return seen


def measured(asked: Platform | Datasette, process: subprocess.Popen[bytes], address: str, chosen: argparse.Namespace) -> float:
    """Print what the load cost; CPU-ms of the server per request."""
    try:
        before = cpu_of(process.pid)
        seen = asyncio.run(load(asked, address, users=chosen.users, seconds=chosen.seconds, think_s=chosen.think))
        cpu = cpu_of(process.pid) - before
    finally:
        process.terminate()
        process.wait(timeout=30)
    print(f"{type(asked).__name__}: {report(seen, cpu)}")
    return 1000 * cpu / max(len(seen), 1)


def cpu_of(pid: int) -> float:
    """CPU-seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def report(seen: list[tuple[str, float, int]], cpu: float) -> str:
    """Medians and 99th percentiles in milliseconds."""
    lines = [f"{len(seen):,} requests, {sum(1 for s in seen if s[2] != 200)} errors, {1000 * cpu / max(len(seen), 1):.1f} CPU-ms of the service each"]
    for kind in ("shared", "own window"):
        times = sorted(1000 * s[1] for s in seen if s[0] == kind)
        if times:
            lines.append(f"{kind:12} {len(times):6,}  p50 {statistics.median(times):7.1f} ms  p99 {times[int(0.99 * (len(times) - 1))]:7.1f} ms")
    return "\n".join(lines)


def main() -> None:
    """Run it and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--think", type=float, default=5.0)
    parser.add_argument("--facts", type=int, default=1_000_000)
    parser.add_argument("--datasette", metavar="COMMAND", help="a datasette command to measure beside it, from an environment of its own")
    chosen = parser.parse_args()
    if chosen.datasette and not shutil.which(chosen.datasette):
        raise SystemExit(f"{chosen.datasette} is no command")
    with tempfile.TemporaryDirectory() as folder:
        place = place_in(Path(folder))
        facts = made_facts(chosen.facts)
        snapshots.publish(facts, place.settings.serving, now=NOW)
        keys = [new_key(place.settings, role=Role.VIEWER, tenant="default", label="load")[1] for _ in range(chosen.users)]
        ours = measured(Platform(keys), *served(place), chosen)
        if chosen.datasette:
            theirs = measured(Datasette(), *datasette(chosen.datasette, facts, Path(folder)), chosen)
            print(f"CPU per request: Datasette {theirs / ours:.1f} times ours")


if __name__ == "__main__":
    main()
