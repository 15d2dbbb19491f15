"""Putting right, leaving out for a time, taking along: each carried out step by step, and met again by what comes in later."""

import csv
import datetime as dt
import hashlib
import io
import itertools
import json
import zipfile

import pytest

from seeding_platform.defs.platform import Platform
from seeding_platform.defs.quality.rules import rules_of
from seeding_platform.errors import ConfigError, PermanentError
from seeding_platform.governance.subject_rights.access import export
from seeding_platform.governance.subject_rights.identity import Identity
from seeding_platform.governance.subject_rights.matcher import Identifier, Matcher
from seeding_platform.governance.subject_rights.rectification import Correction
from seeding_platform.governance.subject_rights.requests import STATES, SubjectRights
from seeding_platform_tests.governance.orders import NOW, ORDERS, TENANT, carried, raw, refs
from seeding_platform_tests.governance.test_subject_rights import Killed, NoModels
from seeding_platform_tests.places import place_in

PEOPLE = ["cust-0001", "cust-0002", "cust-0003"]
ONE = [Identifier("CUSTOMER_REF", "cust-0001")]
RIGHT = {"carrier": "PostNL", "amount": "7.25", "created_at": "2026-01-31T09:00:00Z", "ship_country": None}


@pytest.fixture
def platform(tmp_path):
    place = place_in(tmp_path / "place")
    made = Platform(place.settings.model_copy(update={"policies": tmp_path / "policies"}))
    made.settings.policies.mkdir()
    carried(made, raw(PEOPLE))
    yield made
    made.state.close()


SECONDS = itertools.count()


def clock():
    return NOW + dt.timedelta(seconds=next(SECONDS))


def rights(platform, step=lambda name: None):
    return SubjectRights(platform.settings, platform.state, models=NoModels(), now=clock, step=step)


def do(platform, kind, identifiers=ONE, step=lambda name: None, **told):
    found = rights(platform, step)
    return found.carry_out(found.receive(kind, identifiers, tenant=TENANT, actor="k", **told))


def row(platform, layer, person="cust-0001"):
    frame = platform.lake.read(f"{layer}/orders").collect()
    return frame.filter(frame["customer_ref"] == person).to_dicts()[0]


def test_values_are_put_right_in_every_layer_and_in_the_notation_of_their_source(platform):
    before = {layer: [row(platform, layer, p) for p in PEOPLE[1:]] for layer in ("raw", "clean", "quality")}
    done = do(platform, "rectify", correction=Correction.checked("orders", RIGHT))
    assert (done.state, done.stores["tables"]["changed"]) == ("closed", {"quality/orders": 1, "clean/orders": 1, "raw/orders": 1})
    assert row(platform, "raw")["amount"] == "7,25"
    for layer in ("clean", "quality"):
        told = row(platform, layer)
        assert (told["carrier"], str(told["amount"]), told["created_at"]) == ("PostNL", "7.25", dt.datetime(2026, 1, 31, 9, tzinfo=dt.UTC))
    assert {layer: [row(platform, layer, p) for p in PEOPLE[1:]] for layer in before} == before, "nobody else's values changed"
    again = do(platform, "rectify", correction=Correction.checked("orders", RIGHT))
    assert again.stores["tables"]["changed"] == {}


@pytest.mark.long
def test_what_comes_in_later_meets_the_correction(platform):
    do(platform, "rectify", correction=Correction.checked("orders", {"carrier": "PostNL"}))
    carried(platform, raw(PEOPLE, batch="b.csv@2", notation="{}"))
    assert [row(platform, layer)["carrier"] for layer in ("raw", "clean", "quality")] == ["PostNL"] * 3
    assert row(platform, "clean", "cust-0002")["carrier"] == "DHL"
    do(platform, "rectify", correction=Correction.checked("orders", {"carrier": "UPS"}))
    carried(platform, raw(PEOPLE))
    assert row(platform, "clean")["carrier"] == "UPS", "the latest word counts"


def test_a_wrong_identifier_is_put_right_itself_and_stays_so(platform):
    do(platform, "rectify", correction=Correction.checked("orders", {"customer_ref": "cust-0009"}))
    assert refs(platform, "quality") == refs(platform, "raw") == ["cust-0002", "cust-0003", "cust-0009"]
    carried(platform, raw(PEOPLE))
    assert refs(platform, "clean") == ["cust-0002", "cust-0003", "cust-0009"]
    done = do(platform, "erase", [Identifier("CUSTOMER_REF", "cust-0009")])
    assert done.stores["marks"]["changed"] == {"corrected": 1}
    assert platform.marks.of("corrected") == [], "else the correction would bring the erased value back"


