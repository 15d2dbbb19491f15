"""Twelve bad receivers beside healthy ones: the healthy ones notice nothing, and each bad one ends as it should."""

import datetime as dt
import time

import pytest

from seeding_platform.distribution.delivery.adapters.http import HttpPush
from seeding_platform.distribution.delivery.endpoint_keys import keys_of
from seeding_platform.distribution.delivery.rules import DeliveryRules
from seeding_platform_tests.distribution.delivery.house import ENGINE, TENANT, House
from seeding_platform_tests.distribution.delivery.stands import ZOO, Stand

pytestmark = pytest.mark.long
HEALTHY = 6
CALL_S = 8
RULES = DeliveryRules(call_s=CALL_S, soak=dt.timedelta(0), status_every=dt.timedelta(days=1))


def until(holds, seconds=60):
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends, "it does not come"
        time.sleep(0.02)


def test_healthy_engines_notice_nothing_and_each_bad_one_ends_right(tmp_path):
    house, log = House(tmp_path, rules=RULES), []
    try:
        bad = {name: kind(house, log, name) for name, kind in ZOO.items()}
        good = [Stand(house, log, f"healthy {n}") for n in range(HEALTHY)]
        house.build()
        house.worker.start()
        try:
            until(lambda: house.newest() is not None)
            until(lambda: all(g.delivery.state == "acknowledged" for g in good))
            assert bad["hanging"].delivery.state == "delivering", "all were there before the hanging one's time was over"
            assert house.publisher.queue.attempts(bad["hanging"].delivery.delivery_id) == []
            until(lambda: all(b.delivery.state != "delivering" for b in bad.values()))
        finally:
            house.worker.stop()
        assert sorted(entry for entry in log if entry.startswith("healthy")) == sorted(g.name for g in good), "each put it in use once"
        first = {name: (b.delivery.state, b.delivery.error, b.delivery.attempts) for name, b in bad.items()}
        assert first == {
            "slow": ("acknowledged", "", 1),
            "flapping": ("waiting", "later", 1),
            "other schema": ("dead", "validation-failed", 1),
            "lying": first["lying"],
            "dropping": ("waiting", "unreachable", 1),
            "redirecting": ("waiting", "http-302", 1),
            "gone": ("dead", "http-410", 1),
            "too many": ("waiting", "http-429", 1),
            "hanging": ("waiting", "unreachable", 1),
            "twice": ("acknowledged", "", 1),
            "ahead": ("dead", "generation-stale", 1),
            "trusts others": ("dead", "signature-refused", 1),
        }
        assert bad["too many"].delivery.due_at == house.at + dt.timedelta(seconds=120)
        assert log.count("twice") == log.count("slow") == 1

        house.worker = _driven(house)
        for endpoint in house.publisher.endpoints.all():
            house.publisher.endpoints.adjust(endpoint.endpoint_id, asked_at=None)
        for _ in range(8):
            house.later(1000)
            house.settle()
        house.worker.slow_round()
        ends = {name: (b.delivery.state, b.delivery.error) for name, b in bad.items()}
        assert ends == {
            "slow": ("acknowledged", ""),
            "flapping": ("acknowledged", ""),
            "other schema": ("dead", "validation-failed"),
            "lying": ("dead", "lied"),
            "dropping": ("waiting", "unreachable"),
            "redirecting": ("waiting", "http-302"),
            "gone": ("dead", "http-410"),
            "too many": ("waiting", "http-429"),
            "hanging": ("waiting", "unreachable"),
            "twice": ("acknowledged", ""),
            "ahead": ("dead", "generation-stale"),
            "trusts others": ("dead", "signature-refused"),
        }
        assert bad["flapping"].delivery.attempts > 1
        assert bad["flapping"].delivery.bytes == good[0].delivery.bytes, "what came in one try is not sent again in the next"
        breakers = {name: house.publisher.endpoints.one(b.endpoint.endpoint_id) for name, b in bad.items()}
        assert {name for name, e in breakers.items() if e.open_until is not None} == {"dropping", "too many", "hanging"}
        assert {name for name, e in breakers.items() if e.disabled_why} == {"gone"}
        assert breakers["dropping"].failures >= 5
        assert breakers["redirecting"].failures == 0, "it answers: it is not left alone"
        assert {name: b.active for name, b in bad.items() if b.active is not None} == {"slow": 1, "flapping": 1, "twice": 1}
        assert all(g.active == 1 for g in good)
        assert log.count("twice") == 1

        house.later(86_400)
        for _ in range(4):
            house.later(1000)
            house.settle()
        given_up = {name: b.delivery.state for name, b in bad.items() if name in ("dropping", "redirecting", "too many", "hanging")}
        assert set(given_up.values()) == {"dead"}, given_up
        house.build(3)
        house.later(1000)
        house.settle()
        assert all(g.active == 2 for g in good)
        assert [b.active for b in (bad["slow"], bad["twice"])] == [2, 2]
        assert house.publisher.ledger.newest(TENANT, ENGINE).generation == 2
    finally:
        house.close()


def _driven(house):
    """The same worker, driven by hand and with little patience."""
    from seeding_platform.distribution.delivery.worker import Worker

    signing = lambda e: keys_of(e, house.publisher.keys, now=house.now())  # noqa: E731
    house.worker.courier._adapters["http"] = lambda alive: HttpPush(signing, house.now, private=True, seconds=1, alive=alive)
    return Worker(house.worker.courier, "by hand", house.now)
