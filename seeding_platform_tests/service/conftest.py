"""A service over its own folders, with facts of two tenants and a key of each role."""

import datetime as dt
import itertools

import polars as pl
import pytest
from fastapi.testclient import TestClient

from seeding_platform.analytics.facts import read_fact_table
from seeding_platform.service.app import create_app
from seeding_platform.storage import snapshots
from seeding_platform.storage.api_state import Role
from seeding_platform_tests.analytics.questions import oracle
from seeding_platform_tests.analytics.questions.test_questions import OWN
from seeding_platform_tests.places import Place, place_in

NOW = dt.datetime(2026, 11, 24, 9, tzinfo=dt.UTC)
FIRST, LAST = dt.date(2025, 4, 1), dt.date(2025, 6, 30)


@pytest.fixture(scope="session")
def facts_csv(tmp_path_factory):
    path = tmp_path_factory.mktemp("facts") / "facts.csv"
    oracle.facts(**OWN, first=FIRST, last=LAST, seed=3).write_csv(path)
    return path


@pytest.fixture
def place(tmp_path) -> Place:
    return place_in(tmp_path / "place")


@pytest.fixture
def service(place: Place, facts_csv):
    """(client, key of a role of a tenant)."""
    mine = read_fact_table(facts_csv, tenant="default")
    theirs = read_fact_table(facts_csv, tenant="other").with_columns(spend=pl.col("spend") * 7, campaign=pl.lit("Secret_Campaign"))
    snapshots.publish(pl.concat([mine, theirs]), place.settings.serving, now=NOW)
    counter = itertools.count(1)
    app = create_app(place.settings, now=lambda: dt.datetime.now(dt.UTC), new_id=lambda n: f"{next(counter):0{2 * n}x}", inherited=place.environment)
    made: dict[tuple[str, str], str] = {}

    def key(role: str = "viewer", tenant: str = "default") -> dict[str, str]:
        if (role, tenant) not in made:
            made[role, tenant] = app.state.service.api.create_key(
                role=Role(role), tenant=tenant, label="test", secret=f"{role}{tenant}secret", key_id=f"{role}{tenant}", now=NOW
            )
        return {"Authorization": f"Bearer {made[role, tenant]}"}

    with TestClient(app, raise_server_exceptions=False) as client:
        client.key = key
        yield client
