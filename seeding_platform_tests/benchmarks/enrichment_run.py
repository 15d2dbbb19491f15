"""Enrichment as a whole: `python -m seeding_platform_tests.benchmarks.enrichment_run [virtual|recovery|offline|endpoint] [--records N]`.

`virtual`: a bad day of 36 hours in virtual time over the real store and worker, as built, and beside it simpler ways with a tenth of the records.
`recovery`: the provider is down for ten minutes; minutes from its return until nothing of before waits.
`offline`: records a minute through all three stages with the house's own provider and the ledger (dry run), on SQLite.
`endpoint`: the same with classification at an endpoint that takes 800 ms, eight questions at once; a sample, what follows from it stands beside.
"""

import argparse
import dataclasses
import datetime as dt
import random
import tempfile
import time
from pathlib import Path

from seeding_platform.enrichment.fake_server import FakeServer
from seeding_platform.enrichment.house import House
from seeding_platform.enrichment.providers.choice import guarded
from seeding_platform.enrichment.providers.offline import Offline
from seeding_platform.enrichment.providers.openai import OpenAI
from seeding_platform.enrichment.providers.script import Outcome, Rule, Script
from seeding_platform.enrichment.providers.waterfall import Waterfall
from seeding_platform.enrichment.stages import shipped_stages
from seeding_platform.models.operations.bench import Bench
from seeding_platform.settings import Settings
from seeding_platform.storage.state import State
from seeding_platform_tests.enrichment.virtual import AS_BUILT, BEGIN, HOUR, NAIVE, Figures, bad_day, played, record

OUTAGE = (2.0, 10.0)
REQUIRED = 100
"""Records a minute that are asked for."""
COLUMNS = {
    "policy": "policy", "records": "records", "within_a_day": "complete in 24 h", "ceiling": "ceiling", "lost": "lost", "masked": "masked",
    "double_actions": "double actions", "written_twice": "written twice", "calls_per_record": "calls a record", "p95_minutes": "p95 min",
    "healed": "healed alone", "dead": "dead", "dead_not_poison": "dead, no poison", "kills": "kills", "late": "late answers",
    "most_calls_a_minute": "most calls a minute", "recovered_after": "min to recover",
}  # fmt: skip
SHARES = ("within_a_day", "ceiling", "healed")


def line(found: Figures) -> str:
    """A row of the table."""
    told = {name: getattr(found, name) for name in COLUMNS}
    cells = [f"{100 * v:.2f} %" if n in SHARES else f"{v:,.1f}" if isinstance(v, float) else f"{v}" for n, v in told.items()]
    return f"| {' | '.join(cells)} |"


def virtual(n: int) -> None:
    """The table."""
    print(f"| {' | '.join(COLUMNS.values())} |")
    print(f"|{'---|' * len(COLUMNS)}")
    for policy in (AS_BUILT, dataclasses.replace(AS_BUILT, name="as built, a tenth"), *NAIVE):
        with tempfile.TemporaryDirectory() as folder:
            before, many = time.process_time(), n if policy is AS_BUILT else n // 10
            rare = 0.0004 if policy is AS_BUILT else 0.004  # so that a tenth of the records meets as many deaths and late answers
            url = f"sqlite:///{folder}/state.db"
            found = played(url, n=many, hours=12, script=bad_day(OUTAGE, rare=rare), policy=policy, outage=OUTAGE, until=36 * HOUR)
            print(line(found), f"{time.process_time() - before:.0f} CPU s", flush=True)


def recovery(n: int) -> None:
    """Minutes from the return of a provider to a backlog of nothing; n records in two hours."""
    outage = (1.0, 1.0 + 10 / 60)
    script = Script(rules=(Rule(outcome=Outcome.SERVER_ERROR, since=HOUR * outage[0], until=HOUR * outage[1]),))
    with tempfile.TemporaryDirectory() as folder:
        found = played(f"sqlite:///{folder}/state.db", n=n, hours=2, script=script, outage=outage, until=4 * HOUR)
    print(f"down for 10 min with {n / 120:.0f} records a minute: nothing of before waits {found.recovered_after:.1f} min after its return", end="")
    print(f"; {100 * found.within_a_day:.2f} % complete, {found.dead} dead")


def worked(n: int, *, latency: float | None) -> tuple[float, float]:
    """Seconds on the clock and of this process's processor for n records through all stages."""
    stages = shipped_stages()
    with tempfile.TemporaryDirectory() as name, State.open(f"sqlite:///{name}/state.db") as state:
        folder = Path(name)
        settings = Settings(_env_file=None, state=folder, lake=folder)
        bench = Bench(settings=settings, state=state, registry=None, audit=None, now=lambda: dt.datetime.now(dt.UTC), new_id=lambda: "")
        script = Script(latency_ms=round(1000 * (latency or 0)))
        with FakeServer(script, now=bench.now) as server:
            asked = {"offline": Offline(stages, None)}
            if latency is not None:
                asked["openai"] = guarded(OpenAI(server.url, "fake-1", stages), state)
            house = House(bench, random.Random(1), owner="w", provider=lambda tenant: Waterfall(stages, asked))
            house.store.intake([record(i, BEGIN) for i in range(n)], now=bench.now())
            began, before = time.perf_counter(), time.process_time()
            tally = house.worked()
            took = time.perf_counter() - began, time.process_time() - before
        ends = sum(tally.completed.values()) + sum(tally.skipped.values())
        counts = house.store.counts(now=bench.now())
        assert ends >= n, tally
        assert all(c.completed + c.skipped == c.ingested for c in counts), counts
    return took


def offline(n: int) -> None:
    """Records a minute without an endpoint."""
    clock, own = worked(n, latency=None)
    print(
        f"offline, {n} records: {clock:.1f} s, {60 * n / clock:,.0f} a minute ({0.6 * n / clock:,.0f} x {REQUIRED}); {60 * n / own:,.0f} per CPU min"
    )


def endpoint(n: int) -> None:
    """Records a minute with an endpoint of 800 ms, and what would be the most: eight at once."""
    clock, _ = worked(n, latency=0.8)
    most = 60 * 8 / 0.8
    print(f"endpoint of 800 ms, 8 at once, {n} records: {clock:.1f} s, {60 * n / clock:,.0f} a minute of {most:,.0f} that the endpoint would bear")


PARTS = {"virtual": (virtual, 20_000), "recovery": (recovery, 2_000), "offline": (offline, 10_000), "endpoint": (endpoint, 300)}


def main() -> None:
    """Measure what is asked for, or all."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("part", nargs="?", choices=sorted(PARTS))
    asked.add_argument("--records", type=int)
    told = asked.parse_args()
    for name, (part, n) in PARTS.items():
        if told.part in (None, name):
            part(told.records or n)


if __name__ == "__main__":
    main()
