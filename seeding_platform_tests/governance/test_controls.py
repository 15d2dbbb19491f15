"""Obligations held against a real installation: each check fails where it should and holds where it should, with evidence and a way out."""

import datetime as dt
import json

import polars as pl
import pytest

from seeding_platform.defs.platform import Platform
from seeding_platform.errors import ConfigError
from seeding_platform.governance.controls.checks import CHECKS
from seeding_platform.governance.controls.evaluate import controls, controls_frame
from seeding_platform.governance.controls.finding import SHOWN, Status, all_of
from seeding_platform.governance.controls.installation import Installation
from seeding_platform.governance.controls.packs import FOLDER, PACKS, load_pack
from seeding_platform.governance.controls.personal import HIPAA
from seeding_platform.governance.controls.schema import CONTROLS_SCHEMA
from seeding_platform.governance.retention import RETENTION
from seeding_platform.governance.subject_rights.identity import Identity
from seeding_platform.governance.subject_rights.matcher import Identifier
from seeding_platform.governance.subject_rights.requests import SubjectRights
from seeding_platform.quality.gate import GATE
from seeding_platform.settings import project_root
from seeding_platform.storage.api_state import ApiState, Role
from seeding_platform.storage.audit import Event
from seeding_platform.storage.state import Landing, LandingStatus
from seeding_platform_tests.governance.orders import NOW, TENANT, carried, raw
from seeding_platform_tests.governance.test_subject_rights import NoModels
from seeding_platform_tests.places import place_in

OWN = "title: x\ncovers: y\nobligations: [{{id: a, cites: Art. 1, says: something long, checks: [{check}], fix: do something}}]\n"
MET, NOT_MET, ABSENT = Status.MET, Status.NOT_MET, Status.NOT_APPLICABLE
WHOLE = "purposes: [delivering]\nlegal_basis: contract\nsold: false\nhealth: false\nfinancial: true\n"


@pytest.fixture
def platform(tmp_path):
    place = place_in(tmp_path / "place")
    made = Platform(place.settings.model_copy(update={"policies": tmp_path / "policies"}))
    made.settings.policies.mkdir()
    yield made
    made.state.close()


@pytest.fixture
def filled(platform):
    carried(platform, raw(["cust-0001", "cust-0002"]))
    return platform


def at(platform, *, now=NOW, tenant=None):
    return Installation(platform.settings, platform.state, platform.trail, now, tenant)


def check(platform, name, **told):
    return CHECKS[name](at(platform, **told))


def declare(platform, text, name="orders.processing.yaml"):
    (platform.settings.policies / name).write_text(text)


def test_packs_are_whole_and_every_check_is_used():
    packs = [load_pack(name) for name in PACKS]
    assert set(PACKS) == {"gdpr", "ccpa", "hipaa", "sox"}
    assert {c for p in packs for o in p.obligations for c in o.checks} == set(CHECKS)
    assert all("not looked at" in p.covers for p in packs), "a pack says what it does not cover"
    assert not [o for p in packs for o in p.obligations if "certif" in (o.says + o.fix).lower()]
    with pytest.raises(ConfigError, match="There is no pack"):
        load_pack("nothing")


@pytest.mark.parametrize(
    "text",
    ["obligations: []", "- a", OWN.format(check="nothing"), OWN.format(check="audit_intact") + "colour: blue\n"],
)
def test_a_wrong_pack_is_refused(tmp_path, text):
    (tmp_path / "own.yaml").write_text(OWN.format(check="audit_intact"))
    assert load_pack("own", tmp_path).obligations[0].id == "a"
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(ConfigError):
        load_pack("own", tmp_path)


def test_an_empty_installation_owes_nothing(platform):
    found = controls(at(platform))
    assert {c.status for c in found} <= {ABSENT, MET}
    assert {c.status for c in found if c.obligation.id != "security"} == {ABSENT}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("purpose_declared", "purposes: [delivering]"),
        ("legal_basis_declared", "legal_basis: contract"),
        ("legal_basis_declared", "legal_basis: legitimate_interests\ninterests: knowing what sells"),
        ("sale_declared", "sold: false"),
        ("health_declared", "health: false"),
        ("financial_declared", "financial: false"),
    ],
)
def test_what_only_people_know_is_declared_or_lacks(filled, name, text):
    before = check(filled, name)
    assert (before.status, before.lacking, before.counts) == (NOT_MET, ("orders",), {"tables": 1, "lacking": 1})
    declare(filled, text)
    assert check(filled, name).status is MET


