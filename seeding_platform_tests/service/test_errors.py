"""Refusals: what they tell of a request is bounded, however much was sent."""

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel, Field

from seeding_platform.service import errors
from seeding_platform.service.errors import Problem


class Wanted(BaseModel, extra="forbid"):
    name: str = Field("", max_length=5)


@pytest.fixture
def read(monkeypatch):
    """Every text that was looked through."""
    texts = []

    def told(given):
        texts.extend(given)
        return list(given)

    monkeypatch.setattr(errors, "texts_told", told)
    return texts


@pytest.fixture
def client():
    app = FastAPI()
    errors.install(app)

    @app.post("/wanted")
    def wanted(_: Wanted) -> None: ...

    @app.get("/refused")
    def refused() -> None:
        raise Problem(409, "refused", "no " * 10_000)

    return TestClient(app)


def test_what_is_looked_through_is_bounded(client, read):
    client.post("/wanted", json={"n" * 50_000: 1, **{f"m{i}": 1 for i in range(500)}})
    client.get("/" + "p" * 5_000)
    client.get("/refused")
    assert max(map(len, read)) == 300
    assert len(read) == 20 * 2 + 3 * 2


def test_places_and_errors_are_cut_and_told(client):
    found = client.post("/wanted", json={"n" * 50_000: 1, **{f"m{i}": 1 for i in range(500)}}).json()["errors"]
    assert len(found) == 20
    assert found[0]["at"] == ("body." + "n" * 100)[:100]
    [one] = client.post("/wanted", json={"name": "too long"}).json()["errors"]
    assert one == {"at": "body.name", "message": "String should have at most 5 characters"}
