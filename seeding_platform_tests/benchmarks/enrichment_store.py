"""Transitions per second of the state of enrichment: `python -m seeding_platform_tests.benchmarks.enrichment_store [--postgres URL] [--rows N]`.

Records go through all three stages in batches of a thousand and of ten thousand: intake, claim, heartbeat, complete (which opens the next
stage in the same transaction), fail. A transition is one row whose status changed: a claim is one, a failure is one, a completion is one; that
a completion also opens another row is not counted. Beside the speed on the clock stands that per second of this process's processor: for SQLite,
which works in this process, it is what a machine that does nothing else would show. Without `--postgres` the server of the tests is started.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from seeding_platform.storage.enrichment.states import STAGES, Completed, ErrorClass, Failed, Made, Record
from seeding_platform.storage.enrichment.store import EnrichmentStore
from seeding_platform.storage.state import State
from seeding_platform_tests import peers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
LEASE = dt.timedelta(minutes=5)
MADE = Made(provider="offline", model_version="1", prompt_version="1", took_ms=3, calls=1)
FACTS = {"status": "shipped", "promised_at": "2026-11-18", "carrier": "northline", "amount": 129.5, "note": "customer asked twice where it is"}


def records(n: int) -> list[Record]:
    """Records of ten tenants, a tenth of the tenants with half of all."""
    return [
        Record(
            tenant=f"t{0 if i % 2 else i % 10}", record_type="exception", record_id=f"e{i:07}", payload=FACTS, input_hash=f"{i:064x}", priority=i % 5
        )
        for i in range(n)
    ]


def measured(state: State, *, rows: int, batch: int) -> dict[str, tuple[float, float]]:
    """Rows a second on the clock, and of this process's processor, by step."""
    store, spent, busy, done = EnrichmentStore(state), dict[str, float](), dict[str, float](), dict[str, int]()

    def timed(step: str, work: Callable[[], list]) -> list:
        began, before = time.perf_counter(), time.process_time()
        got = work()
        spent[step] = spent.get(step, 0.0) + time.perf_counter() - began
        busy[step] = busy.get(step, 0.0) + time.process_time() - before
        done[step] = done.get(step, 0) + len(got)
        return got

    came = records(rows)
    for begin in range(0, rows, batch):
        some = came[begin : begin + batch]
        timed("intake", lambda some=some: [store.intake(some, now=NOW)] and some)
    for stage in STAGES:
        while claims := timed(f"claim {stage}", lambda stage=stage: store.claim(stage, owner="w", limit=batch, lease=LEASE, now=NOW)):
            timed("heartbeat", lambda claims=claims: store.heartbeat(claims, owner="w", lease=LEASE, now=NOW))
            cut = len(claims) // 10
            later = NOW + dt.timedelta(minutes=1)
            failures = [Failed(ref=c.ref, fence=c.fence, error=ErrorClass.TRANSIENT, message="no answer", due_at=later) for c in claims[:cut]]
            timed("fail", lambda failures=failures: store.fail(failures, now=NOW))
            said = {"confidence": 0.9, "label": "late", "made": MADE}
            answers = [Completed(ref=c.ref, fence=c.fence, output={"answer": c.ref.record_id, "confidence": 0.9}, **said) for c in claims[cut:]]
            timed(f"complete {stage}", lambda answers=answers: store.complete(answers, now=NOW))
    timed("counts (rows counted)", lambda: [None] * sum(c.ingested for c in store.counts(now=NOW)))
    return {step: (done[step] / spent[step], done[step] / busy[step]) for step in spent}


@contextlib.contextmanager
def databases(postgres: str) -> Iterator[list[tuple[str, str]]]:
    """Name and URL of an empty database of each kind."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        urls = [("sqlite", f"sqlite:///{Path(folder) / 'state.db'}")]
        if postgres:
            urls.append(("postgres", postgres))
        else:
            socket = stack.enter_context(contextlib.contextmanager(peers.postgres_folder.__wrapped__)())
            urls.append(("postgres", f"postgresql+psycopg2://postgres@/postgres?host={socket}"))
        yield urls


def main() -> None:
    """Measure and print a table."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rows", type=int, default=10_000)
    asked.add_argument("--postgres", default="", help="URL of an empty database")
    told = asked.parse_args()
    with databases(told.postgres) as urls:
        for name, url in urls:
            for batch in (1_000, 10_000):
                where = url.replace("state.db", f"{batch}.db")
                with State.open(where) as state:
                    if name == "postgres":
                        with state.engine.begin() as connection:
                            connection.exec_driver_sql("TRUNCATE enrichment_records, enrichment_stages, enrichment_attempts")
                    for step, (speed, own) in measured(state, rows=told.rows, batch=batch).items():
                        print(f"{name:9} {batch:6} {step:40} {speed:10,.0f}/s {own:10,.0f} per CPU s")


if __name__ == "__main__":
    main()
