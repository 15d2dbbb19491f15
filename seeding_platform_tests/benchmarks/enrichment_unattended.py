"""The whole product with nobody touching it while the AI provider is away: `python -m seeding_platform_tests.benchmarks.enrichment_unattended`.

`seeding ui` runs as somebody would leave it, the provider is a process of `seeding enrichment fake-ai`, records come in all the time. The provider is
killed and started again at the same address; printed are the backlog every half minute, and how long after its return nothing of before waits.
"""

import argparse
import contextlib
import datetime as dt
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from seeding_platform.settings import project_root
from seeding_platform.storage.enrichment import schema
from seeding_platform.storage.enrichment.states import Record, Stage
from seeding_platform.storage.enrichment.store import EnrichmentStore
from seeding_platform.storage.state import State
from seeding_platform_tests.places import Place, place_in

LOOK = 5.0


def now() -> dt.datetime:
    """The moment."""
    return dt.datetime.now(dt.UTC)


def record(i: int, arrived: dt.datetime) -> Record:
    """A record that the house is not sure of, so that the endpoint is asked."""
    name = f"E-{i:06}"
    facts = {"exception_id": name, "description": f"case {i}: something odd, please look"}
    return Record(tenant=f"t{i % 4}", record_type="exception", record_id=name, payload=facts, input_hash=f"{i:064x}", arrived_at=arrived)


def free_port() -> int:
    """A port of this machine that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def provider(place: Place, port: int) -> subprocess.Popen[bytes]:
    """The provider as a process; back as soon as it listens."""
    script = place.root / "script.yaml"
    script.write_text("[]", encoding="utf-8")
    command = [sys.executable, "-m", "seeding_platform.cli", "enrichment", "fake-ai", "--script", str(script), "--port", str(port)]
    process = subprocess.Popen(command, env=place.environment, cwd=project_root(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process
        time.sleep(0.1)
    raise RuntimeError("the provider did not begin to listen")


@contextlib.contextmanager
def left_alone(place: Place, told: dict[str, str], log: Path) -> Iterator[None]:
    """`seeding ui` as it is left to itself."""
    command = [sys.executable, "-m", "seeding_platform.cli", "ui", "--port", str(free_port())]
    with log.open("w") as out:
        server = subprocess.Popen(command, env={**place.environment, **told}, stdout=out, stderr=out, start_new_session=True, cwd=project_root())
        try:
            yield
        finally:
            os.killpg(server.pid, signal.SIGINT)
            try:
                server.wait(timeout=30)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait()


def waiting(state: State, before: dt.datetime | None = None) -> int:
    """Records that are not through, of those that came before a moment."""
    t, r = schema.stages.c, schema.records.c
    joined = schema.stages.join(schema.records, (t.record_id == r.record_id) & (t.tenant == r.tenant))
    query = sa.select(sa.func.count(sa.distinct(r.record_id))).select_from(joined).where(t.status.not_in(("completed", "skipped")))
    if before is not None:
        query = query.where(r.arrived_at < before)
    with state.engine.connect() as connection:
        return int(connection.execute(query).scalar_one())


def main() -> None:
    """Measure."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--outage", type=float, default=10, help="minutes (default: %(default)s)")
    asked.add_argument("--rate", type=int, default=30, help="records a minute (default: %(default)s)")
    asked.add_argument("--before", type=float, default=4, help="minutes before it is killed (default: %(default)s)")
    asked.add_argument("--most", type=float, default=40, help="minutes after which it is given up (default: %(default)s)")
    chosen = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place, port = place_in(Path(folder) / "place"), free_port()
        told = {"SEEDING_AI_URL": f"http://127.0.0.1:{port}/v1", "SEEDING_AI_MODEL": "fake-1", "SEEDING_PRIVATE_ADDRESSES": "true"}
        state = State.open(place.settings.state_url)
        store, ai, came, said = EnrichmentStore(state), provider(place, port), 0, 0.0
        began, back = time.monotonic(), None
        with left_alone(place, told, Path(folder) / "ui.log"):
            while (minutes := (time.monotonic() - began) / 60) < chosen.most:
                if ai.poll() is None and chosen.before <= minutes < chosen.before + chosen.outage:
                    ai.kill()
                    ai.wait()
                    print(f"{minutes:5.1f} min: the provider is killed, {waiting(state)} wait", flush=True)
                elif ai.poll() is not None and minutes >= chosen.before + chosen.outage:
                    ai, back = provider(place, port), now()
                    print(f"{minutes:5.1f} min: it is back, {waiting(state)} wait", flush=True)
                target = int(minutes * chosen.rate)
                new = [record(i, now()) for i in range(came, target)]
                if new:
                    store.intake(new, now=now())
                    came = target
                if minutes - said >= 0.5:
                    said = minutes
                    print(f"{minutes:5.1f} min: {came} came, {waiting(state)} wait", flush=True)
                if back is not None and not waiting(state, back):
                    print(f"nothing of before waits {(now() - back).total_seconds() / 60:.1f} min after its return; {came} records")
                    break
                time.sleep(LOOK)
        ai.kill()
        ai.wait()
        counts = [c for c in store.counts(now=now()) if c.stage == Stage.CLASSIFICATION and c.tenant.startswith("t")]
        lost, dead = came - sum(c.ingested for c in counts), sum(c.dead for c in counts)
        print(f"{lost} lost, {dead} dead; the alerts of the time: {alerts(state)}")


def alerts(state: State) -> list[str]:
    """Rules that were raised, with their state."""
    from seeding_platform.storage.schema import alerts as table

    with state.engine.connect() as connection:
        rows = connection.execute(
            sa.select(table.c.rule, table.c.state, sa.func.count()).group_by(table.c.rule, table.c.state).order_by(table.c.rule)
        ).all()
    return [f"{rule} {standing} x{count}" for rule, standing, count in rows]


if __name__ == "__main__":
    main()
