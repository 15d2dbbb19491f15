"""From the pointer to the last verified acknowledgement: `python -m seeding_platform_tests.benchmarks.delivery`.

One engine with so many addresses, each a receiver of the push protocol; all receivers live in one other process. What is measured is the resident
worker as the service runs it: release signed, ledger and deliveries written, prepare, files, prepare, activate, proofs compared. Beside it, in the
same run, stands a plain POST of the same bytes to each receiver with as many threads, which proves nothing and keeps nothing.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import multiprocessing
import os
import random
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.catalog.engine import EngineField, FieldType, load_engines
from seeding_platform.distribution import bundle as bundles
from seeding_platform.distribution.delivery.adapters.http import HttpPush
from seeding_platform.distribution.delivery.courier import Courier
from seeding_platform.distribution.delivery.endpoint_keys import keys_of
from seeding_platform.distribution.delivery.publishing import Publisher
from seeding_platform.distribution.delivery.standing import registered
from seeding_platform.distribution.delivery.worker import THREADS, Worker
from seeding_platform.distribution.feeds import FEEDS, FeedContext
from seeding_platform.distribution.manifest import Lineage
from seeding_platform.exchange.http import Guarded
from seeding_platform.storage.delivery.records import OPEN, DeliveryState, EndpointKind
from seeding_platform.storage.keyring import Keyring
from seeding_platform.storage.state import State
from seeding_platform_tests.distribution.delivery.receiver import Receiver

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

ENGINE, TENANT = "content_performance_ml", "t1"
MOST_S = 120


class Plain(Receiver):
    """A receiver that also takes anything at /plain."""

    def handle(self, request):
        if request.path.endswith("/plain"):
            request.rfile.read(int(request.headers["Content-Length"]))
            return self.say(request, 200, {})
        return super().handle(request)


def receivers(number: int, line: Connection) -> None:
    """The process of the receivers: tells their addresses, and at the end what it took of the processor."""
    made = [Plain() for _ in range(number)]
    line.send([one.url for one in made])
    while line.recv() == "cpu":
        line.send(time.process_time())


def frame(rows: int, seed: int) -> pl.DataFrame:
    """Rows of six columns."""
    rng = random.Random(seed)
    return pl.DataFrame(
        {
            "row_id": [f"r{n:07}" for n in range(rows)],
            "spend": [round(rng.gauss(100, 20), 2) for _ in range(rows)],
            "clicks": [rng.randrange(1000) for _ in range(rows)],
            "score": [rng.random() for _ in range(rows)],
            "platform": [rng.choice(["x", "linkedin", "tiktok"]) for _ in range(rows)],
            "active": [rng.random() > 0.5 for _ in range(rows)],
        }
    )


def built(root: Path, rows: int, seed: int) -> tuple[bundles.Bundle, float]:
    """A bundle in force, and when its pointer was flipped."""
    types = {"row_id": FieldType.STRING, "spend": FieldType.FLOAT, "clicks": FieldType.INT, "score": FieldType.FLOAT,
             "platform": FieldType.STRING, "active": FieldType.BOOL}  # fmt: skip
    fields = tuple(EngineField(name=n, type=t, description="of the benchmark", role="key" if n == "row_id" else "feature") for n, t in types.items())
    whole = load_engines()[ENGINE]
    contract = whole.model_copy(update={"fields": fields, "key": ("row_id",), "k_anonymity": None, "inputs": (), "optional_inputs": ()})
    data = frame(rows, seed)
    feed = dataclasses.replace(FEEDS[ENGINE], inputs=(), build=lambda *_: data)
    flipped: list[float] = []
    real = bundles._flip

    def timed(*given) -> None:
        real(*given)
        flipped.append(time.perf_counter())

    bundles._flip = timed
    try:
        made = bundles.build_bundle(
            contract, feed, {}, tenant=TENANT, root=root, lineage=Lineage(run_id="bench", code_version="0"), quality={},
            now=dt.datetime.now(dt.UTC), context=FeedContext(tenant=TENANT, seed=1),
        )  # fmt: skip
    finally:
        bundles._flip = real
    return made, flipped[0]


def measured(number: int, rows: int) -> dict[str, float]:
    """Seconds and processor seconds of one delivery to so many receivers, and of a plain POST."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=receivers, args=(number, theirs), daemon=True)
    process.start()
    urls = ours.recv()

    def cpu() -> tuple[float, float]:
        ours.send("cpu")
        return time.process_time(), ours.recv()

    with tempfile.TemporaryDirectory() as folder, State.open(f"sqlite:///{folder}/state.db") as state:
        root, keys = Path(folder) / "bundles", Keyring(os.urandom(32))
        now = lambda: dt.datetime.now(dt.UTC)  # noqa: E731
        publisher = Publisher(state, root, keys, lambda: os.urandom(16).hex())
        for place, url in enumerate(urls):
            registered(
                publisher, TENANT, ENGINE, kind=EndpointKind.HTTP, target=url, endpoint_id=f"ep_{place}", actor="bench", now=now(), private=True
            )  # fmt: skip
        adapters = {"http": lambda alive: HttpPush(lambda e: keys_of(e, keys, now=now()), now, private=True, seconds=30, alive=alive)}
        worker = Worker(Courier(publisher, adapters, random.Random(1), now), "bench", now)
        worker.start()
        time.sleep(0.5)
        before = cpu()
        made, flipped = built(root, rows, 1)
        after_build = time.process_time()
        publisher.published(TENANT, ENGINE, now=now())
        worker.wake()
        while publisher.queue.some(states=OPEN, limit=1):
            if time.perf_counter() - flipped > MOST_S:
                raise TimeoutError({d.state: d.error for d in publisher.queue.some(limit=1000)})
            time.sleep(0.02)
        seconds = time.perf_counter() - flipped
        assert len(publisher.queue.some(states=[DeliveryState.ACKNOWLEDGED], limit=1000)) == number
        after = cpu()
        worker.stop()
        body = b"".join(f.read_bytes() for f in sorted(made.path.iterdir()))
        began, plain_before = time.perf_counter(), cpu()
        with ThreadPoolExecutor(THREADS) as pool:
            answers = list(pool.map(lambda url: Guarded(private=True, seconds=60).post(f"{url}/plain", body), urls))
        plain_seconds, plain_after = time.perf_counter() - began, cpu()
    assert all(answer.ok for answer in answers)
    ours.send("end")
    process.join(timeout=10)
    return {
        "receivers": number, "rows": rows, "MB": len(body) / 1e6, "flip to last acknowledgement s": seconds,
        "platform CPU s": after[0] - after_build, "receivers CPU s": after[1] - before[1], "plain POST s": plain_seconds,
        "plain platform CPU s": plain_after[0] - plain_before[0], "plain receivers CPU s": plain_after[1] - plain_before[1],
    }  # fmt: skip


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--receivers", type=int, nargs="*", default=[12, 100])
    told = parser.parse_args()
    for number in told.receivers:
        print({name: round(value, 2) for name, value in measured(number, told.rows).items()}, f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
