"""Who gets what: turns of tenants, places for retries, pauses, and that two never get the same."""

import datetime as dt
import threading
from collections import Counter

from seeding_platform.storage.enrichment.pauses import Pause
from seeding_platform.storage.enrichment.states import STAGES, Completed, ErrorClass, Failed
from seeding_platform.storage.tenants import Quota, Tenants, TenantState
from seeding_platform_tests.storage.enrichment.conftest import LEASE, NOW, claim, record


def test_a_huge_backlog_leaves_the_others_their_turns(store):
    store.intake([record(f"{n:03}", tenant="huge", priority=100) for n in range(200)], now=NOW - LEASE)
    store.intake([record(str(n), tenant=t) for t in ("ant", "bee") for n in range(4)], now=NOW)
    got = Counter(c.ref.tenant for c in claim(store, limit=20))
    assert got == {"ant": 4, "bee": 4, "huge": 12}


def test_more_tenants_than_places_go_by_priority_and_by_age(store):
    store.intake([record("a", tenant=f"t{n}") for n in range(5)], now=NOW)
    store.intake([record("a", tenant="urgent", priority=9)], now=NOW)
    store.intake([record("a", tenant="old")], now=NOW - LEASE)
    assert [c.ref.tenant for c in claim(store, limit=2)] == ["urgent", "old"]


def test_within_a_tenant_priority_goes_first_then_age(store):
    for n, (name, priority) in enumerate([("late", 1), ("early", 1), ("urgent", 5)]):
        store.intake([record(name, priority=priority)], now=NOW - n * dt.timedelta(seconds=1))
    assert [c.ref.record_id for c in claim(store)] == ["urgent", "early", "late"]


def test_retries_have_their_places_and_no_more(store):
    store.intake([record(f"r{n}") for n in range(10)], now=NOW)
    held = claim(store)
    store.fail([Failed(ref=c.ref, fence=c.fence, error=ErrorClass.TRANSIENT, message="no", due_at=NOW) for c in held], now=NOW)
    store.intake([record(f"n{n}") for n in range(10)], now=NOW)
    assert Counter(c.ref.record_id[0] for c in claim(store, limit=5)) == {"n": 4, "r": 1}
    assert Counter(c.ref.record_id[0] for c in claim(store, limit=5, quota=3)) == {"n": 2, "r": 3}
    assert Counter(c.ref.record_id[0] for c in claim(store, limit=10, quota=0)) == {"n": 4, "r": 6}


def test_what_is_paused_or_not_served_stays_due(store, state):
    store.intake([record("a", tenant=t) for t in ("ant", "bee", "cat")], now=NOW)
    store.pause(Pause(tenant="ant", stage="", reason="asked", actor="me", at=NOW))
    store.pause(Pause(tenant="bee", stage=STAGES[1], reason="asked", actor="me", at=NOW))
    Tenants(state).add("cat", label="Cat", quota=Quota(), by="me", now=NOW)
    Tenants(state).move("cat", TenantState.SUSPENDED, by="me", now=NOW)
    assert store.due(NOW) == [("bee", STAGES[0], 1)]
    assert [c.ref.tenant for c in claim(store)] == ["bee"]
    assert store.resume("ant", "")
    assert not store.resume("ant", "")
    store.pause(Pause(tenant="", stage=STAGES[0], reason="all", actor="me", at=NOW))
    assert [p.reason for p in store.pauses("ant")] == ["all"]
    assert claim(store) == []
    assert store.due(NOW) == []
    store.resume("", STAGES[0])
    assert [c.ref.tenant for c in claim(store, tenants={"ant", "cat"})] == ["ant"]
    assert sum(c.leased + c.due for c in store.counts(now=NOW)) == 9


def test_what_is_due_is_said_with_leases_that_ran_out(store):
    store.intake([record("a"), record("b")], now=NOW)
    (_,) = claim(store, limit=1)
    assert store.due(NOW) == [("ant", STAGES[0], 1)]
    assert store.next_due_at() == NOW
    assert store.due(NOW + LEASE) == [("ant", STAGES[0], 2)]
    assert store.swept(NOW + LEASE) == 1
    assert store.swept(NOW + LEASE) == 0


def test_what_is_released_was_not_tried(store):
    store.intake([record("a")], now=NOW)
    (held,) = claim(store)
    assert store.release([held], now=NOW) == [True]
    assert store.release([held], now=NOW) == [False]
    (again,) = claim(store)
    assert (again.attempt, again.asked, again.fence) == (1, 1, 2)


def test_workers_side_by_side_never_get_the_same(store):
    n, workers = 600, 4
    store.intake([record(f"{i:04}", tenant=f"t{i % 3}") for i in range(n)], now=NOW)
    got: list[list] = [[] for _ in range(workers)]
    trouble: list[BaseException] = []

    def work(mine: list) -> None:
        try:
            empty = 0
            while empty < 3 and len(mine) < n:
                held = [c for stage in STAGES for c in claim(store, stage, limit=40)]
                empty = 0 if held else empty + 1
                mine += held
                ends = [Completed(ref=c.ref, fence=c.fence, output={"x": 1}, confidence=0.9, label="late") for c in held]
                assert all(store.complete(ends[::-1], now=NOW))
        except BaseException as error:
            trouble.append(error)

    threads = [threading.Thread(target=work, args=(mine,)) for mine in got]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert trouble == []
    for stage in STAGES:  # a worker that saw nothing twice may have left early; what is left is still due
        while held := claim(store, stage):
            got[0] += held
            store.complete([Completed(ref=c.ref, fence=c.fence, output={"x": 1}, confidence=0.9, label="late") for c in held], now=NOW)
    taken = [c.ref for mine in got for c in mine]
    assert len(taken) == len(set(taken)) == 3 * n
    assert sum(c.completed for c in store.counts(now=NOW)) == 3 * n
