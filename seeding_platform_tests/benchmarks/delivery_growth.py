"""Many engines, changes alone, and memory: `python -m seeding_platform_tests.benchmarks.delivery_growth --what engines|delta|memory`.

Four processes: one builds, one publishes and delivers as the service does (its processor and memory are told as `worker`), one holds the receivers,
and the first asks. Seconds are from the moment in which the pointer of an engine was flipped to its acknowledgement, whose proof was compared.
Beside it, in the same run, stands a plain POST of the same bytes to each receiver with as many threads.

The receivers compute proofs of what they got and keep it in memory; they do not open the rows, as an engine would.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import json
import multiprocessing
import os
import random
import resource
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from seeding_platform.catalog.engine import EngineField, FieldType, load_engines
from seeding_platform.distribution.bundle import build_bundle, engine_folder
from seeding_platform.distribution.delivery.adapters.http import HttpPush
from seeding_platform.distribution.delivery.courier import Courier
from seeding_platform.distribution.delivery.endpoint_keys import keys_of
from seeding_platform.distribution.delivery.publishing import Publisher
from seeding_platform.distribution.delivery.standing import registered
from seeding_platform.distribution.delivery.worker import THREADS, Worker
from seeding_platform.distribution.feeds import FEEDS, FeedContext
from seeding_platform.distribution.manifest import Lineage
from seeding_platform.distribution.release import proof, read_release
from seeding_platform.distribution.verify import CURRENT, read_pointer
from seeding_platform.exchange.http import Guarded
from seeding_platform.storage.delivery.records import OPEN, DeliveryState, EndpointKind
from seeding_platform.storage.keyring import Keyring
from seeding_platform.storage.state import State
from seeding_platform_tests.benchmarks.delivery import TENANT, Plain, frame

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

SHIPPED = "content_performance_ml"
KEY = bytes(32)
MOST_S = 900
CHANGED = 1_000
SPAWN = multiprocessing.get_context("spawn")


class TakesDeltas(Plain):
    """Wants the files of the delta where it has its base; nothing is applied."""

    def prepare(self, told):
        release, manifest = read_release(told["release"].encode()), json.loads(told["manifest"])
        if refused := self.fenced(release.generation, release.content_id):
            return refused
        delta = manifest.get("delta")
        leads = bool(delta) and self.active is not None and self.active.content_id == delta["base_content_id"]
        names = sorted(f["path"] for f in (delta["files"] if leads else manifest["files"]))
        missing = [n for n in names if (release.content_id, n) not in self.files]
        if missing:
            return 202, {"state": "wanting", "files": missing}
        self.via = "delta" if leads else "full"
        self.prepared = release, names
        return 200, {"state": "prepared", **self.proved(release, names)}

    def proved(self, release, names):
        right = proof(release.nonce, ([self.files[release.content_id, n]] for n in names))
        return {"generation": release.generation, "content_id": release.content_id, "rows": 0, "via": self.via, "proof": right}


def receivers(number: int, line: Connection) -> None:
    """The process of the receivers: tells their addresses, and what it took of the processor when it is asked."""
    made = [TakesDeltas() for _ in range(number)]
    line.send([one.url for one in made])
    while line.recv() == "cpu":
        line.send(time.process_time())


def builder(root: str, line: Connection) -> None:
    """The process that builds: told of engines, rows, changed rows and whether builds are shared, it tells what that took."""
    while (told := line.recv()) != "end":
        began, cpu = time.perf_counter(), time.process_time()
        for number in range(told["engines"]):
            _built(Path(root), f"engine_{number}", told["rows"], told["changed"], shared=told["shared"])
        line.send((time.perf_counter() - began, time.process_time() - cpu))


def _built(root: Path, name: str, rows: int, changed: int, *, shared: bool) -> None:
    types = {"row_id": FieldType.STRING, "spend": FieldType.FLOAT, "clicks": FieldType.INT, "score": FieldType.FLOAT,
             "platform": FieldType.STRING, "active": FieldType.BOOL}  # fmt: skip
    fields = tuple(EngineField(name=n, type=t, description="of the benchmark", role="key" if n == "row_id" else "feature") for n, t in types.items())
    more: dict[str, Any] = {"name": name, "fields": fields, "key": ("row_id",), "k_anonymity": None, "inputs": (), "optional_inputs": ()}
    contract = load_engines()[SHIPPED].model_copy(update=more)

    def rows_made(*_: object) -> pl.DataFrame:
        made = frame(rows, 1)
        return made.with_columns(clicks=pl.when(pl.int_range(pl.len()) < changed).then(-1).otherwise("clicks"))

    feed = dataclasses.replace(FEEDS[SHIPPED], inputs=(), build=rows_made)
    build_bundle(
        contract, feed, {}, tenant=TENANT, root=root, lineage=Lineage(run_id="bench", code_version="0"), quality={}, now=dt.datetime.now(dt.UTC),
        context=FeedContext(tenant=TENANT, seed=1), pinned={"rows": rows, "changed": changed} if shared else None,
    )  # fmt: skip


def worker(root: str, url: str, urls: list[str], line: Connection) -> None:
    """The process that publishes and delivers; tells processor and peak memory when it is asked."""
    keys = Keyring(KEY)
    now = lambda: dt.datetime.now(dt.UTC)  # noqa: E731
    with State.open(url) as state:
        publisher = Publisher(state, Path(root), keys, lambda: os.urandom(16).hex())
        for place, address in enumerate(urls):
            registered(
                publisher, TENANT, f"engine_{place}", kind=EndpointKind.HTTP, target=address, endpoint_id=f"ep_{place}", actor="bench", now=now(),
                private=True,
            )  # fmt: skip
        adapters = {"http": lambda alive: HttpPush(lambda e: keys_of(e, keys, now=now()), now, private=True, seconds=60, alive=alive)}
        living = Worker(Courier(publisher, adapters, random.Random(1), now), "bench", now)
        living.start()
        line.send("ready")
        while line.recv() == "took":
            line.send((time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))
        living.stop()


class Run:
    """The processes of one run."""

    def __init__(self, folder: str, engines: int) -> None:
        self.root, self.url, self.number = Path(folder) / "bundles", f"sqlite:///{folder}/state.db", engines
        self.state = State.open(self.url)
        self.lines: dict[str, Connection] = {}
        self._begun("receivers", receivers, engines)
        self.urls = self.lines["receivers"].recv()
        self._begun("builder", builder, str(self.root))
        self._begun("worker", worker, str(self.root), self.url, self.urls)
        self.lines["worker"].recv()

    def _begun(self, name: str, target: Any, *given: Any) -> None:
        self.lines[name], theirs = multiprocessing.Pipe()
        SPAWN.Process(target=target, args=(*given, theirs), daemon=True).start()

    def asked(self, name: str, what: Any) -> Any:
        """Ask a process."""
        self.lines[name].send(what)
        return self.lines[name].recv()

    def delivered(self, rows: int, *, changed: int = 0, shared: bool = False) -> dict[str, float]:
        """Build for every engine, and wait until each has acknowledged."""
        publisher = Publisher(self.state, self.root, Keyring(KEY), lambda: "")
        before, received = self.asked("worker", "took"), self.asked("receivers", "cpu")
        seconds, cpu = self.asked("builder", {"engines": self.number, "rows": rows, "changed": changed, "shared": shared})
        pointers = {f"engine_{n}": engine_folder(self.root, TENANT, f"engine_{n}") for n in range(self.number)}
        wanted = {name: read_pointer(folder) for name, folder in pointers.items()}
        ends = time.monotonic() + MOST_S
        while True:
            done = {d.engine: d for d in publisher.queue.some(states=[DeliveryState.ACKNOWLEDGED], limit=10 * self.number)
                    if wanted[d.engine] is not None and d.generation == wanted[d.engine].generation}  # fmt: skip
            if len(done) == self.number:
                break
            if time.monotonic() > ends:
                raise TimeoutError({d.engine: (d.state, d.error) for d in publisher.queue.some(states=OPEN, limit=1000)})
            time.sleep(0.05)
        lags = sorted(done[name].acknowledged_at.timestamp() - (folder / CURRENT).stat().st_mtime for name, folder in pointers.items())
        after = self.asked("worker", "took")
        return {
            "engines": self.number, "rows": rows, "MB sent": sum(d.bytes for d in done.values()) / 1e6,
            "via delta": sum(d.via == "delta" for d in done.values()),
            "build s": seconds, "build CPU s": cpu, "ready to acknowledged: median s": statistics.median(lags), "last s": lags[-1],
            "worker CPU s": after[0] - before[0], "worker peak MB": after[1], "receivers CPU s": self.asked("receivers", "cpu") - received,
        }  # fmt: skip

    def plain(self) -> dict[str, float]:
        """The same bytes by a plain POST."""
        cpu, began = time.process_time(), time.perf_counter()

        def posted(number: int) -> bool:
            folder = engine_folder(self.root, TENANT, f"engine_{number}")
            pointer = read_pointer(folder)
            assert pointer is not None
            body = b"".join(f.read_bytes() for f in sorted((folder / pointer.folder).iterdir()) if not f.name.startswith("delta-"))
            return Guarded(private=True, seconds=300).post(f"{self.urls[number]}/plain", body).ok

        with ThreadPoolExecutor(THREADS) as pool:
            assert all(pool.map(posted, range(self.number)))
        return {"plain POST s": time.perf_counter() - began, "plain POST CPU s": time.process_time() - cpu}

    def end(self) -> None:
        """End the processes."""
        for line in self.lines.values():
            line.send("end")
        self.state.close()


def measured(engines: int, rows: int, *, shared: bool = False, delta: bool = False) -> list[dict[str, float]]:
    """One run: the first build for each engine; with `delta` also one in which some rows changed."""
    with tempfile.TemporaryDirectory() as folder:
        run = Run(folder, engines)
        try:
            found = [run.delivered(rows, shared=shared) | run.plain()]
            if delta:
                found.append(run.delivered(rows, changed=CHANGED, shared=shared))
            return [{"shared": float(shared), **one} for one in found]
        finally:
            run.end()


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--what", choices=["engines", "delta", "memory"], default="engines")
    parser.add_argument("--engines", type=int, nargs="*")
    parser.add_argument("--rows", type=int, nargs="*")
    told = parser.parse_args()
    runs: list[dict[str, Any]]
    if told.what == "engines":
        runs = [{"engines": e, "rows": r, "shared": s} for e in told.engines or [12, 100] for r in told.rows or [100_000] for s in (True, False)]
    elif told.what == "delta":
        runs = [{"engines": e, "rows": r, "shared": True, "delta": True} for e in told.engines or [12] for r in told.rows or [100_000]]
    else:
        runs = [{"engines": e, "rows": 100_000, "shared": True} for e in told.engines or [1, 10, 100]]
        runs += [{"engines": 1, "rows": r, "shared": True} for r in told.rows or [10_000, 100_000, 1_000_000]]
    for one in runs:
        for figures in measured(**one):
            print({name: round(value, 2) for name, value in figures.items()}, f"load {os.getloadavg()[0]:.1f}", flush=True)


if __name__ == "__main__":
    main()
