"""Tenants taken along and removed: everything of one, nothing of another, killed anywhere, refused by a hold."""

import datetime as dt
import hashlib
import io
import json
import random
import shutil
import zipfile

import polars as pl
import pytest

from seeding_platform.errors import ConfigError
from seeding_platform.governance.audit import Trail
from seeding_platform.governance.holding import Holding
from seeding_platform.governance.subject_rights.certificate import holds_good
from seeding_platform.governance.tenants import QuotaExceeded, Removal, exported, held_in, room_for, standings
from seeding_platform.governance.tenants.export import WITHHELD
from seeding_platform.governance.tenants.removal import STORES, TenantHeld, TenantLeft
from seeding_platform.models import ModelSpec, train
from seeding_platform.models.registry import Registry, withdrawn
from seeding_platform.storage import snapshots
from seeding_platform.storage.lake import Lake
from seeding_platform.storage.state import Landing, LandingStatus, State
from seeding_platform.storage.tenants import Quota, Tenant, TenantRefused, Tenants
from seeding_platform_tests.governance.test_subject_rights import Killed
from seeding_platform_tests.places import Place, place_in
from seeding_platform_tests.storage.filled import NOW, all_rows, fill

TENANTS = ("acme", "acme-2")
WHY = {"reason": "contract ended", "actor": "k"}


class NoModels:
    """A registry in which nothing was ever registered."""

    def retire(self, tenant, tags):
        raise AssertionError(tenant)

    def usable(self, tenant):
        return []


class Home:
    """An installation with the same amount of everything for each tenant."""

    def __init__(self, root):
        self.settings = Place(root).settings
        self.state = State.open(self.settings.state_url)
        self.lake = Lake(self.settings.lake)

    def lived_in(self, tenants):
        for n in (1, 2):  # two versions of each table: the older one holds them too
            for layer in ("raw", "clean", "quality"):
                rows = [{"tenant": t, "id": f"{t}-{i}", "n": i} for t in tenants for i in range(3 * n)]
                self.lake.overwrite(f"{layer}/orders", pl.DataFrame(rows))
        self.lake.overwrite("quality/scorecard", pl.DataFrame({"target": ["x"], "value": [1.0]}))
        for tenant in tenants:
            fill(self.state.engine, tenant)
            self._files(tenant)
        self._landing("both", tenants)
        facts = pl.DataFrame({"tenant": [*tenants], "date": [dt.date(2026, 1, 1)] * len(tenants), "spend": [1.0] * len(tenants)})
        for published in (facts.head(1), facts):
            snapshots.publish(published, self.settings.serving, now=NOW)

    def _files(self, tenant):
        bundle = self.settings.bundles / tenant / "analytics" / "0001"
        bundle.mkdir(parents=True)
        (bundle / "rows.json").write_text(tenant)
        for row in all_rows(self.state.engine, tenant)["api_ingestions"]:
            folder = self.settings.state / "uploads" / row["ingestion_id"]
            folder.mkdir(parents=True)
            (folder / "ads.csv").write_text(tenant)
        self._landing(f"own-{tenant}", [tenant])

    def _landing(self, sha256, tenants):
        folder = self.settings.spool / "landed" / sha256
        folder.mkdir(parents=True)
        (folder / "ads.csv").write_text("x")
        for tenant in tenants:
            self.state.record_landing(
                Landing(source="ads", partition_key=f"{sha256}@{tenant}", tenant=tenant, file_name=sha256, sha256=sha256,
                        status=LandingStatus.LANDED, landed_at=NOW)
            )  # fmt: skip

    def removal(self, models=None, step=lambda name: None):
        return Removal(self.settings, self.state, models or NoModels(), Trail(self.settings, self.state), lambda: NOW, step)

    def of(self, tenant):
        """All that is kept of a tenant, to be compared."""
        facts = snapshots.opened(self.settings.serving)
        try:
            told = facts.rows("SELECT * FROM facts WHERE tenant = $t", {"t": tenant})
        finally:
            facts.close()
        folders = (self.settings.bundles, self.settings.state / "uploads", self.settings.spool)
        found = {str(p): p.read_text() for folder in folders for p in folder.rglob("*") if p.is_file()}
        files = {path: text for path, text in found.items() if text == tenant or f"/own-{tenant}/" in path or "/both/" in path}
        tables = {t: self.lake.read(t, tenant=tenant).sort("id").collect().to_dicts() for t in self.lake.tables() if t != "quality/scorecard"}
        return told, files, tables, all_rows(self.state.engine, tenant)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """An installation of two, made once."""
    root = tmp_path_factory.mktemp("template") / "home"
    place_in(root)
    made = Home(root)
    made.lived_in(TENANTS)
    made.state.close()
    return root


@pytest.fixture
def home(template, tmp_path):
    shutil.copytree(template, tmp_path / "home")
    made = Home(tmp_path / "home")
    yield made
    made.state.close()


