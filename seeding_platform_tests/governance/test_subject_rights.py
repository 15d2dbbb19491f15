"""The erasure drill: people planted everywhere, some erased, killed at every step and gone on with; nothing of them is left and everybody else is."""

import datetime as dt
import json
import zipfile
from pathlib import Path

import polars as pl
import pytest

from seeding_platform.defs.platform import Platform
from seeding_platform.errors import ConfigError, PermanentError
from seeding_platform.governance.subject_rights.access import export
from seeding_platform.governance.subject_rights.matcher import ERASED, Identifier, Matcher
from seeding_platform.governance.subject_rights.requests import ResidueLeft, SubjectRights
from seeding_platform.governance.subject_rights.stores import LEFT_OUT, RECALLED
from seeding_platform.storage.lake import Lake
from seeding_platform.storage.state import State
from seeding_platform_tests.governance.planted import PEOPLE, TENANT, email, everything, people_in, phone, plant, rows
from seeding_platform_tests.places import Place, place_in

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
GONE = (3, 7, 12, 21, 30, 41, 49)
FEW = (3, 7)
RIGHTS = {"privacy_subject_keys", "privacy_marks", "privacy_holds"}


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def place(tmp_path) -> Place:
    return place_in(tmp_path / "place")


@pytest.fixture
def state(place):
    place.settings.state.mkdir(parents=True, exist_ok=True)
    with State.open(place.settings.state_url) as opened:
        plant(place.settings, opened, NOW)
        yield opened


def identifiers(n):
    return [Identifier("EMAIL", email(n)), Identifier("PHONE", phone(n))]


class NoModels:
    """A registry without models: the one that is planted is no database of MLflow's."""

    def trained(self, tenant):
        return []

    def tag(self, name, version, tags):
        raise AssertionError(name)


def rights(place, state, step=lambda name: None, models=None):
    return SubjectRights(place.settings, state, models=models or NoModels(), now=lambda: NOW, step=step)


def erase_gone(place, state, people=GONE):
    done = []
    for n in people:
        found = rights(place, state)
        done.append(found.erase(found.receive("erase", identifiers(n), tenant=TENANT, actor="k", request_id=f"r{n}")))
    return done


def test_the_search_of_these_tests_finds_everybody_everywhere(place, state):
    found = people_in(everything(place.settings))
    assert {len(files) for files in found.values()} != {0}
    assert min(len(files) for files in found.values()) >= 20


@pytest.mark.long
def test_seven_of_fifty_are_gone_and_the_others_are_where_they_were(place, state):
    before = people_in(everything(place.settings))
    done = erase_gone(place, state)
    assert {d.state for d in done} == {"closed"}
    after = people_in(everything(place.settings))
    assert {n: after[n] for n in GONE} == {n: set() for n in GONE}
    rewritten = {"a.csv", "a.csv.gz", "wide.csv", "latin.csv", "a.jsonl", "a.parquet", "a.xlsx", "drop.csv", "run.log", "quality.html", "events.db"}
    rewritten |= {"mlflow.db", "state.db", "facts.duckdb"}
    for n in set(range(PEOPLE)) - set(GONE):
        assert rewritten <= {Path(f).name for f in after[n]}, n
        assert {Path(f).name for f in before[n]} >= rewritten
    lake = Lake(place.settings.lake)
    for table in ("raw/demo__main", "clean/orders", "quality/orders", "kpi/people"):
        frame = lake.read(table).collect().sort("_row")
        assert frame.height == PEOPLE
        assert frame.filter(pl.col("_row").is_in(GONE))["owner"].to_list() == [None] * 7
        others = frame.filter(~pl.col("_row").is_in(GONE))
        assert others.equals(rows().filter(~pl.col("_row").is_in(GONE)).select(others.columns))


def test_bundles_are_recalled_and_models_taken_away(place, state):
    erase_gone(place, state, FEW)
    bundles = place.settings.bundles / TENANT
    assert [p.name for p in (bundles / "search" / ("c" * 32)).iterdir()] == [RECALLED]
    assert (bundles / "other" / ("d" * 32) / "part-0.csv").is_file()
    assert (place.settings.state / "mlflow" / "artefacts" / "model" / "model.skops").stat().st_size == 0
    certificate = json.loads((place.settings.state / "privacy" / "r3.json").read_text())
    assert certificate["stores"]["recipients"]["recalled"] == [f"{TENANT}/search/{'c' * 32}"]


