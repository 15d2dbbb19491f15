"""Many people at once: users with think time who look at dashboards and ask questions over a million facts.

`python -m seeding_platform_tests.benchmarks.service [--users N] [--seconds N] [--facts N]`. It prints figures and judges nothing;
every user asks for windows of their own now and then, so that hits and misses of the cache are seen apart.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx2 as httpx
import polars as pl

from seeding_platform.service.serve import new_key
from seeding_platform.storage import snapshots
from seeding_platform.storage.api_state import Role
from seeding_platform_tests.places import Place, place_in

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


def served(place: Place) -> tuple[subprocess.Popen[bytes], str]:
    """A service of its own, and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "seeding_platform.cli", "serve"]
    process = subprocess.Popen(command, env={**place.environment, "SEEDING_PORT": str(port)}, stderr=subprocess.DEVNULL)
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    return process, f"http://127.0.0.1:{port}"


async def user(client: httpx.AsyncClient, key: str, rng: random.Random, until: float, think_s: float, seen: list[tuple[str, float, int]]) -> None:
    """One person: look, think, ask, think."""
    await asyncio.sleep(rng.random() * think_s)
    headers = {"Authorization": f"Bearer {key}"}
    while time.monotonic() < until:
        own = rng.random() < 0.5
        began = time.perf_counter()
        if rng.random() < 0.5:
            start = dt.date(2025, 1, 1) + dt.timedelta(days=rng.randint(0, 300) if own else 30)
            query = {
                "metrics": "spend,cac,roas",
                "by": "platform",
                "start": str(start),
                "end": str(start + dt.timedelta(days=60)),
                "compare": "previous",
            }
            response = await client.get("/api/v1/kpis", params=query, headers=headers)
        else:
            day = f" since {rng.randint(1, 28)} march 2026" if own else ""
            question = f"spend by country{day}" if own else rng.choice(QUESTIONS)
            response = await client.post("/api/v1/nlq", json={"question": question}, headers=headers)
        seen.append(("own window" if own else "shared", time.perf_counter() - began, response.status_code))
        await asyncio.sleep(think_s * (0.5 + rng.random()))


async def load(address: str, keys: list[str], *, users: int, seconds: float, think_s: float) -> list[tuple[str, float, int]]:
    """What every request cost."""
    seen: list[tuple[str, float, int]] = []
    limits = httpx.Limits(max_connections=users)
    async with httpx.AsyncClient(base_url=address, limits=limits, timeout=30) as client:
        until = time.monotonic() + seconds
        await asyncio.gather(*(user(client, keys[n], random.Random(n), until, think_s, seen) for n in range(users)))
    return seen


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
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = place_in(Path(folder))
        snapshots.publish(made_facts(chosen.facts), place.settings.serving, now=NOW)
        keys = [new_key(place.settings, role=Role.VIEWER, tenant="default", label="load")[1] for _ in range(chosen.users)]
        process, address = served(place)
        try:
            before = cpu_of(process.pid)
            seen = asyncio.run(load(address, keys, users=chosen.users, seconds=chosen.seconds, think_s=chosen.think))
            print(report(seen, cpu_of(process.pid) - before))
        finally:
            process.terminate()
            process.wait(timeout=30)


if __name__ == "__main__":
    main()