def test_what_each_holds(home):
    first, second = standings(home.lake, home.state, now=NOW)
    assert [s.tenant.tenant for s in (first, second)] == list(TENANTS)
    assert (first.held.tables, first.held.rows, first.keys, first.last_at) == (3, 18, 0, NOW)
    assert first.held.bytes == sum(home.lake.parts(t)["acme"][1] for t in home.lake.tables() if "orders" in t) > 0
    assert first.state_rows == sum(len(r) for n, r in all_rows(home.state.engine, "acme").items() if n != "audit_events")
    assert [s.tenant.tenant for s in standings(home.lake, home.state, now=NOW, tenant="acme-2")] == ["acme-2"]
    assert standings(home.lake, home.state, now=NOW, tenant="none") == []


def test_a_tenant_known_by_its_data_alone_is_listed(home):
    home.lake.overwrite("raw/late", pl.DataFrame({"tenant": ["only-data"], "id": ["1"]}))
    assert [(s.tenant.tenant, s.held.rows) for s in standings(home.lake, home.state, now=NOW)] == [("acme", 18), ("acme-2", 18), ("only-data", 1)]


@pytest.mark.parametrize(
    ("quota", "rows", "size", "fits"),
    [
        (Quota(), 10**9, 10**12, True),
        (Quota(rows=20), 2, 0, True),
        (Quota(rows=20), 3, 0, False),
        (Quota(rows=0), 0, 0, False),
        (Quota(bytes=10**6), 0, 10, True),
        (Quota(bytes=10**6), 0, 10**6, False),
    ],
)
def test_room(home, quota, rows, size, fits):
    tenant = Tenant(tenant="acme", quota=quota)
    if fits:
        room_for(home.lake, tenant, rows=rows, size=size)
        return
    with pytest.raises(QuotaExceeded) as refused:
        room_for(home.lake, tenant, rows=rows, size=size)
    assert refused.value.held == getattr(held_in(home.lake)["acme"], refused.value.counted)


def test_an_archive_holds_everything_and_its_digests(home):
    target = io.BytesIO()
    manifest = exported(target, "acme", lake=home.lake, state=home.state, bundles=home.settings.bundles, now=NOW)
    with zipfile.ZipFile(target) as archive:
        assert json.loads(archive.read("manifest.json")) == manifest
        contents = {name: archive.read(name) for name in archive.namelist() if name != "manifest.json"}
    assert {f["path"]: f["sha256"] for f in manifest["files"]} == {n: hashlib.sha256(c).hexdigest() for n, c in contents.items()}
    tables = {n: pl.read_parquet(c) for n, c in contents.items() if n.endswith(".parquet")}
    assert set(tables) == {f"tables/{layer}/orders.parquet" for layer in ("raw", "clean", "quality")}
    assert all(set(t["tenant"]) == {"acme"} and t.height == 6 for t in tables.values())
    rows = {n: [json.loads(line) for line in c.splitlines()] for n, c in contents.items() if n.endswith(".ndjson")}
    assert set(rows) == {f"state/{n}.ndjson" for n in all_rows(home.state.engine, "acme")}
    assert all(r["tenant"] == "acme" for found in rows.values() for r in found)
    assert not any(c in r for t, c in WITHHELD for r in rows[f"state/{t}.ndjson"])
    assert contents["bundles/analytics/0001/rows.json"] == b"acme"
    assert b"acme-2" not in b"".join(contents.values())


def test_a_removal_takes_everything_of_one_and_nothing_of_the_other(home):
    other, version = home.of("acme-2"), home.lake.version("raw/orders")
    assert len(home.removal().residue("acme")) > 20
    done = home.removal().remove("acme", confirm="acme", **WHY)
    assert home.removal().residue("acme") == []
    assert home.of("acme-2") == other
    assert home.lake.read("quality/scorecard").collect().height == 1
    assert done.stores["tables"] == {f"{layer}/orders": 6 for layer in ("raw", "clean", "quality")}
    assert done.stores["bundles"] == {"acme/analytics/0001": 1}
    assert set(done.stores["files"]) == {"spool/landed/own-acme", *(f"uploads/acme:ingestion_id:{n}" for n in (1, 2))}
    assert len(done.stores["facts"]) == 2
    assert done.stores["state"]["api_keys"] == 2
    assert not [p for p in home.settings.lake.rglob("*") if p.name == "tenant=acme"]
    with pytest.raises(Exception, match="there"):
        home.lake.rows("raw/orders", version=version - 1, tenant="acme")
    certificate = json.loads(done.certificate.read_text())
    assert holds_good(certificate, home.removal().trail.keys)
    assert (certificate["tenant"], certificate["reason"], certificate["residue"]) == ("acme", "contract ended", 0)
    assert Tenants(home.state).of("acme").state == "removed"
    events = all_rows(home.state.engine, "acme")["audit_events"]
    assert [e["action"] for e in events][-1] == "tenants.remove"
    assert len(events) == 3
    with pytest.raises(TenantRefused, match="removed already"):
        home.removal().remove("acme", confirm="acme", **WHY)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whoever_is_removed_the_others_keep_all(tmp_path, seed):
    """Names that are parts of one another, or that a path, a pattern or SQL takes for more than a name."""
    rng = random.Random(seed)
    names = rng.sample(["acme", "acme-2", "a", "ac%me", "acme ", "acm_", "o'hara"], rng.randint(2, 4))
    place_in(tmp_path / "home")
    home = Home(tmp_path / "home")
    home.lived_in(names)
    others = {name: home.of(name) for name in names[1:]}
    home.removal().remove(names[0], confirm=names[0], **WHY)
    assert home.removal().residue(names[0]) == []
    assert {name: home.of(name) for name in others} == others
    home.state.close()