@pytest.mark.long
def test_killed_at_every_step_and_gone_on_with(place, state):
    seen: list[str] = []
    whole = rights(place, state, seen.append)
    whole.erase(whole.receive("erase", identifiers(GONE[0]), tenant=TENANT, actor="k"))
    assert len(seen) >= 10
    for n, name in zip(GONE[1:] * 3, seen, strict=False):

        def dies(step, at=name):
            if step == at:
                raise Killed

        request = f"k{n}-{name}"
        dying = rights(place, state, dies)
        with pytest.raises(Killed):
            dying.erase(dying.receive("erase", identifiers(n), tenant=TENANT, actor="k", request_id=request))
        again = rights(place, state)
        done = again.erase(again.receive("erase", identifiers(n), tenant=TENANT, actor="k", request_id=request))
        assert done.state == "closed", name
        assert again.certificate_holds(request)
    after = people_in(everything(place.settings))
    assert not any(after[n] for n in GONE)


@pytest.mark.long
def test_a_second_run_changes_nothing(place, state):
    erase_gone(place, state, FEW)
    skip = ("state.db", "-wal", "-shm")
    before = {p: t for p, t in everything(place.settings).items() if not p.endswith(skip)}
    again = rights(place, state)
    done = again.erase(again.receive("erase", identifiers(3), tenant=TENANT, actor="k", request_id="r3"))
    assert done.state == "closed"
    assert {p: t for p, t in everything(place.settings).items() if not p.endswith(skip)} == before
    other = again.erase(again.receive("erase", identifiers(3), tenant=TENANT, actor="k", request_id="r3-again"))
    assert {store: receipt["changed"] for store, receipt in other.stores.items() if receipt.get("changed")} == {}


@pytest.mark.long
def test_bringing_them_in_again_brings_none_back(place, state):
    erase_gone(place, state, FEW)
    platform = Platform(place.settings)
    raw = rows()
    admitted = platform.admit(raw, TENANT)
    assert not any(Matcher(identifiers(n)).rows(admitted).any() for n in FEW)
    kept = admitted.filter(~pl.col("_row").is_in(FEW))
    assert kept.equals(raw.filter(~pl.col("_row").is_in(FEW)))
    other = raw.with_columns(note=pl.lit(f"written otherwise: {email(3).title()} / 06-555 00 003"))
    assert platform.admit(other, TENANT)["note"][0].startswith("written otherwise: [ERASED]")
    assert platform.admit(raw, "somebody-else").equals(raw), "another tenant's people are its own"


@pytest.mark.long
def test_a_tampered_certificate_fails(place, state):
    erase_gone(place, state, FEW)
    found = rights(place, state)
    file = found.certificate_file("r7")
    assert found.certificate_holds("r7")
    assert not any(email(n) in file.read_text() for n in FEW)
    told = json.loads(file.read_text())
    for change in ({"residue": 1}, {"subject": ["x"]}, {"signature": told["signature"][:-8] + "AAAAAAA="}, {"tenant": "other"}):
        file.write_text(json.dumps(told | change))
        assert not found.certificate_holds("r7"), change
    with pytest.raises(PermanentError, match="no certificate"):
        found.certificate_holds("none")


@pytest.mark.long
def test_identifiers_are_kept_until_the_end_and_no_longer(place, state):
    found = rights(place, state)
    request = found.receive("erase", identifiers(3), tenant=TENANT, actor="k", request_id="x")
    assert request.sealed
    assert email(3) not in request.sealed
    assert request.due_at - request.received_at == dt.timedelta(days=30)
    found.erase(request)
    assert found.kept.one("x").sealed is None
    actions = [r.event.action for r in found.trail.log.newest()]
    assert actions == ["privacy.erase.closed", "privacy.erase.received"]
    assert email(3) not in str([r.body for r in found.trail.log.newest()])


@pytest.mark.long
def test_what_cannot_be_rewritten_is_said_and_not_closed(place, state, monkeypatch):
    found = rights(place, state)
    log = place.settings.state / "logs" / "run.log"

    def writes_again(name):
        if name == "verify":
            log.write_text(f"row of {email(3)} refused\n")

    dying = rights(place, state, writes_again)
    with pytest.raises(ResidueLeft, match=r"run\.log"):
        dying.erase(dying.receive("erase", identifiers(3), tenant=TENANT, actor="k", request_id="x"))
    assert found.kept.one("x").state == "recipients_notified"
    assert found.certificate_file("x").exists() is False
    assert found.erase(found.kept.one("x")).state == "closed", "the next run erases once more where something was left"
    assert email(3) not in log.read_text()


