"""Versions of tables over API and pages: compared in rows of one's own, restored with a reason, never beyond what one may see or touch."""

import re

import dagster as dg
import polars as pl
import pytest

from seeding_platform.catalog import TABLES
from seeding_platform.defs.platform import Platform
from seeding_platform.defs.restoring import Restorer
from seeding_platform.governance.subject_rights.matcher import Identifier
from seeding_platform.governance.subject_rights.requests import SubjectRights
from seeding_platform.storage.changes import difference, row_changes
from seeding_platform.storage.lake import Lake
from seeding_platform.storage.locks import exclusive
from seeding_platform_tests.governance.test_subject_rights import NoModels
from seeding_platform_tests.service.pages import Pages

API = "/api/v1/tables/clean/orders"
PAGE = "/en/tables/clean/orders/history"
EMAIL = "jan@planted.example"


def rows(tenant: str = "default", **amounts) -> pl.DataFrame:
    """Orders by id with their amounts and a note."""
    return pl.DataFrame(
        {
            "tenant": tenant,
            "order_id": list(amounts),
            "status": [f"s{a}" for a in amounts.values()],
            "note": [f"for {EMAIL} {a}" for a in amounts.values()],
        }
    )


class Versioned:
    """A service over a table with two versions: a has changed, b is gone, c is new."""

    def __init__(self, client, instance) -> None:
        shared = client.app.state.service
        self.client, self.lake, self.instance = client, Lake(shared.settings.lake), instance
        shared.restorer = Restorer(Platform(shared.settings), lambda: instance)
        self.lake.overwrite("clean/orders", rows(a=1, b=1))
        self.lake.overwrite("clean/orders", rows(a=2, c=1))

    def get(self, url: str, role: str = "operator", tenant: str = "default"):
        return self.client.get(url, headers=self.client.key(role, tenant))

    def restore(self, role: str = "operator", tenant: str = "default", **body):
        return self.client.post(f"{API}/restore", json=body, headers=self.client.key(role, tenant))


@pytest.fixture
def table(service) -> Versioned:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Versioned(service, instance)


def test_versions_a_page_at_a_time(table):
    first = table.get(f"{API}/versions?limit=1").json()
    assert ([v["version"] for v in first["items"]], first["in_force"], first["next_before"]) == ([1], 1, 1)
    second = table.get(f"{API}/versions?limit=1&before=1").json()
    assert ([v["version"] for v in second["items"]], second["next_before"]) == ([0], None)
    assert all(v["changed_rows"] for v in first["items"])
    table.lake._open("clean/orders").vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    assert not table.get(f"{API}/versions").json()["items"][0]["changed_rows"], "housekeeping is told apart"


def test_what_differs_from_a_version_to_the_one_in_force(table):
    found = table.get(f"{API}/diff?version=0").json()
    assert (found["added"], found["removed"], found["changed"], found["columns"]) == (1, 1, 1, {"note": 1, "status": 1})
    assert [(e["kind"], e["key"]["order_id"]) for e in found["examples"]] == [("changed", "a"), ("added", "c"), ("removed", "b")]
    back = table.get(f"{API}/diff?version=1&against=0").json()
    assert (back["added"], back["removed"]) == (1, 1)
    assert [(e["kind"], e["key"]["order_id"]) for e in back["examples"]] == [("changed", "a"), ("added", "b"), ("removed", "c")]


def test_personal_values_are_for_stewards_only(table):
    assert TABLES["orders"].columns["note"].personal is not None
    for url in (f"{API}/diff?version=0", f"{PAGE}?version=0"):
        shown = table.get(url).text
        assert EMAIL not in shown
        assert "s2" in shown, "a column that names nobody is shown"
        assert EMAIL in table.get(url, "steward").text
    for n, email in enumerate((EMAIL, "an@planted.example")):
        row = {"tenant": "default", "_source": "s", "_batch": "b", "_row": [n], "Klant": [email]}
        table.lake.overwrite("raw/shop__orders", pl.DataFrame(row))
    undeclared = table.get("/api/v1/tables/raw/shop__orders/diff?version=0").text
    assert "planted" not in undeclared, "what no contract declares may be anything"


