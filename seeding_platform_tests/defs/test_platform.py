"""What assets share: rows of a landed file come in where their tenant has room."""

import datetime as dt

import polars as pl
import pytest

from seeding_platform.defs.platform import Platform
from seeding_platform.governance.tenants import QuotaExceeded
from seeding_platform.storage.tenants import Quota, Tenants
from seeding_platform_tests.places import place_in

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


def test_a_landed_file_beyond_the_quota_is_refused(tmp_path):
    platform = Platform(place_in(tmp_path / "place").settings)
    rows = pl.DataFrame({"tenant": ["acme"] * 3, "a": ["x", "y", "z"]})
    Tenants(platform.state).add("acme", label="", quota=Quota(rows=4), by="test", now=NOW)
    assert platform.taken_in(rows, "acme").equals(rows)
    platform.lake.overwrite("raw/things", rows)
    with pytest.raises(QuotaExceeded, match="3 more rows"):
        platform.taken_in(rows, "acme")
    assert platform.taken_in(rows.with_columns(tenant=pl.lit("other")), "other").height == 3, "no quota, no limit"
