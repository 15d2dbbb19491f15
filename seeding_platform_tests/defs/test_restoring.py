"""Versions of a table: what differs between two, and putting an old one in force again with a reason, on record, told to Dagster."""

import dagster as dg
import polars as pl
import pytest

from seeding_platform.defs.platform import Platform
from seeding_platform.defs.restoring import preview, restore
from seeding_platform.errors import PermanentError
from seeding_platform.storage.changes import difference
from seeding_platform.storage.marks import CORRECTED, RESTRICTED
from seeding_platform_tests.places import Place

TABLE = "clean/orders"


def rows(**names):
    return pl.DataFrame({"tenant": "t", "order_id": list(names), "city": list(names.values())}, schema_overrides={"city": pl.String})


@pytest.fixture
def platform(place: Place) -> Platform:
    found = Platform(place.settings)
    found.lake.overwrite(TABLE, rows(a="Delft", b="Breda"))
    found.lake.overwrite(TABLE, rows(a="Delft", b="Ede", c=None))
    return found


def test_what_differs_by_key(platform):
    found = difference(platform.lake, TABLE, 0, 1, key=["tenant", "order_id"])
    assert (found.added, found.removed, found.changed, dict(found.columns)) == (1, 0, 1, {"city": 1})
    back = difference(platform.lake, TABLE, 1, 0, key=["tenant", "order_id"])
    assert (back.added, back.removed, back.changed) == (0, 1, 1)
    assert difference(platform.lake, TABLE, 1, 1, key=["order_id"]).nothing


def test_what_differs_without_a_key_or_with_other_columns(platform):
    found = difference(platform.lake, TABLE, 0, 1, key=[])
    assert (found.added, found.removed, found.changed) == (2, 1, 0)
    platform.lake.overwrite(TABLE, rows(a="Delft").with_columns(age=1).drop("city"))
    found = difference(platform.lake, TABLE, 1, 2, key=["order_id"])
    assert (found.removed, found.added_columns, found.removed_columns) == (2, ("age",), ("city",))


def test_an_old_version_is_in_force_again(platform):
    with dg.DagsterInstance.ephemeral() as instance:
        done = restore(platform, instance, TABLE, 0, actor="k7", reason="the last load was half")
        assert done.version == 2
        assert platform.lake.read(TABLE).sort("order_id").collect()["city"].to_list() == ["Delft", "Breda"]
        told = instance.get_latest_materialization_event(dg.AssetKey(["clean", "orders"])).asset_materialization
        assert told.metadata["restored_version"].value == 0
        event = platform.trail.log.newest()[0].event
        assert (event.actor, event.action, event.subject, event.detail["reason"]) == ("k7", "table.restore", TABLE, "the last load was half")


@pytest.mark.parametrize(("version", "reason", "told"), [(0, " ", "no reason"), (1, "x", "already"), (9, "x", "version 9")])
def test_what_cannot_be_done_changes_nothing(platform, version, reason, told):
    with dg.DagsterInstance.ephemeral() as instance, pytest.raises(PermanentError, match=told):
        restore(platform, instance, TABLE, version, actor="k", reason=reason)
    assert platform.lake.version(TABLE) == 1
    assert platform.trail.log.last() == 0


def test_a_preview_changes_nothing(platform):
    assert preview(platform, TABLE, 0).removed == 1
    assert platform.lake.version(TABLE) == 1


@pytest.mark.parametrize(
    ("kind", "tenant", "body", "refused"),
    [
        (RESTRICTED, "t", None, True),
        (CORRECTED, "t", {"table": "orders", "columns": {"city": "Ede"}}, True),
        (CORRECTED, "t", {"table": "content_posts", "columns": {"city": "Ede"}}, False),
        (RESTRICTED, "other", None, False),
    ],
)
def test_a_quality_version_from_before_a_restriction_or_correction_is_not_put_in_force(platform, kind, tenant, body, refused):
    table = "quality/orders"
    platform.lake.overwrite(table, rows(a="Delft", b="Breda"))
    platform.marks.put(kind, tenant, [("EMAIL", "a@x.nl")], request_id="r", now=platform.now(), body=body)
    platform.lake.overwrite(table, rows(a="Delft"))
    platform.lake.overwrite(table, rows(a="Ede"))
    with dg.DagsterInstance.ephemeral() as instance:
        if refused:
            with pytest.raises(PermanentError, match="it would undo that"):
                restore(platform, instance, table, 0, actor="k", reason="x")
            assert platform.lake.version(table) == 2
        else:
            restore(platform, instance, table, 0, actor="k", reason="x")
            assert platform.lake.read(table).collect().height == 2
        assert restore(platform, instance, table, 1, actor="k", reason="x").version > 2, "what was made since may be restored"
    assert platform.lake.read(table).collect()["city"].to_list() == ["Delft"]


def test_a_restriction_that_was_lifted_holds_no_version_back(platform):
    table, who = "quality/orders", [("EMAIL", "a@x.nl")]
    platform.lake.overwrite(table, rows(a="Delft", b="Breda"))
    platform.marks.put(RESTRICTED, "t", who, request_id="r", now=platform.now())
    platform.lake.overwrite(table, rows(a="Delft"))
    platform.marks.lift(RESTRICTED, "t", [platform.marks.token("t", *who[0])], now=platform.now())
    with dg.DagsterInstance.ephemeral() as instance:
        restore(platform, instance, table, 0, actor="k", reason="x")
    assert platform.lake.read(table).collect().height == 2
