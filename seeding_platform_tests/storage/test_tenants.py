"""Tenants: with a row or without, their quotas and states, and all that the state database holds of one."""

import datetime as dt

import pytest

from seeding_platform.errors import ConfigError
from seeding_platform.storage.api_keys import ApiKeys
from seeding_platform.storage.state import State
from seeding_platform.storage.tenants import Quota, Tenant, TenantRefused, Tenants, TenantState, named, tables_of_tenants
from seeding_platform_tests.storage.filled import NOW, all_rows, fill


@pytest.fixture
def state(database_url):
    with State.open(database_url) as opened:
        yield opened


def test_a_tenant_without_a_row_is_active_and_has_no_quota(state):
    assert Tenants(state).of("acme") == Tenant(tenant="acme")
    assert Tenants(state).of("acme").served
    assert Tenants(state).known() == []


def test_adding_limiting_suspending_and_closing(state):
    tenants, later = Tenants(state), NOW + dt.timedelta(days=1)
    quota = Quota(rows=10, bytes=None, requests_a_minute=5)
    made = tenants.add("acme", label="Acme", quota=quota, by="k", now=NOW)
    assert tenants.of("acme") == made == Tenant(tenant="acme", label="Acme", made_at=NOW, made_by="k", quota=quota)
    with pytest.raises(TenantRefused, match="there already"):
        tenants.add("acme", label="", quota=Quota(), by="k", now=later)
    assert tenants.limit("acme", Quota(rows=0), by="other", now=later).quota == Quota(rows=0)
    assert not tenants.move("acme", TenantState.SUSPENDED, by="k", now=later).served
    assert tenants.move("acme", TenantState.ACTIVE, by="k", now=later).served
    closed = tenants.move("acme", TenantState.REMOVED, by="k", now=later)
    assert (closed.made_at, closed.label) == (NOW, "Acme")
    assert tenants.move("acme", TenantState.REMOVED, by="k", now=later) == closed
    for again in (lambda: tenants.move("acme", TenantState.ACTIVE, by="k", now=later), lambda: tenants.limit("acme", Quota(), by="k", now=later)):
        with pytest.raises(TenantRefused, match="was removed"):
            again()
    with pytest.raises(TenantRefused, match="Take another name"):
        tenants.add("acme", label="", quota=Quota(), by="k", now=later)


def test_one_without_a_row_gets_it_with_its_first_change(state):
    fill(state.engine, "acme", rows=1)
    assert [t.tenant for t in Tenants(state).known()] == ["acme"]
    Tenants(state).move("acme", TenantState.SUSPENDED, by="k", now=NOW)
    assert [(t.tenant, t.state, t.made_by) for t in Tenants(state).known()] == [("acme", "suspended", "k")]


@pytest.mark.parametrize("wrong", ["", "Acme", "a b", "../a", "a/b", "-a", "a" * 61, "a\x00", "a\n", "é"])
def test_a_name_that_is_none(wrong):
    with pytest.raises(ConfigError, match="no name of a tenant"):
        named(wrong)


def test_forgetting_one_leaves_every_row_of_another(state):
    for tenant in ("acme", "acme-2", "other"):
        fill(state.engine, tenant)
    tenants, before = Tenants(state), {name: all_rows(state.engine, name) for name in ("acme-2", "other")}
    assert len(tables_of_tenants()) > 20
    assert tenants.counts("acme") == {t.name: 2 for t in tables_of_tenants() if t.name != "audit_events"}
    gone = tenants.forget("acme")
    assert gone == {t.name: 2 for t in tables_of_tenants() if t.name != "audit_events"}
    assert tenants.counts("acme") == {}
    assert {n: r for n, r in all_rows(state.engine, "acme").items() if r}.keys() == {"audit_events"}
    assert {name: all_rows(state.engine, name) for name in before} == before
    assert tenants.forget("acme") == {}


def test_ending_keys_ends_those_of_one_tenant(state):
    keys, tenants = ApiKeys(state), Tenants(state)
    for n, tenant in enumerate(("acme", "acme", "other")):
        keys.create_key(role="viewer", tenant=tenant, label="", secret="s", key_id=f"k{n}", now=NOW)
    assert tenants.end_keys("acme", now=NOW) == 2
    assert [k.valid(NOW) for k in keys.all_keys()] == [False, False, True]
    assert tenants.end_keys("acme", now=NOW) == 0


def test_the_last_activity_is_read_off_the_audit_log(state):
    fill(state.engine, "acme", rows=1)
    assert Tenants(state).last_activity() == {"acme": NOW}
