"""Personal data is treated by policy on the way out of `clean`; nothing else changes, and no two tenants share a token."""

import polars as pl
import pytest
import yaml

from seeding_platform.catalog import TABLES
from seeding_platform.catalog.contract import Column, TableContract
from seeding_platform.errors import ConfigError
from seeding_platform.governance.protection import Action, PiiPolicy, load_pii_policy, protect
from seeding_platform.governance.protection.policy import SHIPPED, text_columns
from seeding_platform.storage.keyring import Keyring

KEYS = Keyring(bytes(range(32)))
NOTES = TableContract(
    name="notes",
    description="A note.",
    columns={
        "note_id": Column(pl.String, "Id", nullable=False),
        "text": Column(pl.String, "Text"),
        "kind": Column(pl.String, "Kind", values=("a", "b")),
        "author": Column(pl.String, "Who wrote it", personal="EMAIL"),
        "zip": Column(pl.String, "Postcode"),
        "n": Column(pl.Int64, "Number"),
    },
    key=("note_id",),
)


def rows(**columns):
    size = max(len(v) for v in columns.values())
    base = {"tenant": ["t"] * size, "note_id": [str(n) for n in range(size)], "text": [None] * size, "kind": ["a"] * size}
    base |= {"author": ["jan@example.nl"] * size, "zip": ["1011"] * size, "n": [1] * size}
    return pl.DataFrame(base | columns, schema_overrides={"text": pl.String, "zip": pl.String, "n": pl.Int64})


def policy(**entries):
    return PiiPolicy.model_validate(yaml.safe_load(SHIPPED.read_text()) | entries)


def test_without_a_word_said_columns_go_and_texts_are_redacted():
    made = protect(rows(text=["mail jan@x.nl or @acme, btw NL004495445B01", None]), NOTES, load_pii_policy(NOTES), KEYS)
    assert "author" not in made.rows.columns
    assert made.rows["text"].to_list() == ["mail [EMAIL] or @acme, btw NL004495445B01", None]
    assert made.treated.rows() == [
        ("author", "EMAIL", "drop", 2, 2),
        ("text", "EMAIL", "redact", 1, 1),
        ("text", "HANDLE", "keep", 1, 1),
        ("text", "VAT_ID", "keep", 1, 1),
    ]


def test_a_column_may_be_pseudonymised_and_means_the_same_within_a_tenant():
    frame = rows(tenant=["t", "t", "u"], author=["Jan@example.nl", "jan@example.nl ", "jan@example.nl"])
    made = protect(frame, NOTES, policy(columns={"author": "pseudonymise"}), KEYS).rows["author"].to_list()
    assert made[0] == made[1] != made[2]
    assert made[0].startswith("email_1_")


@pytest.mark.parametrize(
    ("action", "wanted"),
    [
        ("keep", "jan@example.nl"),
        ("mask", "•••@•••••••.••"),
        ("redact", "[EMAIL]"),
        ("generalise", "[EMAIL]@example.nl"),
    ],
)
def test_every_action_on_a_column_and_in_a_text(action, wanted):
    frame = rows(text=["x jan@example.nl y"])
    made = protect(frame, NOTES, policy(columns={"author": action}, labels={"EMAIL": action}), KEYS).rows
    assert made["author"].to_list() == [wanted]
    assert made["text"].to_list() == [f"x {wanted} y"]


def test_dropping_an_undeclared_column_leaves_it_empty():
    made = protect(rows(zip=["1011"]), NOTES, policy(columns={"zip": "drop"}), KEYS).rows
    assert made["zip"].to_list() == [None]


def test_closed_lists_keys_and_treated_columns_are_not_searched():
    assert text_columns(NOTES, policy()) == ["text", "zip"]
    assert text_columns(NOTES, policy(unread=["text"], columns={"zip": "mask"})) == []


def test_rare_combinations_are_held_back():
    frame = rows(zip=["1"] * 5 + ["2"] * 3)
    made = protect(frame, NOTES, policy(quasi_identifiers=["zip"]), KEYS)
    assert (made.rows.height, made.held_back, made.smallest) == (5, 3, 5)