def test_legitimate_interests_must_be_named_and_a_wrong_declaration_is_refused(filled):
    declare(filled, "legal_basis: legitimate_interests")
    assert check(filled, "legal_basis_declared").status is NOT_MET
    for wrong in ("legal_basis: because", "colour: blue", "opt_out: nothing", "- a"):
        declare(filled, wrong)
        with pytest.raises(ConfigError, match=r"orders\.processing\.yaml"):
            check(filled, "purpose_declared")


def test_the_example_that_a_reader_copies_is_whole(filled):
    declare(filled, (project_root() / "examples" / "policies" / "orders.processing.yaml").read_text())
    names = ("purpose_declared", "legal_basis_declared", "sale_declared", "health_declared", "financial_declared", "sale_opt_out")
    assert {name: check(filled, name).status for name in names} == dict.fromkeys(names[:-1], MET) | {"sale_opt_out": ABSENT}


def test_retention_is_set_and_carried_out(filled):
    assert check(filled, "retention_set").status is NOT_MET
    assert check(filled, "retention_carried_out").status is ABSENT
    filled.adjusted.change(RETENTION, {"days": 400}, scope="orders", actor="k", reason="x", now=NOW)
    assert check(filled, "retention_set").status is MET
    assert check(filled, "retention_carried_out").status is MET
    late = check(filled, "retention_carried_out", now=NOW + dt.timedelta(days=500))
    assert (late.status, "raw/orders" in late.lacking) == (NOT_MET, True)


def test_what_is_past_of_another_tenant_is_not_told(filled):
    filled.adjusted.change(RETENTION, {"days": 400}, scope="orders", actor="k", reason="x", now=NOW)
    later = NOW + dt.timedelta(days=500)
    names = ["cust-0001", "cust-0002"]
    batches = [(TENANT, "a.csv@1", names), ("other", "secret-name.csv@1", [*names, "cust-0003"])]
    rows = pl.concat([raw(people, tenant=tenant, batch=batch) for tenant, batch, people in batches])
    carried(filled, rows)
    filled.lake.overwrite("raw/shop", rows.select("tenant", "_source", "_batch", "_row", "_op", "_landed_at", "customer_ref"))
    for n, (tenant, batch, people) in enumerate(batches):
        file, folder = batch.split("@")[0], filled.settings.spool / "landed" / (str(n) * 64)
        folder.mkdir(parents=True)
        (folder / file).write_text("x")
        filled.state.record_landing(
            Landing(source="shop", partition_key=batch, tenant=tenant, file_name=file, sha256=str(n) * 64, status=LandingStatus.LANDED,
                    landed_at=NOW, rows=len(people))
        )  # fmt: skip
    mine, all_of_them = (check(filled, "retention_carried_out", now=later, tenant=tenant) for tenant in (TENANT, None))
    assert [name for name in mine.lacking if "spool" in name] == [f"spool/landed/{'0' * 64}/a.csv"]
    assert [name for name in all_of_them.lacking if "spool" in name] == [
        f"spool/landed/{n * 64}/{f}" for n, f in (("0", "a.csv"), ("1", "secret-name.csv"))
    ]
    assert (mine.counts["rows"], all_of_them.counts["rows"]) == (4 * 2 + 1, 4 * 5 + 2), "four tables, and files"
    nobody = check(filled, "retention_carried_out", now=later, tenant="third")
    assert (nobody.status, nobody.lacking) == (ABSENT, ())


def test_what_is_personal_is_declared_and_does_not_leave_as_it_is(filled):
    assert check(filled, "personal_protected").status is MET
    declare(filled, "columns: {note: keep}", "orders.personal.yaml")
    assert check(filled, "personal_protected").lacking == ("orders.note",)
    assert check(filled, "personal_declared").status is MET
    rows = {"table": ["clean/orders"], "column": ["carrier"], "verdict": ["personal"], "evidence": ["9 of 9 distinct values are EMAIL"]}
    filled.lake.overwrite("quality/personal_columns", pl.DataFrame(rows))
    assert check(filled, "personal_declared").lacking == ("clean/orders.carrier",)


def test_encryption_with_keys_of_one_version(filled):
    assert check(filled, "keys_of_people").status is ABSENT
    declare(filled, "columns: {note: encrypt}", "orders.personal.yaml")
    carried(filled, raw(["cust-0001", "cust-0002"]))
    found = check(filled, "keys_of_people")
    assert (found.status, found.counts["keys"]) == (MET, 2)
    from seeding_platform.storage.database import writing
    from seeding_platform.storage.schema import privacy_subject_keys as table

    with writing(filled.state.engine) as connection:
        one = connection.execute(table.select()).first().subject
        connection.execute(table.update().where(table.c.subject == one).values(kek_version=2))
    assert check(filled, "keys_of_people").status is NOT_MET