def test_rows_of_other_tenants_are_neither_counted_nor_shown(table):
    table.lake.overwrite("clean/orders", pl.concat([rows(a=2, c=1), rows("other", secret=9, more=9)]))
    found = table.get(f"{API}/diff?version=1")
    assert (found.json()["added"], found.json()["removed"], found.json()["changed"]) == (0, 0, 0)
    assert "secret" not in found.text
    assert "secret" not in table.get(f"{PAGE}?version=1", "admin").text


def test_a_preview_changes_nothing_and_a_restore_is_on_record(table):
    told = table.restore(version=0, preview=True).json()
    assert (told["restored"], told["added"], told["removed"], told["changed"], told["tenants"]) == (None, 1, 1, 1, 1)
    assert told["below"] == "quality and all behind"
    assert table.lake.version("clean/orders") == 1
    done = table.restore(version=0, reason="half a load, says jan.jansen@example.nl").json()
    assert done["restored"] == 2
    assert table.lake.read("clean/orders").sort("order_id").collect().equals(rows(a=1, b=1))
    events = table.get("/api/v1/audit", "steward").json()["items"]
    by_action = {e["action"]: e for e in reversed(events)}
    kept = by_action["table.restore"]
    assert (kept["actor"], kept["subject"], kept["detail"]["reason"]) == ("operatordefault", "clean/orders", "half a load, says [EMAIL]")
    assert by_action["POST /api/v1/tables/{layer}/{table}/restore"]["detail"]["reason"] == "half a load, says [EMAIL]"
    told_dagster = table.instance.get_latest_materialization_event(dg.AssetKey(["clean", "orders"])).asset_materialization
    assert told_dagster.metadata["restored_version"].value == 0


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"version": 0}, 422, "no-reason"),
        ({"version": 0, "reason": " "}, 422, "no-reason"),
        ({"version": 1, "reason": "x"}, 409, "not-possible"),
        ({"version": 9, "reason": "x"}, 409, "not-possible"),
        ({"version": "0", "reason": "x"}, 422, "invalid-request"),
    ],
)
def test_what_cannot_be_restored_changes_nothing(table, body, status, code):
    answer = table.restore(**body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert table.lake.version("clean/orders") == 1


def test_rows_of_others_are_restored_by_admins_only(table):
    table.lake.overwrite("clean/orders", pl.concat([rows(a=2), rows("other", z=1)]))
    for role in ("operator", "steward"):
        assert table.restore(role, version=1, reason="x").json()["code"] == "rows-of-others"
        page = table.get(f"{PAGE}?version=1", role).text
        assert "an admin may" in page or "An admin may" in page
        assert "in force again?" not in page
    assert table.restore("operator", "other", version=0, reason="x").status_code == 403, "rows of others in the old version count too"
    told = table.restore("admin", version=1, preview=True).json()
    assert (told["tenants"], told["removed"]) == (2, 1)
    assert "all 2 organisations" in table.get(f"{PAGE}?version=1", "admin").text
    assert table.restore("admin", version=1, reason="x").json()["restored"] == 3


def test_rows_of_nobody_in_particular_are_for_admins(table):
    for n in (1, 2):
        table.lake.overwrite("kpi/sums", pl.DataFrame({"day": [n]}))
    assert table.get("/api/v1/tables/kpi/sums/diff?version=0").json()["code"] == "rows-of-everybody"
    found = table.get("/api/v1/tables/kpi/sums/diff?version=0", "admin").json()
    assert (found["added"], found["removed"], found["examples"]) == (1, 1, [])


def test_it_waits_for_whoever_writes(table):
    with exclusive(table.client.app.state.service.settings.state / "seeding.lock", holder="a run"):
        answer = table.restore(version=0, reason="x")
    assert (answer.status_code, answer.json()["code"]) == (409, "busy")
    assert table.lake.version("clean/orders") == 1


def test_a_version_whose_files_are_gone_is_refused(table):
    table.lake._open("clean/orders").vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    for answer in (table.get(f"{API}/diff?version=0"), table.restore(version=0, reason="x"), table.restore(version=0, preview=True)):
        assert (answer.status_code, answer.json()["code"]) == (409, "not-possible")
    assert "not there any more" in table.get(f"{PAGE}?version=0").text


def test_erased_people_stay_erased(table):
    shared = table.client.app.state.service
    rights = SubjectRights(shared.settings, shared.state, models=NoModels(), now=shared.now)
    rights.tombstones.add("default", [("EMAIL", EMAIL)], request_id="r", now=shared.now())
    assert table.restore(version=0, reason="half a load").json()["restored"] == 2
    restored = table.lake.read("clean/orders").sort("order_id").collect()
    assert restored["order_id"].to_list() == ["a", "b"]
    assert restored["note"].to_list() == ["for [ERASED] 1", "for [ERASED] 1"], "a tombstone holds in an old version too"
    taken = rights.receive("erase", [Identifier("EMAIL", EMAIL)], tenant="default", actor="k")
    rights.erase(taken)
    for version in range(3):
        assert table.restore(version=version, reason="x").status_code == 409, "an erasure removes the versions in which the person stood"
    assert table.lake.read("clean/orders").collect()["note"].str.contains("planted").any() is False


def test_the_page_restores_with_a_reason(table):
    pages = Pages(table.client, "operator")
    assert "clean/orders" in pages.get("/en/tables")
    page = pages.get(f"{PAGE}?version=0")
    for said in ("From version 1 to version 0", "1 rows are added, 1 removed, 1 changed", "Quality and all behind", "stay erased"):
        assert said in page
    refused = pages.send(PAGE, version="0", reason="")
    assert refused.status_code == 422
    assert "Say why" in refused.text
    assert "From version 1 to version 0" in refused.text
    done = pages.send(PAGE, version="0", reason="half a load")
    assert (done.status_code, done.headers["location"]) == (303, f"{PAGE}#versions")
    after = pages.get(PAGE)
    assert "Put in force again" in after
    assert "Version 2 is the newest" in after
    again = pages.send(PAGE, version="0", reason="half a load")
    assert again.status_code == 409
    assert 'value="half a load"' in again.text or "Nothing differs" in again.text


def test_who_may_look(table):
    assert table.get(PAGE, "analyst").status_code == 403
    assert table.get("/en/tables", "analyst").status_code == 403
    assert table.get(f"{API}/versions", "analyst").status_code == 403


@pytest.mark.parametrize("path", ["clean/nothing", "clean/..", "state/live", "clean/orders%2f..%2f..", "CLEAN/orders"])
def test_what_is_no_table_is_not_found(table, path):
    assert table.get(f"/api/v1/tables/{path}/versions").status_code in (404, 422)


@pytest.mark.parametrize("lang", ["en", "nl"])
def test_it_keeps_the_policy_of_pages(table, lang):
    pages = Pages(table.client, "admin")
    for path in ("tables", "tables/clean/orders/history", "tables/clean/orders/history?version=0", "tables/clean/orders/history?version=0&against=0"):
        text = pages.get(f"/{lang}/{path}")
        assert not re.findall(r"\sstyle=|\son[a-z]+=\"|<script(?! src=\"/static/)|<style|(?:src|href|action)=\"https?:|built-in method", text)


def test_examples_and_counts_agree(table):
    for before, after in ((0, 1), (1, 0), (0, 0)):
        counted = difference(table.lake, "clean/orders", before, after, key=["tenant", "order_id"])
        found = row_changes(table.lake, "clean/orders", before, after, key=["tenant", "order_id"])
        kinds = [r.kind for r in found]
        assert (kinds.count("added"), kinds.count("removed"), kinds.count("changed")) == (counted.added, counted.removed, counted.changed)
    assert row_changes(table.lake, "clean/orders", 0, 1, key=[]) == []