@pytest.mark.long
def test_an_erasure_leaves_somebody_elses_correction_that_only_mentions_the_person(platform):
    do(platform, "rectify", correction=Correction.checked("orders", {"carrier": "PostNL", "note": "leave it with cust-0002 next door"}))
    done = do(platform, "erase", [Identifier("CUSTOMER_REF", "cust-0002")])
    assert (done.state, done.stores["marks"]["changed"]) == ("closed", {"corrected": 1})
    ((_, mark),) = platform.marks.of("corrected")
    assert mark.body == {"table": "orders", "columns": {"carrier": "PostNL", "note": "leave it with [ERASED] next door"}}
    carried(platform, raw(PEOPLE, batch="b.csv@3"))
    assert row(platform, "clean")["carrier"] == "PostNL"
    done = do(platform, "erase", [Identifier("CUSTOMER_REF", "cust-0001")])
    assert done.stores["marks"]["changed"] == {"corrected": 1}
    assert platform.marks.of("corrected") == []


@pytest.mark.long
def test_a_value_of_a_correction_that_is_only_the_erased_person_becomes_none(platform):
    do(platform, "rectify", correction=Correction.checked("orders", {"carrier": "PostNL", "note": "cust-0002"}))
    do(platform, "erase", [Identifier("CUSTOMER_REF", "cust-0002")])
    ((_, mark),) = platform.marks.of("corrected")
    assert mark.body["columns"] == {"carrier": "PostNL", "note": None}


@pytest.mark.parametrize(
    ("table", "columns"),
    [("nothing", {"a": "b"}), ("orders", {}), ("orders", {"order_id": "x"}), ("orders", {"created_at": None}), ("orders", {"created_at": "soon"}),
     ("orders", {"items": "0"}), ("orders", {"items": "many"}), ("orders", {"tenant": "x"}), ("content_posts", {"hashtags": "x"}),
     ("content_posts", {"platform": "Nowhere"})],
)  # fmt: skip
def test_a_correction_that_the_contract_does_not_allow_is_refused(table, columns):
    with pytest.raises(ConfigError):
        Correction.checked(table, columns)


@pytest.mark.long
def test_a_restricted_person_is_stored_and_not_used(platform):
    fingerprint = rules_of(platform, ORDERS)
    done = do(platform, "restrict")
    assert done.state == "closed"
    assert refs(platform, "raw") == refs(platform, "clean") == PEOPLE
    # the third row's note names the person: it is left out as well, for the time being
    assert refs(platform, "quality") == ["cust-0002"]
    assert done.stores["quality tables"]["changed"] == {"quality/orders": 2}
    restricted = rules_of(platform, ORDERS)
    assert restricted != fingerprint, "the sensor has the tables judged again"
    carried(platform, raw(PEOPLE, batch="b.csv@2"))
    assert refs(platform, "quality") == ["cust-0002"]
    other = raw(PEOPLE, tenant="other")
    carried(platform, other)
    assert refs(platform, "quality", "other") == PEOPLE, "another tenant's people are its own"
    assert do(platform, "lift").state == "closed"
    assert rules_of(platform, ORDERS) == fingerprint
    carried(platform, raw(PEOPLE))
    assert refs(platform, "quality") == PEOPLE


@pytest.mark.parametrize("kind", ["restrict", pytest.param("rectify", marks=pytest.mark.long)])
def test_killed_at_every_step_and_gone_on_with(platform, kind):
    told = {"correction": Correction.checked("orders", {"carrier": "PostNL", "customer_ref": "cust-0009"})} if kind == "rectify" else {}
    seen = []
    do(platform, kind, [Identifier("CUSTOMER_REF", "cust-0007")], seen.append, **told)
    assert len(seen) >= 5
    if kind == "rectify":
        assert seen.index("rectify tables") < seen.index("rectify bundles")
    for n, name in enumerate(seen):
        carried(platform, raw([f"cust-1{n}00", *PEOPLE[1:]]))
        who = [Identifier("CUSTOMER_REF", f"cust-1{n}00")]

        def dies(step, at=name):
            if step == at:
                raise Killed

        with pytest.raises(Killed):
            do(platform, kind, who, dies, request_id=f"r{n}", **told)
        done = do(platform, kind, who, request_id=f"r{n}", **told)
        assert done.state == "closed", name
        assert who[0].value not in refs(platform, "quality"), name


def test_who_confirmed_the_identity_is_on_record_and_in_the_certificate(platform):
    found = rights(platform)
    known = Identity.confirmed("desk 3", "called back on 06-12345678")
    request = found.receive("restrict", ONE, tenant=TENANT, actor="k", request_id="x", identity=known)
    assert request.state == "identity_verified"
    assert STATES.index(request.state) == 1
    found.carry_out(request)
    told = json.loads(found.certificate_file("x").read_text())["identity"]
    assert told == {"state": "verified", "by": "desk 3", "how": "called back on [PHONE]"}
    plain = found.receive("restrict", ONE, tenant=TENANT, actor="k2", request_id="y")
    assert (plain.state, json.loads(plain.identity)) == ("received", {"state": "not_verified", "responsible": "k2"})
    with pytest.raises(ConfigError):
        Identity.confirmed("desk 3", " ")
    with pytest.raises(PermanentError):
        found.receive("erase", ONE, tenant=TENANT, actor="k", request_id="x")
    with pytest.raises(ConfigError, match="put right"):
        found.receive("rectify", ONE, tenant=TENANT, actor="k")