def test_two_tenants_in_one_table_keep_their_rows_and_order():
    frame = rows(tenant=["b", "a", "b"], text=["jan@x.nl 1", "jan@x.nl 2", "no 3"])
    made = protect(frame, NOTES, policy(labels={"EMAIL": "pseudonymise"}), KEYS).rows["text"].to_list()
    assert [t[-1] for t in made] == ["1", "2", "3"]
    assert made[0].split()[0] != made[1].split()[0]
    assert made[2] == "no 3"


def test_an_empty_table_stays_one():
    made = protect(rows(text=["x"]).clear(), NOTES, load_pii_policy(NOTES), KEYS)
    assert made.rows.height == 0


def test_a_users_file_takes_the_place_of_single_entries(tmp_path):
    (tmp_path / "notes.personal.yaml").write_text("labels: {HANDLE: redact}\ncolumns: {author: pseudonymise}\n")
    own = load_pii_policy(NOTES, tmp_path)
    assert (own.labels["HANDLE"], own.labels["EMAIL"], own.columns["author"]) == (Action.REDACT, Action.REDACT, Action.PSEUDONYMISE)
    assert own.fingerprint() != load_pii_policy(NOTES).fingerprint()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("columns: {nobody: mask}", "nobody"),
        ("columns: {note_id: drop}", "key"),
        ("columns: {note_id: mask}", "key"),
        ("columns: {n: pseudonymise}", "no text"),
        ("labels: {EMAIL: explode}", "EMAIL"),
        ("colour: blue", "colour"),
        ("- a", "expected entries"),
        ("k: 1", "k"),
    ],
)
def test_a_wrong_file_is_refused_by_name(tmp_path, text, told):
    (tmp_path / "notes.personal.yaml").write_text(text)
    with pytest.raises(ConfigError, match=told):
        load_pii_policy(NOTES, tmp_path)


@pytest.mark.parametrize("contract", TABLES.values(), ids=lambda c: c.name)
def test_every_contract_can_be_protected(contract):
    made = protect(contract.empty("clean"), contract, load_pii_policy(contract), KEYS)
    searched = [n for n, action in load_pii_policy(contract).columns.items() if action is Action.SEARCH]
    assert [c for c in made.rows.columns if c in contract.columns and contract.columns[c].personal] == searched
    assert searched == (["description"] if contract.name == "exception_records" else [])


def test_people_of_one_tenant_do_not_hide_those_of_another():
    frame = rows(tenant=["t", "t", "u", "u", "v", "v"], zip=["1"] * 6)
    made = protect(frame, NOTES, policy(quasi_identifiers=["zip"], k=3), KEYS)
    assert (made.rows.height, made.held_back) == (0, 6)


def test_a_free_text_that_is_needed_keeps_its_words_and_loses_people():
    contract = TABLES["exception_records"]
    policy = load_pii_policy(contract)
    texts = [
        "Wilhelmina Zonnevanck: mail jan@example.nl, doos kapot",
        "Pakket van Jan van der Berg is nat",
        "Mevrouw Jansen belde over ZB-20007",
        "PostNL scan says sorting error, DHL lost it",
        None,
    ]
    table = pl.DataFrame({"tenant": ["t"] * 5, "exception_id": list("abcde"), "description": texts})
    made = protect(table, contract, policy, KEYS)
    assert made.rows["description"].to_list() == [
        "[PERSON]: mail [EMAIL], doos kapot",
        "[PERSON] is nat",
        "[PERSON] belde over ZB-20007",
        texts[3],
        None,
    ]
    assert {(t["label"], t["values"]) for t in made.treated.iter_rows(named=True)} == {("EMAIL", 1), ("PERSON", 3)}


def test_a_policy_of_ones_own_drops_it_again(tmp_path):
    contract = TABLES["exception_records"]
    (tmp_path / "exception_records.personal.yaml").write_text("columns: {description: drop}\n")
    assert load_pii_policy(contract, tmp_path).columns == {"description": Action.DROP}
    (tmp_path / "exception_records.personal.yaml").write_text("labels: {EMAIL: search}\n")
    with pytest.raises(ConfigError, match="search is for whole columns"):
        load_pii_policy(contract, tmp_path)