@pytest.mark.parametrize("where", [*STORES, "residue"])
def test_killed_anywhere_the_same_removal_goes_on(home, where):
    other = home.of("acme-2")

    def die(name):
        if name == where:
            raise Killed

    with pytest.raises(Killed):
        home.removal(step=die).remove("acme", confirm="acme", **WHY)
    assert not Tenants(home.state).of("acme").served
    done = home.removal().remove("acme", confirm="acme", **WHY)
    assert home.removal().residue("acme") == []
    assert done.stores["tables"]["raw/orders"] == 6
    assert done.stores["state"]["api_keys"] == 2
    assert home.of("acme-2") == other
    assert [p.name for p in (home.settings.state / "tenants").iterdir()] == [done.certificate.name]


@pytest.mark.parametrize("tenant", ["acme", ""])
def test_a_hold_refuses_it_and_nothing_is_touched(home, tenant):
    before = home.of("acme")
    holding = Holding(home.state, Trail(home.settings, home.state), lambda: NOW)
    hold = holding.place(tenant=tenant, reason="claim 7", actor="k")
    with pytest.raises(TenantHeld, match="claim 7"):
        home.removal().remove("acme", confirm="acme", **WHY)
    assert Tenants(home.state).of("acme").served
    assert home.of("acme")[:3] == before[:3]
    holding.release(hold.hold_id, actor="k")


def test_a_hold_of_another_tenant_does_not(home):
    Holding(home.state, Trail(home.settings, home.state), lambda: NOW).place(tenant="acme-2", reason="claim 7", actor="k")
    assert home.removal().remove("acme", confirm="acme", **WHY).tenant == "acme"


@pytest.mark.parametrize(
    ("tenant", "confirm", "reason"), [("acme", "acme-2", "x"), ("acme", "", "x"), ("acme", "acme", " "), ("..", "..", "x"), ("", "", "x")]
)
def test_a_removal_is_confirmed_and_has_a_reason(home, tenant, confirm, reason):
    with pytest.raises(ConfigError):
        home.removal().remove(tenant, confirm=confirm, reason=reason, actor="k")
    assert home.removal().residue("acme")


def test_there_is_no_such_tenant(home):
    with pytest.raises(TenantRefused, match="no tenant 'none'"):
        home.removal().remove("none", confirm="none", **WHY)
    assert Tenants(home.state).of("none").made_at is None


def test_what_comes_in_meanwhile_is_found(home):
    def late(name):
        if name == "residue":
            home.lake.overwrite("raw/late", pl.DataFrame({"tenant": ["acme"], "id": ["1"]}))

    with pytest.raises(TenantLeft, match="raw/late"):
        home.removal(step=late).remove("acme", confirm="acme", **WHY)
    assert not Tenants(home.state).of("acme").served
    home.removal().remove("acme", confirm="acme", **WHY)


@pytest.mark.long
def test_models_are_withdrawn_and_their_artefacts_go(home):
    registry = Registry(home.settings.registry_url, home.settings.state / "mlflow" / "artefacts")
    spec = ModelSpec(
        name="toy", description="Made.", target="y", features={"x": "numeric"}, split={"kind": "holdout"}, minimum_rows=10, inputs=["orders"]
    )
    model = train(spec, pl.DataFrame({"x": [float(i) for i in range(60)], "y": [2.0 * i for i in range(60)]}), seed=0)
    for name in ("acme.toy", "acme.toy", "staging~acme.toy", "acme-2.toy"):
        registry.serve(name, registry.register(name, model, metrics={}, params={}, tags={}, documents={"card.md": name}).version)
    done = home.removal(registry).remove("acme", confirm="acme", **WHY)
    assert set(done.stores["models"]) == {"acme.toy version 1", "acme.toy version 2", "staging~acme.toy version 1"}
    assert registry.champion("acme.toy") is None
    assert all(withdrawn(v.tags) for v in registry.trained("acme"))
    assert registry.usable("acme") == []
    assert not [p for p in (registry.artefacts / "acme.toy").rglob("*") if p.is_file()]
    assert registry.load("acme-2.toy")[0].version == "1"
    assert registry.usable("acme-2") == ["acme-2.toy version 1"]