@pytest.mark.long
def test_another_tenants_rows_stay(place, state):
    lake = Lake(place.settings.lake)
    theirs = rows().with_columns(tenant=pl.lit("other"))
    lake.overwrite("clean/orders", pl.concat([rows(), theirs]))
    erase_gone(place, state, FEW)
    frame = lake.read("clean/orders", tenant="other").collect().sort("_row")
    assert frame.equals(theirs.select(frame.columns))


def test_access_gives_all_of_it_and_nobody_elses(place, state, tmp_path):
    found = rights(place, state)
    held = found.held(Matcher(identifiers(5)), tenant=TENANT)
    assert held["lake"] == {t: 1 for t in ("clean/orders", "clean/orders__quarantine", "kpi/people", "quality/orders", "raw/demo__main")}
    export(found, Matcher(identifiers(5)), tenant=TENANT, target=tmp_path / "mine.zip")
    with zipfile.ZipFile(tmp_path / "mine.zip") as archive:
        text = "".join(archive.read(name).decode() for name in archive.namelist())
        about = json.loads(archive.read("about.json"))
    assert email(5) in text
    assert not any(email(n) in text for n in range(PEOPLE) if n != 5)
    assert about["data_sets"]["clean/orders"]["rows"] == 1
    assert about["recipients"] == ["search"]


@pytest.mark.parametrize("text", ["jan@x.nl", "EMAIL", "EMAIL=", "email=jan@x.nl", "BSN=12", "=x", "X=default", "X=landed"])
def test_what_names_nobody_is_refused(text):
    with pytest.raises(ConfigError):
        Identifier.parsed(text)


@pytest.mark.parametrize(
    ("identifier", "text", "found"),
    [
        ("EMAIL=an@x.nl", "AN@X.NL, please", True),
        ("EMAIL=an@x.nl", "jan@x.nl", False),
        ("EMAIL=an@x.nl", "an@x.nl.com", False),
        ("EMAIL=an@x.nl", "?mail=an%40x.nl&x", True),
        ("PHONE=+31 6 12345678", "06-12345678", True),
        ("PHONE=+31 6 12345678", "0031 (0)6 1234 5678", True),
        ("PHONE=+31 6 12345678", "061234567890", False),
        ("IBAN=NL91ABNA0417164300", "nl91 abna 0417 1643 00", True),
        ("PERSON=Jan de Vries", "jan  de\nvries", True),
        ("PERSON=Jan de Vries", "Jan de Vriesman", False),
        ("PHONE=+4915112345678", "+49 151 12345678", True),
        ("PHONE=+4915112345678", "0151-12345678", True),
        ("PHONE=+4512345678", "12 34 56 78", True),
        ("PHONE=+8613812345678", "+86 138 1234 5678", True),
        ("PHONE=06-12345678", "+31612345678", True),
        ("PERSON=José García", "JOSÉ GARCÍA", True),
        ("PERSON=José García", '{"name": "Jos\\u00e9 Garc\\u00eda"}', True),
        ("PERSON=José García", "Jose\u0301 Garci\u0301a", True),
        ("PERSON=Berg", "Åberg", False),
        ("CUSTOMER_REF=cust-0042", "cust-0042", True),
        ("CUSTOMER_REF=cust-0042", "cust-00421", False),
    ],
)
def test_whom_an_identifier_names(identifier, text, found):
    matcher = Matcher([Identifier.parsed(identifier)])
    assert matcher.found(text) is found
    assert matcher.in_bytes(text.encode()) is found
    assert matcher.rows(pl.DataFrame({"t": [text, None]})).to_list() == [found, False]
    assert (ERASED in matcher.replaced(text)) is found


def test_every_place_that_settings_name_is_searched_or_said_not_to_be():
    """A new place where things are kept must be given to `stores_of`, or be named here with the reason why not."""
    from seeding_platform.settings import Settings

    searched = {"state", "lake", "landing"}
    not_ours = {"sources", "engines", "policies", "samples", "facts"}  # the user's own files; what comes in from them again meets the tombstones
    never_personal = {"audit_file"}  # hashes, ranges and signatures
    recalled = {"engine_folders"}  # copies of bundles: the delivery takes a recalled one away there, as from every engine
    places = {name for name, field in Settings.model_fields.items() if "Path" in str(field.annotation)}
    assert places == searched | not_ours | never_personal | recalled