@pytest.mark.long
def test_a_name_in_a_note_about_identity_or_a_hold_is_erased_too(platform):
    from seeding_platform.governance.holding import Holding

    found, name = rights(platform), [Identifier("PERSON", "Wilhelmina Ozewald"), *ONE]
    known = Identity.confirmed("desk 3", "Wilhelmina Ozewald showed a passport")
    Holding(platform.state, platform.trail, clock).place(tenant="other", reason="asked by Wilhelmina Ozewald", actor="k", table="orders")
    Holding(platform.state, platform.trail, clock).place(tenant=TENANT, reason="Wilhelmina Ozewald", actor="k", table="customers")
    found.carry_out(found.receive("erase", name, tenant=TENANT, actor="k", request_id="x", identity=known))
    assert json.loads(found.kept.one("x").identity)["how"] == "[ERASED] showed a passport"
    assert "Ozewald" not in found.certificate_file("x").read_text()
    assert {h.tenant: h.reason for h in found.holds.standing()} == {"other": "asked by Wilhelmina Ozewald", TENANT: "[ERASED]"}


@pytest.mark.long
def test_a_request_that_an_earlier_version_kept_is_gone_on_with(platform):
    import base64

    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

    found = rights(platform)
    request = found.receive("erase", ONE, tenant=TENANT, actor="k", request_id="old")
    cipher = AESSIV(found.trail.keys.derived("privacy-request", size=64))
    sealed = base64.b64encode(cipher.encrypt(json.dumps([["CUSTOMER_REF", "cust-0001"]]).encode(), None)).decode()
    from seeding_platform.storage.database import writing
    from seeding_platform.storage.schema import privacy_requests as table

    with writing(platform.state.engine) as connection:
        connection.execute(table.update().values(sealed=sealed, identity=None))
    assert found.carry_out(request).state == "closed"
    assert "cust-0001" not in platform.lake.read("raw/orders").collect()["customer_ref"].to_list()
    assert json.loads(found.certificate_file("old").read_text())["identity"] is None


def test_an_id_stands_for_one_correction(platform):
    found = rights(platform)
    told = {"tenant": TENANT, "actor": "k", "request_id": "x"}
    one, other = (Correction.checked("orders", {"carrier": c}) for c in ("UPS", "DHL"))
    assert found.receive("rectify", ONE, correction=one, **told) == found.receive("rectify", ONE, correction=one, **told)
    with pytest.raises(PermanentError, match="other values"):
        found.receive("rectify", ONE, correction=other, **told)


def test_the_package_says_what_for_and_can_be_read_by_a_program(platform, tmp_path):
    (platform.settings.policies / "orders.processing.yaml").write_text(
        "purposes: [delivering what was ordered]\nlegal_basis: contract\nrecipients: [the carrier]\norigin: the shop's own till\n"
    )
    (platform.settings.bundles / TENANT / "order_exceptions").mkdir(parents=True)
    found = rights(platform)
    export(found, Matcher(ONE), tenant=TENANT, target=tmp_path / "mine.zip")
    with zipfile.ZipFile(tmp_path / "mine.zip") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(files["manifest.json"])
    assert {f["path"] for f in manifest["files"]} == set(files) - {"manifest.json"}
    assert all(hashlib.sha256(files[f["path"]]).hexdigest() == f["sha256"] and len(files[f["path"]]) == f["bytes"] for f in manifest["files"])
    about = json.loads(files["about.json"])["data_sets"]["clean/orders"]
    assert (about["purposes"], about["legal_basis"]) == (["delivering what was ordered"], "contract")
    assert about["retention"] == "no limit is set"
    assert about["recipients"][-1] == "the carrier"
    assert about["origin"] == ["shop", "the shop's own till"]
    rows = [json.loads(line) for line in files["clean/orders.jsonl"].splitlines()]
    table = list(csv.DictReader(io.StringIO(files["clean/orders.csv"].decode())))
    assert len(rows) == len(table) == json.loads(files["about.json"])["data_sets"]["clean/orders"]["rows"]
    assert [r["customer_ref"] for r in table] == [r["customer_ref"] for r in rows]
    assert json.loads(files["about.json"])["data_sets"]["raw/orders"]["legal_basis"] == "contract"


def test_a_table_of_which_nothing_is_declared_says_so(platform, tmp_path):
    export(rights(platform), Matcher(ONE), tenant=TENANT, target=tmp_path / "mine.zip")
    with zipfile.ZipFile(tmp_path / "mine.zip") as archive:
        about = json.loads(archive.read("about.json"))["data_sets"]["clean/orders"]
    assert (about["purposes"], about["legal_basis"]) == ("not declared", "not declared")
