"""Sessions: what a cookie is worth, and that the secret behind it is made once and never empty."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest

from seeding_platform.service.sessions import SESSION_SECONDS, Sessions, session_secret
from seeding_platform.storage.api_state import ApiState, Role
from seeding_platform.storage.state import State
from seeding_platform_tests.places import place_in

NOW = dt.datetime(2026, 11, 24, 9, tzinfo=dt.UTC)


@pytest.fixture
def api(tmp_path):
    with State.open(place_in(tmp_path / "place").settings.state_url) as state:
        yield ApiState(state)


def sessions(api, secret=b"s" * 32, at=NOW):
    return Sessions(api, secret, lambda: at)


def test_a_session_lasts_as_long_as_its_key_and_its_hours(api):
    api.create_key(role=Role.OPERATOR, tenant="t", label="", secret="x", key_id="k", now=NOW)
    cookie = sessions(api).started("k")
    actor = sessions(api).opened(cookie)
    assert (actor.key_id, actor.role, actor.tenant, actor.session) == ("k", Role.OPERATOR, "t", cookie)
    assert sessions(api, at=NOW + dt.timedelta(seconds=SESSION_SECONDS + 1)).opened(cookie) is None
    assert sessions(api, secret=b"o" * 32).opened(cookie) is None
    api.revoke("k", now=NOW)
    assert sessions(api).opened(cookie) is None


@pytest.mark.parametrize("cookie", ["", ".", "k", "k.1", "k.99999999999.", "k.²³.aa", "k.99999999999.é", "k.99999999999." + "0" * 64])
def test_what_is_no_session_is_refused_and_breaks_nothing(api, cookie):
    api.create_key(role=Role.ADMIN, tenant="t", label="", secret="x", key_id="k", now=NOW)
    assert sessions(api).opened(cookie) is None
    assert sessions(api).bearer(f"Bearer {cookie}") is None


def test_processes_that_start_together_share_one_secret(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda n: session_secret(tmp_path, lambda size, n=n: f"{n:064x}"), range(32)))
    assert len(made) == 1
    assert (tmp_path / "session-secret").stat().st_mode & 0o777 == 0o600


def test_an_empty_secret_signs_nothing(tmp_path):
    (tmp_path / "session-secret").touch()
    assert session_secret(tmp_path, lambda size: "ab" * size) == b"ab" * 32
