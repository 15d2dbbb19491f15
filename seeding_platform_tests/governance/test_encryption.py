"""Values encrypted per person: alike within a column, unreadable elsewhere, gone for good when the key is shredded."""

import datetime as dt
import time

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from seeding_platform.catalog import LANDED
from seeding_platform.cli import app
from seeding_platform.errors import BusyError, ConfigError, PermanentError
from seeding_platform.governance.audit import Trail
from seeding_platform.governance.encryption import MARK, ColumnCipher, NotOurs
from seeding_platform.governance.protection import load_pii_policy, protect
from seeding_platform.governance.reveal import Revealer
from seeding_platform.governance.subject_rights.matcher import Identifier
from seeding_platform.service.people import people
from seeding_platform.storage.keyring import Keyring
from seeding_platform.storage.lake import Lake
from seeding_platform.storage.locks import exclusive
from seeding_platform.storage.state import State
from seeding_platform.storage.subject_keys import KeyShredded, NoSuchKey, SubjectKeys
from seeding_platform_tests.governance.planted import everything
from seeding_platform_tests.governance.test_protection import NOTES, policy, rows
from seeding_platform_tests.places import Place, place_in

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
RING = Keyring(bytes(range(32)))


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Place:
    return place_in(tmp_path_factory.mktemp("keys") / "place")


@pytest.fixture(scope="module")
def state(place):
    with State.open(place.settings.state_url) as opened:
        yield opened


@pytest.fixture
def keys(state):
    return SubjectKeys(state, RING, now=lambda: NOW)


def cipher(keys, tenant="t", table="notes", column="author", label="EMAIL"):
    return ColumnCipher(keys, tenant, table, column, label)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(st.one_of(st.none(), st.text(max_size=30)), max_size=8))
def test_what_is_encrypted_is_read_again_and_nulls_stay(keys, values):
    told = cipher(keys).encrypted(pl.Series("author", values, dtype=pl.String))
    assert (told.dtype, told.name, told.len()) == (pl.String, "author", len(values))
    assert [None if t is None else cipher(keys).decrypted(t) for t in told] == values
    assert all(t.startswith(MARK) and (len(v) < 4 or v not in t) for t, v in zip(told, values, strict=True) if t is not None)


def test_a_value_is_one_token_within_a_column_and_another_in_every_other(keys):
    values = pl.Series("author", ["jan@x.nl", "an@x.nl", "jan@x.nl"])
    one = cipher(keys).encrypted(values).to_list()
    assert one[0] == one[2] != one[1]
    others = [cipher(keys, **{name: "other"}).encrypted(values)[0] for name in ("tenant", "table", "column")]
    assert len({one[0], *others}) == 4
    heads = {t[len(MARK) : len(MARK) + 40] for t in (one[0], *others)}
    assert len(heads) == 4, "not even whom it is about can be joined over columns"


def test_no_other_tenant_table_or_column_reads_it(keys):
    token = cipher(keys).encrypted(pl.Series(["jan@x.nl"]))[0]
    for name in ("tenant", "table", "column"):
        with pytest.raises(NotOurs):
            cipher(keys, **{name: "other"}).decrypted(token)
    foreign = SubjectKeys(keys, Keyring(bytes(32)), now=lambda: NOW)
    with pytest.raises(NotOurs):
        cipher(foreign).decrypted(token)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_changed_token_is_refused(keys, place, bit):
    import base64

    token = cipher(keys).encrypted(pl.Series(["jan@x.nl"]))[0]
    data = bytearray(base64.urlsafe_b64decode(token.removeprefix(MARK) + "=="))
    data[place % len(data)] ^= 1 << bit
    with pytest.raises(NotOurs):
        cipher(keys).decrypted(MARK + base64.urlsafe_b64encode(bytes(data)).decode().rstrip("="))


@pytest.mark.parametrize("text", ["jan@x.nl", MARK, f"{MARK}AAAA", f"{MARK}%%%", f"{MARK}{'A' * 120}"])
def test_what_is_no_token_is_refused(keys, text):
    with pytest.raises(NotOurs):
        cipher(keys).decrypted(text)


