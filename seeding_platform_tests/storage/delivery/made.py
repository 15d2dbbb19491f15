"""Addresses and generations for tests."""

import datetime as dt

from seeding_platform.storage.delivery.records import Endpoint, Generation

NOW = dt.datetime(2026, 11, 24, 9, tzinfo=dt.UTC)
LEASE = dt.timedelta(seconds=60)


def later(seconds: float) -> dt.datetime:
    return NOW + dt.timedelta(seconds=seconds)


def hour(schedule: str, now: dt.datetime) -> dt.datetime:
    return now + dt.timedelta(hours=1)


def endpoint(name: str = "ep_1", engine: str = "roi", kind: str = "http", **told) -> Endpoint:
    told = {"tenant": "t", "target": f"https://{name}.example/", "created_at": NOW, "made_by": "test", **told}
    return Endpoint(endpoint_id=name, engine=engine, kind=kind, **told)


def generation(number: int, content: str = "", engine: str = "roi", **told) -> Generation:
    told = {"tenant": "t", "kind": "built", "reason": None, "previous": None, "signature": "{}", "actor": "test", "issued_at": NOW, **told}
    return Generation(engine=engine, generation=number, content_id=content or f"{number:064x}", release=f"release {number}", **told)
