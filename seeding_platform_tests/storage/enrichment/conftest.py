"""What tests of the state of enrichment share: an open store on each database, and a worker's moves in short."""

import datetime as dt

import pytest

from seeding_platform.storage.enrichment.states import STAGES, Completed, Record
from seeding_platform.storage.enrichment.store import EnrichmentStore
from seeding_platform.storage.state import State

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
LEASE = dt.timedelta(minutes=5)


@pytest.fixture
def state(database_url):
    with State.open(database_url) as opened:
        yield opened


@pytest.fixture
def store(state):
    return EnrichmentStore(state)


def record(name: str, *, tenant: str = "ant", hashed: str = "h", **more) -> Record:
    return Record(tenant=tenant, record_type="exception", record_id=name, payload={"facts": name}, input_hash=hashed, **more)


def claim(store, stage=STAGES[0], *, now=NOW, limit=100, **more):
    return store.claim(stage, owner="w", limit=limit, lease=LEASE, now=now, **more)


def complete(store, stage, *, now=NOW, confidence=0.9, **more):
    """Claim and complete all of a stage."""
    ends = [
        Completed(ref=c.ref, fence=c.fence, output={"of": stage}, confidence=confidence, label="late", **more) for c in claim(store, stage, now=now)
    ]
    assert all(store.complete(ends, now=now))
    return ends


def stages_of(store, name="a", tenant="ant"):
    return {s.stage: s for s in store.story(tenant, "exception", name).record.stages}
