"""Verdicts on columns: by name, by validated values, with evidence; names of other things and numbers of other things are none."""

import polars as pl
import pytest

from seeding_platform.catalog import TABLES
from seeding_platform.governance.pii.columns import header_label, judged_columns

GOOD_BSN = ["111222333", "123456782", "100000009", "100000010"]


def verdicts(frame, **options):
    return {row["column"]: (row["verdict"], row["label"]) for row in judged_columns(frame, **options).iter_rows(named=True)}


def test_by_what_stands_in_them():
    frame = pl.DataFrame(
        {
            "a": [f"user{n}@example.nl" for n in range(20)],
            "b": [f"+31 6 1234{n:04d}" for n in range(20)],
            "c": [f"a post about thing {n}" for n in range(19)] + ["mail jan@x.nl"],
            "d": [f"order {n}" for n in range(20)],
            "e": [None] * 20,
            "f": list(range(20)),
        },
        schema_overrides={"e": pl.String},
    )
    assert verdicts(frame) == {
        "a": ("personal", "EMAIL"),
        "b": ("personal", "PHONE"),
        "c": ("texts", "EMAIL"),
        "d": ("none", ""),
        "e": ("none", ""),
        "f": ("none", ""),
    }


def test_numbers_are_judged_by_their_check_digit_where_the_name_asks():
    frame = pl.DataFrame({"bsn": GOOD_BSN, "klant_nr": GOOD_BSN, "kaartnummer": ["4111111111111111", "5500005555555559", "378282246310005", "x"]})
    assert verdicts(frame) == {"bsn": ("personal", "BSN"), "klant_nr": ("none", ""), "kaartnummer": ("personal", "CREDIT_CARD")}


def test_a_name_without_values_is_a_suspicion():
    assert verdicts(pl.DataFrame({"bsn": ["a", "b"]}))["bsn"] == ("suspected", "BSN")
    assert verdicts(pl.DataFrame({"geboortedatum": ["1990-01-01"]}))["geboortedatum"] == ("suspected", "BIRTH_DATE")


def test_names_of_people():
    frame = pl.DataFrame({"voornaam": ["Jan", "Emma", "Sanne"], "naam": ["Jan de Vries", "Emma Bakker", "Acme BV"]})
    assert verdicts(frame) == {"voornaam": ("personal", "PERSON"), "naam": ("personal", "PERSON")}


def test_cards_that_a_spreadsheet_rounded():
    found = judged_columns(pl.DataFrame({"card": ["5.54E+15", "4.11E+15", "3.78E+14"]}))
    assert found["verdict"].to_list() == ["suspected"]
    assert "lost" in found["evidence"][0]


def test_what_a_contract_declares_is_personal_whatever_stands_in_it():
    assert verdicts(pl.DataFrame({"x": ["1"]}), declared={"x": "EMAIL"})["x"] == ("personal", "EMAIL")


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("email", "EMAIL"),
        ("E-mail", "EMAIL"),
        ("emailAddress", "EMAIL"),
        ("tel", "PHONE"),
        ("telefoonnummer", "PHONE"),
        ("rekeningnummer", "IBAN"),
        ("client_ip", "IP_ADDRESS"),
        ("lat", "GEO"),
        ("postcode", "ADDRESS"),
        ("email_opened", ""),
        ("phone_model", ""),
        ("campaign_name", ""),
        ("mac_and_cheese_score", ""),
        ("ship_type", ""),
        ("name_of_product", ""),
        ("latest", ""),
        ("description", ""),
        ("tip", ""),
    ],
)
def test_what_names_say(name, label):
    assert header_label(name) == label


def test_evidence_has_its_numbers_and_the_detector():
    row = judged_columns(pl.DataFrame({"a": ["jan@x.nl", "x"]})).row(0, named=True)
    assert (row["values"], row["of"], row["share"]) == (1, 2, 0.5)
    assert len(row["detector"]) == 12


@pytest.mark.parametrize("contract", TABLES.values(), ids=lambda c: c.name)
def test_no_column_of_ours_has_a_name_that_says_what_its_contract_does_not(contract):
    said = {name: header_label(name) for name, column in contract.columns.items() if not column.personal and column.dtype == pl.String}
    assert {name: label for name, label in said.items() if label} == {}


def test_tables_are_judged_once_a_version():
    from seeding_platform.governance.pii.columns import judged_tables
    from seeding_platform.governance.pii.verdicts import TABLE_VERDICTS

    rows = pl.DataFrame({"tenant": ["t"], "_source": ["s"], "mail": ["jan@x.nl"]})
    nothing = pl.DataFrame(schema=TABLE_VERDICTS)
    first = judged_tables({"raw/a": (1, rows)}, declared={}, before=nothing)
    assert first.select("table", "version", "column", "verdict", "label").rows() == [("raw/a", 1, "mail", "personal", "EMAIL")]
    other = rows.with_columns(mail=pl.lit("x"))
    assert judged_tables({"raw/a": (1, other)}, declared={}, before=first).equals(first), "the same version is not looked at again"
    assert judged_tables({"raw/a": (2, other)}, declared={}, before=first)["verdict"].to_list() == ["suspected"]
    aged = first.with_columns(detector=pl.lit("old"))
    assert judged_tables({"raw/a": (1, other)}, declared={}, before=aged)["verdict"].to_list() == ["suspected"]
    assert judged_tables({"raw/a": (2, other)}, declared={"raw/a": {"mail": "EMAIL"}}, before=first)["verdict"].to_list() == ["personal"]
    assert judged_tables({}, declared={}, before=first).is_empty()