def test_a_shredded_key_is_said_and_never_made_again(keys):
    token = cipher(keys).encrypted(pl.Series(["gone@x.nl"]))[0]
    subject = cipher(keys).subject_of(token)
    assert keys.shred("t", [subject]) == 1
    assert keys.shred("t", [subject]) == 0
    with pytest.raises(KeyShredded, match="was shredded"):
        cipher(keys).decrypted(token)
    assert cipher(keys).encrypted(pl.Series([" Gone@X.nl", None, "stays@x.nl"]))[:2].to_list() == [None, None]


def test_a_key_that_is_not_there_is_said(keys, state):
    token = cipher(keys).encrypted(pl.Series(["lost@x.nl"]))[0]
    from seeding_platform.storage.database import writing
    from seeding_platform.storage.schema import privacy_subject_keys as table

    with writing(state.engine) as connection:
        connection.execute(table.delete().where(table.c.subject == cipher(keys).subject_of(token)))
    with pytest.raises(NoSuchKey):
        cipher(keys).decrypted(token)


def test_another_wrapping_changes_no_token(keys):
    values = pl.Series([f"p{n}@x.nl" for n in range(20)])
    before = cipher(keys, "rotating").encrypted(values)
    version = max(keys.counted().versions)
    assert keys.rotate() >= 20
    assert keys.counted().versions == (version + 1,)
    assert cipher(keys, "rotating").encrypted(values).equals(before)
    assert [cipher(keys, "rotating").decrypted(t) for t in before] == values.to_list()
    assert max(keys.counted().versions) == version + 1
    moved = SubjectKeys(keys, Keyring(bytes(32)), now=lambda: NOW)
    with pytest.raises(PermanentError, match="does not open"):
        moved.opened("rotating", keys.subjects("rotating", ["EMAIL\x00p1@x.nl"]))


def test_the_declared_subject_says_with_whose_key(keys):
    frame = rows(zip=["c1", "c1", "c2", None], author=["a@x.nl", "b@x.nl", "a@x.nl", "a@x.nl"])
    made = protect(frame, NOTES, policy(columns={"author": "encrypt"}, subject="zip"), RING, keys)
    assert made.rows.schema["author"] == pl.String
    tokens = made.rows["author"].to_list()
    people = [cipher(keys).subject_of(t) for t in tokens]
    assert people[0] == people[1]
    assert len(set(people)) == 3
    assert len(set(tokens)) == 4
    assert [cipher(keys).decrypted(t) for t in tokens] == frame["author"].to_list()
    assert ("author", "EMAIL", "encrypt", 4, 4) in made.treated.rows()


def test_encryption_needs_keys_and_whole_text_columns(keys, tmp_path):
    with pytest.raises(ConfigError, match="no keys of people"):
        protect(rows(text=["x"]), NOTES, policy(columns={"author": "encrypt"}), RING)
    for text, told in (("labels: {EMAIL: encrypt}", "in a text"), ("columns: {n: encrypt}", "no text"), ("columns: {note_id: encrypt}", "key"),
                       ("subject: nobody", "nobody")):  # fmt: skip
        (tmp_path / "notes.personal.yaml").write_text(text)
        with pytest.raises(ConfigError, match=told):
            load_pii_policy(NOTES, tmp_path)


@pytest.mark.long
def test_a_hundred_thousand_values_take_seconds_not_minutes(keys):
    values = pl.Series([f"person{n % 40_000}@x.nl" for n in range(100_000)])
    started = time.process_time()
    told = cipher(keys, "many").encrypted(values)
    spent = time.process_time() - started
    assert told.n_unique() == 40_000
    print(f"100,000 values of 40,000 people: {spent:.1f} CPU-s")