def test_every_file_of_an_installation_belongs_to_a_store(place, state):
    found = rights(place, state).stores(Matcher(identifiers(1)), tenant=TENANT)
    named = {"trained models", "marks", "subject keys", "landed files", "lake", "state", "bundles", "models", "state files"}
    assert {store.name for store in found} == named
    (place.settings.state / "something new").mkdir()
    (place.settings.state / "something new" / "file.txt").write_text(email(1))
    again = {s.name: s for s in rights(place, state).stores(Matcher(identifiers(1)), tenant=TENANT)}
    assert "something new/file.txt" in again["state files"].residue()


def test_tables_of_the_state_that_are_not_searched_hold_no_personal_data_by_their_form():
    from seeding_platform.storage import schema

    left_out = {t.name for t in schema.metadata.sorted_tables if t.name.startswith(LEFT_OUT)}
    assert left_out == {"audit_events", "audit_checkpoints", "privacy_requests", "privacy_receipts", "privacy_tombstones", *RIGHTS}


def test_latin_texts_in_files_and_numbers_in_tables():
    matcher = Matcher([Identifier.parsed("PERSON=José García"), Identifier.parsed("BSN=111222333")])
    assert matcher.in_bytes("naam;José García".encode("latin-1"))
    frame = pl.DataFrame({"tenant": ["José García"], "n": [111222333], "m": [2]})
    assert matcher.rows(frame).to_list() == [True]
    assert matcher.erased(frame)[0].rows() == [("José García", None, 2)]


@pytest.mark.parametrize("written", ["06-12345678", "0031612345678", "+31 (0)6 1234 5678", "31612345678"])
def test_a_tombstone_stands_for_a_number_however_it_is_written(place, written):
    with State.open(place.settings.state_url) as bare:
        rights(place, bare).tombstones.add(TENANT, [("PHONE", "+31 6 12345678")], request_id="x", now=NOW)
    frame = pl.DataFrame({"tenant": [TENANT], "tel": [written], "note": [f"bel {written} svp"]})
    admitted = Platform(place.settings).admit(frame, TENANT)
    assert admitted["tel"].to_list() == [None]
    assert written not in admitted["note"][0]


@pytest.mark.long
def test_a_database_that_somebody_holds_open_stays_whole(place, state):
    import sqlite3

    file = place.settings.state / "held.db"
    held = sqlite3.connect(file, isolation_level=None)
    held.execute("PRAGMA journal_mode = WAL")
    held.execute("CREATE TABLE t (x TEXT)")
    held.executemany("INSERT INTO t VALUES (?)", [(email(n),) for n in range(PEOPLE)])
    assert file.with_name("held.db-wal").stat().st_size > 0
    found = rights(place, state)
    found.erase(found.receive("erase", identifiers(3), tenant=TENANT, actor="k"))
    values = [x for (x,) in held.execute("SELECT x FROM t")]
    assert len(values) == PEOPLE
    assert email(3) not in values
    assert email(4) in values
    held.execute("INSERT INTO t VALUES ('goes on')")
    held.close()


def test_an_id_stands_for_one_request(place, state):
    found = rights(place, state)
    found.receive("erase", identifiers(3), tenant=TENANT, actor="k", request_id="x")
    for changed in ({"identifiers": identifiers(4)}, {"tenant": "other"}, {"kind": "access"}):
        told = {"kind": "erase", "identifiers": identifiers(3), "tenant": TENANT} | changed
        with pytest.raises(PermanentError, match="taken by another request"):
            found.receive(told["kind"], told["identifiers"], tenant=told["tenant"], actor="k", request_id="x")


@pytest.mark.long
def test_a_damaged_file_holds_nobody_up(place, state):
    logs = place.settings.state / "logs"
    (logs / "broken.gz").write_bytes(b"\x1f\x8b" + bytes(range(200)))
    (logs / "broken.zip").write_bytes(b"PK\x03\x04" + bytes(range(200)))
    (logs / "broken.parquet").write_bytes(b"PAR1" + bytes(range(200)) + b"PAR1")
    found = rights(place, state)
    assert found.erase(found.receive("erase", identifiers(3), tenant=TENANT, actor="k")).state == "closed"
