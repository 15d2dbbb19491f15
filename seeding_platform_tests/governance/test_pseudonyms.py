"""Tokens that say nothing without the key: the same across runs, another across tenants, inverted by no dictionary."""

import hashlib

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeding_platform.catalog.identifiers import normalised
from seeding_platform.errors import ConfigError
from seeding_platform.governance.anonymity import k_anonymous
from seeding_platform.governance.pseudonyms import Pseudonyms
from seeding_platform.storage.keyring import Keyring, keyring

OURS = Keyring(bytes(range(32)))


def test_the_same_value_has_the_same_token_in_every_run(tmp_path):
    first = Pseudonyms(keyring(tmp_path), "acme").token("Jan@Example.nl", "EMAIL")
    assert Pseudonyms(keyring(tmp_path), "acme").token(" jan@example.nl", "EMAIL") == first
    assert first.startswith("email_1_")
    assert (tmp_path / "master-key").stat().st_mode & 0o777 == 0o600


def test_another_tenant_label_version_or_installation_has_another(tmp_path):
    tokens = {
        Pseudonyms(OURS, "a").token("jan@example.nl", "EMAIL"),
        Pseudonyms(OURS, "b").token("jan@example.nl", "EMAIL"),
        Pseudonyms(OURS, "a").token("jan@example.nl", "PERSON"),
        Pseudonyms(OURS, "a", version=2).token("jan@example.nl", "EMAIL"),
        Pseudonyms(keyring(tmp_path), "a").token("jan@example.nl", "EMAIL"),
    }
    assert len({t.rpartition("_")[2] for t in tokens}) == 5


@given(st.text(), st.text())
def test_a_column_has_the_tokens_of_its_values(one, other):
    named = Pseudonyms(OURS, "a")
    column = pl.Series("x", [one, None, other, one])
    assert named.tokens(column, "EMAIL").to_list() == [named.token(one, "EMAIL"), None, named.token(other, "EMAIL"), named.token(one, "EMAIL")]


def test_a_column_of_nulls_stays_one():
    assert Pseudonyms(OURS, "a").tokens(pl.Series("x", [None, None]), "EMAIL").to_list() == [None, None]


@pytest.mark.long
def test_a_dictionary_inverts_none():
    addresses = [f"{given}.{family}{n}@example.nl" for given in ("jan", "piet", "emma", "noor") for family in ("bos", "vis", "dijk", "smit", "kok")
                 for n in range(5000)]  # fmt: skip
    assert len(addresses) == 100_000
    mine = set(Pseudonyms(OURS, "a").tokens(pl.Series(addresses[:1000]), "EMAIL").str.split("_").list.last().to_list())
    import base64

    def shown(digest):
        return base64.b32encode(digest[:15]).decode().lower()

    guesses = set()
    for address in addresses:
        text = address.encode()
        guesses |= {
            shown(hashlib.sha256(text).digest()),
            shown(hashlib.blake2b(text, digest_size=15).digest()),
            shown(hashlib.blake2b(text, digest_size=15, key=b"a").digest()),
        }
    assert not mine & guesses
    stolen = Pseudonyms(Keyring(bytes(32)), "a").tokens(pl.Series(addresses), "EMAIL").str.split("_").list.last()
    assert not mine & set(stolen.to_list())


@pytest.mark.parametrize(
    ("label", "ways"),
    [
        ("PHONE", ["+31 6 12345678", "0031612345678", "+31(0)612345678"]),
        ("CREDIT_CARD", ["4111 1111 1111 1111", "4111-1111-1111-1111", "４１１１１１１１１１１１１１１１"]),
        ("LICENSE_PLATE", ["12-abc-3", "12ABC3"]),
        ("HANDLE", ["@Jan", "jan"]),
        ("PERSON", ["Jan  Jansen", "jan jansen"]),
    ],
)
def test_however_it_is_written(label, ways):
    assert len({normalised(way, label) for way in ways}) == 1


def test_a_wrong_key_is_refused(tmp_path):
    (tmp_path / "master-key").write_text("abc")
    with pytest.raises(ConfigError, match="64 hex digits"):
        keyring(tmp_path)
    with pytest.raises(ConfigError, match="SEEDING_MASTER_KEY"):
        keyring(tmp_path, "ff")
    assert keyring(tmp_path, "ff" * 32).root == b"\xff" * 32


def test_small_groups_are_held_back():
    frame = pl.DataFrame({"zip": ["1"] * 5 + ["2"] * 4 + [None] * 6, "age": [30] * 15})
    found = k_anonymous(frame, ["zip", "age"])
    assert (found.held_back, found.smallest, found.combinations, found.rows.height) == (4, 5, 3, 11)
    assert found.rows.columns == frame.columns


def test_one_person_with_many_rows_is_one():
    frame = pl.DataFrame({"zip": ["1"] * 10, "who": ["a"] * 9 + ["b"]})
    assert k_anonymous(frame, ["zip"], person="who", k=2).held_back == 0
    assert k_anonymous(frame, ["zip"], person="who", k=3).held_back == 10


def test_what_cannot_be_asked_is_refused():
    with pytest.raises(ConfigError, match="zip"):
        k_anonymous(pl.DataFrame({"x": [1]}), ["zip"])
    assert k_anonymous(pl.DataFrame({"x": []}, schema={"x": pl.String}), ["x"]).smallest is None
