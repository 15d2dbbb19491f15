"""Keys: used, rotated with a grace, at their end, and never without an admin."""

import datetime as dt

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from seeding_platform.storage.api_keys import MOST_GRACE, ApiKeys, KeyRefused, KeyTaken, LastAdmin, Role, last_admins
from seeding_platform.storage.schema import api_keys
from seeding_platform.storage.state import State

NOW = dt.datetime(2026, 11, 24, 9, tzinfo=dt.UTC)
HOUR, MINUTE = dt.timedelta(hours=1), dt.timedelta(minutes=1)


@pytest.fixture
def keys(database_url):
    with State.open(database_url) as state:
        yield ApiKeys(state)


def made(keys, key_id="k", role=Role.VIEWER, tenant="t", **told) -> str:
    return keys.create_key(role=role, tenant=tenant, label="", secret=f"s{key_id}", key_id=key_id, now=NOW, **told)


def test_a_use_is_written_at_most_once_a_minute(keys):
    made(keys)
    seen = []
    for seconds in (0, 30, 59, 60, 90, 3600):
        keys.used(keys.named_key("k"), now=NOW + dt.timedelta(seconds=seconds))
        seen.append((keys.named_key("k").last_used_at - NOW).total_seconds())
    assert seen == [0, 0, 0, 60, 60, 3600]


def test_two_who_have_seen_the_same_write_one_use(keys):
    made(keys)
    before = keys.named_key("k")
    keys.used(before, now=NOW)
    keys.used(before, now=NOW + dt.timedelta(seconds=5))
    assert keys.named_key("k").last_used_at == NOW


def test_a_key_ends_by_itself(keys):
    key = made(keys, expires_at=NOW + HOUR)
    assert keys.key(key, now=NOW + HOUR - dt.timedelta(seconds=1)) is not None
    assert keys.key(key, now=NOW + HOUR) is None
    with pytest.raises(KeyRefused):
        keys.rotate("k", secret="n", grace=HOUR, now=NOW + HOUR)


def test_a_rotated_key_takes_the_secret_before_for_its_grace(keys):
    first = made(keys)
    second = keys.rotate("k", secret="second", grace=HOUR, now=NOW)
    assert {keys.key(k, now=NOW + HOUR - MINUTE)[1] for k in (first, second)} == set(keys.named_key("k").marks(NOW))
    assert keys.key(first, now=NOW + HOUR) is None
    assert keys.key(second, now=NOW + HOUR) is not None
    third = keys.rotate("k", secret="third", grace=HOUR, now=NOW)
    assert [keys.key(k, now=NOW) is not None for k in (first, second, third)] == [False, True, True]
    keys.rotate("k", secret="fourth", grace=dt.timedelta(0), now=NOW)
    assert keys.key(third, now=NOW) is None
    assert keys.named_key("k").revision == 4


def test_revoking_ends_both_secrets(keys):
    first = made(keys)
    second = keys.rotate("k", secret="second", grace=HOUR, now=NOW)
    assert keys.revoke("k", now=NOW)
    assert keys.key(first, now=NOW) is None
    assert keys.key(second, now=NOW) is None


@pytest.mark.parametrize(("grace", "seen"), [(MOST_GRACE + MINUTE, None), (-MINUTE, None), (HOUR, 2)])
def test_a_rotation_that_is_refused_changes_nothing(keys, grace, seen):
    first = made(keys)
    with pytest.raises(KeyRefused):
        keys.rotate("k", secret="n", grace=grace, now=NOW, seen=seen)
    assert keys.key(first, now=NOW) is not None
    assert keys.named_key("k").revision == 1


def test_no_secret_stands_in_the_database(keys):
    made(keys)
    keys.rotate("k", secret="newer", grace=HOUR, now=NOW)
    with keys.engine.connect() as connection:
        row = str(dict(connection.execute(sa.select(api_keys)).mappings().one()))
    assert "newer" not in row
    assert "sk'" not in row


def test_an_id_is_given_once(keys):
    made(keys)
    with pytest.raises(KeyTaken):
        made(keys)


def test_the_last_admin_of_a_tenant_stays(keys):
    for key_id, tenant, told in (("a", "t", {}), ("b", "t", {"expires_at": NOW + HOUR}), ("c", "u", {})):
        made(keys, key_id, Role.ADMIN, tenant, **told)
    made(keys, "v")
    with pytest.raises(LastAdmin):
        keys.revoke("c", now=NOW, spare_last_admin=True)
    with pytest.raises(LastAdmin):
        keys.revoke("a", now=NOW + HOUR, spare_last_admin=True)
    assert keys.revoke("v", now=NOW, spare_last_admin=True)
    assert keys.revoke("a", now=NOW, spare_last_admin=True)
    with pytest.raises(LastAdmin):
        keys.revoke("b", now=NOW, spare_last_admin=True)
    assert keys.named_key("b").valid(NOW)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["t", "u"]), st.sampled_from(list(Role))), max_size=5), st.permutations(range(5)))
@pytest.mark.long
def test_whatever_is_revoked_in_whatever_order_leaves_an_admin(tmp_path_factory, wanted, order):
    with State.open(f"sqlite:///{tmp_path_factory.mktemp('keys') / 'state.db'}") as state:
        keys = ApiKeys(state)
        for n, (tenant, role) in enumerate(wanted):
            made(keys, f"k{n}", role, tenant)
        had = {k.tenant for k in keys.all_keys() if k.role is Role.ADMIN}
        for n in order:
            kept_back = f"k{n}" in last_admins(keys.all_keys(), NOW)
            try:
                assert keys.revoke(f"k{n}", now=NOW, spare_last_admin=True) == (n < len(wanted))
                assert not kept_back
            except LastAdmin:
                assert kept_back
        assert {k.tenant for k in keys.all_keys() if k.role is Role.ADMIN and k.valid(NOW)} == had