def test_people_are_answered_in_time_by_who_they_are_and_with_certificates(filled):
    rights = SubjectRights(filled.settings, filled.state, models=NoModels(), now=lambda: NOW)
    assert {check(filled, n).status for n in ("requests_within_30_days", "identity_verified", "erasures_certified")} == {ABSENT}
    who, known = [Identifier("CUSTOMER_REF", "cust-0001")], Identity.confirmed("desk", "letter")
    request = rights.receive("erase", who, tenant=TENANT, actor="k", request_id="e1", identity=known)
    assert check(filled, "requests_within_30_days", now=NOW + dt.timedelta(days=29)).status is MET
    assert check(filled, "requests_within_30_days", now=NOW + dt.timedelta(days=31)).lacking == ("e1",)
    assert check(filled, "requests_within_45_days", now=NOW + dt.timedelta(days=31)).status is MET
    assert check(filled, "requests_within_30_days", now=NOW + dt.timedelta(days=31), tenant="other").status is ABSENT
    rights.carry_out(request)
    assert check(filled, "requests_within_30_days", now=NOW + dt.timedelta(days=31)).status is MET
    assert {check(filled, n).status for n in ("identity_verified", "erasures_certified")} == {MET}
    rights.receive("portability", who, tenant=TENANT, actor="k", request_id="p1")
    assert check(filled, "identity_verified").lacking == ("p1",)
    file = rights.certificate_file("e1")
    file.write_text(file.read_text().replace('"residue": 0', '"residue": 1'))
    assert check(filled, "erasures_certified").lacking == ("e1",)


def test_who_objected_to_being_sold_is_not_in_what_others_read(filled):
    assert check(filled, "sale_opt_out").status is ABSENT
    declare(filled, "sold: true")
    assert check(filled, "sale_opt_out").lacking == ("orders: no column says who objected",)
    declare(filled, "sold: true\nopt_out: utm_source")
    assert check(filled, "sale_opt_out").status is MET
    lake = filled.lake
    rows = lake.read("quality/orders").collect()
    lake.overwrite("quality/orders", rows.with_columns(utm_source=pl.Series(["yes", "no"])))
    found = check(filled, "sale_opt_out")
    assert (found.status, found.counts["objected"]) == (NOT_MET, 1)


def test_the_eighteen_identifiers_are_looked_for_in_health_data(filled):
    assert len(HIPAA) == 18
    assert check(filled, "hipaa_identifiers").status is ABSENT
    declare(filled, "health: true")
    found = check(filled, "hipaa_identifiers")
    assert found.counts["identifiers"] == 18
    dates = ("created_at", "delivered_at", "promised_at", "shipped_at")
    assert found.lacking == (f"3. dates: {', '.join(f'quality/orders.{c}' for c in dates)}",)
    lake = filled.lake
    rows = lake.read("quality/orders").collect()
    lake.overwrite("quality/orders", rows.with_columns(carrier=pl.Series(["jan@x.example", "an@x.example"]), utm_source=pl.lit("192.0.2.17")))
    told = " ".join(check(filled, "hipaa_identifiers").lacking)
    assert "6. e-mail addresses: quality/orders.carrier" in told
    assert "15. IP addresses: quality/orders.utm_source" in told
    lake.overwrite("quality/orders", rows.drop(dates))
    assert check(filled, "hipaa_identifiers").status is MET


def event(action, actor, detail=None, tenant=""):
    return Event(at=NOW, tenant=tenant, actor=actor, action=action, detail=detail or {})


def test_the_audit_log_is_whole(platform):
    assert check(platform, "audit_intact").status is ABSENT
    platform.trail.record(event("a.b", "k"), event("a.b", "k"), event("a.b", "k"))
    assert {check(platform, n).status for n in ("audit_intact", "audit_kept")} == {MET}
    from seeding_platform.storage.database import writing
    from seeding_platform.storage.schema import audit_events as table

    with writing(platform.state.engine) as connection:
        connection.execute(table.delete().where(table.c.seq == 1))
    assert {check(platform, n).status for n in ("audit_intact", "audit_kept")} == {NOT_MET}
    assert "its first event is missing" in check(platform, "audit_kept").lacking


def test_who_changes_settings_does_not_start_runs(platform):
    assert check(platform, "duties_separated").status is ABSENT
    platform.trail.record(event("PUT /api/v1/settings/{name}", "a"), event("POST /api/v1/runs", "b"), event("GET /api/v1/audit", "c"))
    assert (check(platform, "duties_separated").status, check(platform, "duties_separated").counts) == (MET, {"actors": 2, "lacking": 0})
    platform.trail.record(event("table.restore", "a", {"reason": "x"}, "acme"))
    assert check(platform, "duties_separated").lacking == ("a",)
    assert check(platform, "duties_separated", tenant="other").status is MET, "what another tenant did is not told"


