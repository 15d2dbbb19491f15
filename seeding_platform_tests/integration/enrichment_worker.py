"""A worker of enrichment, or a watcher of its counts, as a process of its own: `python -m ...enrichment_worker work|watch <JSON>`.

Everything is the product's but the pace: delays and the breaker's pause are as many times shorter as `SHORTER` says, so that hours fit in
minutes.
"""

import datetime as dt
import json
import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from seeding_platform.enrichment import retry
from seeding_platform.enrichment.house import House
from seeding_platform.enrichment.providers import breaker
from seeding_platform.enrichment.providers.choice import guarded
from seeding_platform.enrichment.providers.offline import Offline
from seeding_platform.enrichment.providers.openai import OpenAI
from seeding_platform.enrichment.stages import shipped_stages
from seeding_platform.enrichment.working import work
from seeding_platform.exchange.http import Guarded
from seeding_platform.models.operations.bench import Bench
from seeding_platform.settings import Settings
from seeding_platform.storage.enrichment.states import Stage
from seeding_platform.storage.enrichment.store import EnrichmentStore
from seeding_platform.storage.state import State

SHORTER = 960
SECONDS = 2.0


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def hurry() -> None:
    """Make the waits of this process short: the schedule of retries, and how long a breaker stays open."""
    retry.DELAYS = tuple(d / SHORTER for d in retry.DELAYS)
    retry.LATER = {error: d / (SHORTER / 16) for error, d in retry.LATER.items()}
    breaker.OPEN_FOR = dt.timedelta(seconds=2)
    breaker.reopens_at = lambda row, at: at + dt.timedelta(seconds=2)


@dataclass
class Split:
    """The endpoint for what needs a label, the house for the rest: nobody stands in for an endpoint that gives none."""

    house: Offline
    endpoint: object
    name: str = "split"

    def version_of(self, stage):
        return self._of(stage).version_of(stage)

    def ask(self, questions, *, now):
        return self._of(questions[0].stage).ask(questions, now=now)

    def _of(self, stage):
        return self.endpoint if stage == Stage.CLASSIFICATION else self.house


def worker(told: dict) -> None:
    """Work until somebody ends it."""
    hurry()
    settings = Settings(
        _env_file=None, state=told["folder"], lake=told["folder"], database_url=told["url"], actions_url=told["actions"], private_addresses=True
    )
    stages = shipped_stages()
    with State.open(told["url"]) as state:
        endpoint = OpenAI(told["ai"], "fake-1", stages, client=Guarded(private=True, seconds=SECONDS))
        asked = Split(Offline(stages, None), guarded(endpoint, state))
        bench = Bench(settings=settings, state=state, registry=None, audit=None, now=now, new_id=lambda: "")
        house = House(bench, random.Random(), owner=told["owner"], provider=lambda tenant: asked)
        while True:
            tally = work(house.crew(), until=now() + dt.timedelta(seconds=20))
            with Path(told["log"]).open("a") as log:
                log.write(json.dumps({"outdated": tally.outdated, "failed": {e: n for (_, e), n in tally.failed.items()}}) + "\n")
            time.sleep(0.3)


def watcher(told: dict) -> None:
    """Count again and again; write down how often, and every time that a record was nowhere or twice."""
    looks = 0
    with State.open(told["url"]) as state:
        store = EnrichmentStore(state)
        while not Path(told["stop"]).exists():
            counts = store.counts(now=now())
            looks += 1
            wrong = [c for c in counts if c.ingested != c.completed + c.skipped + c.dead + c.due + c.leased]
            short = {c.stage: sum(d.ingested for d in counts if d.stage == c.stage) for c in counts}
            if wrong or any(n != told["records"] for n in short.values()):
                with Path(told["log"]).open("a") as log:
                    log.write(f"{wrong} {short}\n")
            time.sleep(0.2)
    Path(told["log"] + ".looks").write_text(str(looks))


if __name__ == "__main__":
    {"work": worker, "watch": watcher}[sys.argv[1]](json.loads(sys.argv[2]))