def test_reading_is_on_record_value_by_value(place, state, keys):
    trail = Trail(place.settings, state)
    mine = SubjectKeys(state, trail.keys, now=lambda: NOW)
    tokens = ColumnCipher(mine, "t", "content_posts", "author_email", "EMAIL").encrypted(pl.Series(["jan@x.nl", "an@x.nl"])).to_list()
    reads = Revealer(state, trail, lambda: NOW)
    asked = {"table": "content_posts", "column": "author_email", "actor": "k1"}
    assert reads.revealed(tokens, tenant="t", reason="for jan@x.nl, who asks", **asked) == ["jan@x.nl", "an@x.nl"]
    events = trail.log.newest(action="privacy.reveal")
    assert [(e.event.actor, e.event.outcome) for e in events] == [("k1", "ok")] * 2
    assert "jan@x.nl" not in str([e.body for e in events])
    for wrong in ({"tenant": "u", "reason": "x"}, {"tenant": "t", "reason": " "}):
        with pytest.raises((NotOurs, ConfigError)):
            reads.revealed(tokens, **wrong, **asked)
    assert trail.log.newest(action="privacy.reveal")[0].event.outcome == "refused"


def test_an_erasure_shreds_the_keys_and_nothing_is_left(tmp_path):
    place = place_in(tmp_path / "place")
    settings = place.settings.model_copy(update={"policies": tmp_path / "policies"})
    settings.policies.mkdir()
    (settings.policies / "content_posts.personal.yaml").write_text("columns: {author_email: encrypt}\nsubject: account_id\n")
    posts, lake = LANDED["content_posts"], Lake(settings.lake)
    base = posts.empty("clean")
    frame = pl.DataFrame({"tenant": ["t"] * 3, "post_id": ["1", "2", "3"], "account_id": ["a-1", "a-2", "a-2"],
                          "author_email": ["jan@x.example", "an@x.example", "an@x.example"],
                          "text": [None, "thanks jan@x.example", None]})  # fmt: skip
    clean = pl.concat([base, frame.select(c for c in frame.columns if c in base.columns)], how="diagonal_relaxed")
    with State.open(settings.state_url) as state:
        rights = people(settings, state, now=lambda: NOW)
        keys = rights.subject_keys
        lake.overwrite("clean/content_posts", clean)
        made = protect(clean, posts, load_pii_policy(posts, settings.policies), rights.trail.keys, keys)
        lake.overwrite("quality/content_posts", made.rows)
        jan, an = made.rows["author_email"][0], made.rows["author_email"][1]
        column = ColumnCipher(keys, "t", "content_posts", "author_email", "EMAIL")
        assert (column.decrypted(jan), column.decrypted(an)) == ("jan@x.example", "an@x.example")
        wrapped = _wrapped(state)
        done = rights.erase(rights.receive("erase", [Identifier("EMAIL", "jan@x.example")], tenant="t", actor="k"))
        assert (done.state, done.stores["subject keys"]["changed"]) == ("closed", {"keys": 1})
        with pytest.raises(KeyShredded):
            column.decrypted(jan)
        assert column.decrypted(an) == "an@x.example", "a mention in somebody else's text is no reason to destroy their key"
        (gone,) = wrapped - _wrapped(state)
    found = {p for p, text in everything(settings).items() if "jan@x.example" in text or gone.lower() in text}
    assert found == set(), "neither the person nor the wrapped key is in any file, free pages of the database included"


def _wrapped(state):
    from sqlalchemy import select

    from seeding_platform.storage.schema import privacy_subject_keys as table

    with state.engine.connect() as connection:
        return set(connection.execute(select(table.c.wrapped).where(table.c.wrapped.is_not(None))).scalars())


def test_keys_are_wrapped_anew_by_who_is_alone_on_the_installation(tmp_path, monkeypatch):
    place = place_in(tmp_path / "place")
    for name, value in place.environment.items():
        monkeypatch.setenv(name, value)
    with exclusive(place.settings.state / "seeding.lock", holder="an erasure"):
        refused = CliRunner().invoke(app, ["privacy", "rewrap"])
    assert isinstance(refused.exception, BusyError)
    done = CliRunner().invoke(app, ["privacy", "rewrap"])
    assert done.exit_code == 0, done.output
    assert "0 keys are wrapped" in done.output