def test_changes_say_why(platform):
    assert {check(platform, n).status for n in ("settings_reasoned", "restores_reasoned")} == {ABSENT}
    platform.adjusted.change(GATE, {"score": 80.0}, actor="k", reason="two sources are new", now=NOW)
    platform.trail.record(event("table.restore", "a", {"reason": "half a load"}))
    assert {check(platform, n).status for n in ("settings_reasoned", "restores_reasoned")} == {MET}
    platform.adjusted.change(GATE, {"score": 70.0}, actor="k", reason=" ", now=NOW)
    platform.trail.record(event("table.restore", "a"))
    assert check(platform, "settings_reasoned").lacking == ("quality.gate@ version 2",)
    assert check(platform, "restores_reasoned").status is NOT_MET


def test_keys_are_named_and_few_are_admins(platform):
    assert check(platform, "access_by_role").status is ABSENT
    api = ApiState(platform.state)

    def key(n, role, label="desk", tenant="t"):
        api.create_key(role=role, tenant=tenant, label=label, secret=f"s{n}", key_id=f"k{n}", now=NOW)

    key(1, Role.ADMIN)
    key(2, Role.VIEWER)
    assert check(platform, "access_by_role").counts == {"keys": 2, "admin": 1}
    key(3, Role.VIEWER, label=" ", tenant="u")
    assert check(platform, "access_by_role").lacking == ("key k3 has no name",)
    assert check(platform, "access_by_role", tenant="t").status is MET
    for n in (4, 5, 6):
        key(n, Role.ADMIN)
    assert any("admin" in what for what in check(platform, "access_by_role", tenant="t").lacking)


def test_the_root_key_is_guarded(platform):
    platform.trail.record(event("a.b", "k"))
    assert check(platform, "root_key_guarded").status is MET
    (platform.settings.state / "master-key").chmod(0o644)
    assert check(platform, "root_key_guarded").lacking == ("its mode is 644, not 600",)


def test_books_are_traceable_checked_and_kept(filled):
    names = ("figures_traceable", "figures_checked", "records_kept")
    assert {check(filled, n).status for n in names} == {ABSENT}
    declare(filled, "financial: true")
    assert {check(filled, n).status for n in names} == {MET}
    filled.adjusted.change(RETENTION, {"days": 400}, scope="orders", actor="k", reason="x", now=NOW)
    assert check(filled, "records_kept").lacking == ("orders: 400 days",)
    rows = filled.lake.read("clean/orders").collect()
    filled.lake.overwrite("clean/orders", rows.with_columns(_batch=pl.lit(None, dtype=pl.String)))
    assert check(filled, "figures_traceable").status is NOT_MET


def test_owner_and_origin(filled):
    assert {check(filled, n).status for n in ("owner_named", "origin_declared")} == {MET}
    rows = filled.lake.read("clean/orders").collect()
    filled.lake.overwrite("clean/orders", rows.with_columns(_source=pl.lit("")))
    assert check(filled, "origin_declared").lacking == ("orders",)


def test_a_law_that_concerns_no_table_asks_nothing_but_whether_it_does(filled):
    declare(filled, WHOLE.replace("financial: true", "financial: false"))
    for pack, first in (("hipaa", "inventory"), ("sox", "scope")):
        found = {c.obligation.id: c.status for c in controls(at(filled), [pack])}
        assert found.pop(first) is MET
        assert set(found.values()) == {ABSENT}


def test_the_table_says_all_of_it_and_never_whose(filled):
    filled.trail.record(event("a.b", "k"))
    frame = controls_frame(controls(at(filled)))
    assert dict(frame.schema) == CONTROLS_SCHEMA
    assert frame.height == sum(len(load_pack(name).obligations) for name in PACKS)
    assert frame.select("pack", "obligation").is_unique().all()
    for row in frame.iter_rows(named=True):
        evidence = json.loads(row["evidence"])
        assert all(found["looked_at"] for found in evidence.values()), row
        assert bool(row["fix"]) == (row["status"] == "not_met") == bool(row["lacking"]), row
    assert "cust-0" not in frame.write_json()


def test_many_things_that_lack_are_counted_and_some_are_named():
    found = all_of("x", map(str, range(100)), map(str, range(50)), what="things")
    assert (len(found.lacking), found.counts["lacking"], found.lacking[-1]) == (SHOWN + 1, 50, "and 30 more")


def test_every_pack_file_is_yaml_of_ours():
    assert sorted(p.stem for p in FOLDER.iterdir()) == sorted(PACKS)
