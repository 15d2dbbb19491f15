"""Personal data is found by form, check digit and context, where it stands in the original text; what only looks like it is not."""

import itertools
import random
import unicodedata
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seeding_platform.governance import detect_pii, redacted
from seeding_platform.governance.pii import masked
from seeding_platform.governance.pii.detect import as_read, triggered
from seeding_platform.governance.pii.finders import FINDERS, WEAK_FINDERS
from seeding_platform.governance.pii.plain import plain
from seeding_platform.governance.pii.spans import LABELS
from seeding_platform_tests.governance.pii.snippets import counted, snippets

SETS = sorted(Path(__file__).parent.joinpath("pii").glob("set_*.txt"))
VALUES = [
    "jan@example.nl", "+31 6 12345678", "06-12345678", "NL91 ABNA 0417 1643 00", "4111 1111 1111 1111", "BSN 111222333", "192.168.1.14",
    "2001:db8::1", "00:1B:44:11:3A:B7", "SSN 377-06-0994", "NINO AB 12 34 56 C", "password: Popcorn-Stand7", "kenteken 12-BRT-5",
    "btw BE0403170701", "52.3702, 4.8952", "@jan.jansen", "sk_live_abcdefgh12345678", "lat: 52.37 lon: 4.89", "1.234,56", "12-06-2024",
    "order 4471", "\u200b", "\u00a0", "ＡＢ", "\n", "🎉", "é",
]  # fmt: skip
MESSY = st.lists(st.one_of(st.sampled_from(VALUES), st.text(max_size=6)), max_size=8).map(" ".join)


def spans_of(text, **options):
    return {(start, end, label) for _, start, end, label, _ in detect_pii(pl.Series([text]), **options).rows()}


def values_of(text, **options):
    return {(text[start:end], label) for start, end, label in spans_of(text, **options)}


@pytest.mark.parametrize("path", SETS, ids=lambda p: p.stem)
def test_labelled_snippets(path):
    texts = snippets(path)
    found = [set() for _ in texts]
    for row, start, end, label, _ in detect_pii(pl.Series([t.text for t in texts])).rows():
        found[row].add((start, end, label))
    told = counted(texts, found)
    assert len(texts) >= 500
    assert told.precision() >= 0.97, told.found - told.right
    assert told.recall() >= 0.97, told.wanted - told.right
    for label in ("EMAIL", "IBAN", "BSN", "CREDIT_CARD", "IP_ADDRESS"):
        assert told.recall(label) >= 0.95, label
    assert told.flagged / told.clean <= 0.015


@pytest.mark.parametrize(
    ("text", "value", "label"),
    [
        ("mail ｊａｎ＠ｘ.nl", "ｊａｎ＠ｘ.nl", "EMAIL"),
        ("zero\u200bwidth j\u200ban@x.nl.", "j\u200ban@x.nl", "EMAIL"),
        ("tel. +31\u00a06\u00a012345678", "+31\u00a06\u00a012345678", "PHONE"),
        ("bel 06\u201112345678", "06\u201112345678", "PHONE"),
        ("kaart 4111.1111.1111.1111", "4111.1111.1111.1111", "CREDIT_CARD"),
        ("BSN 1112 22 333", "1112 22 333", "BSN"),
        ("🎉🎉 jan@x.nl 🎉", "jan@x.nl", "EMAIL"),
        ("مرحبا jan@x.nl", "jan@x.nl", "EMAIL"),
    ],
)
def test_where_it_stands_in_the_original(text, value, label):
    assert (value, label) in values_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "git@github.com:acme/repo.git",
        "logo@2x.png",
        "NL91ABNA0417164301",
        "kaart 4111111111111112",
        "BSN 123456789",
        "version 10.4.2.1",
        "999.1.1.1",
        "12:30:45",
        "12-06-2024 12:30",
        "EAN 4006381333931",
        "@media (max-width: 600px)",
        "std::vector<int>",
        "",
    ],
)
def test_what_only_looks_like_it(text):
    assert spans_of(text) == set()


def test_the_form_of_the_answer():
    found = detect_pii(pl.Series("t", [None, "x jan@x.nl", "", "@jan and +31 6 12345678"]))
    assert dict(found.schema) == {"row": pl.Int64, "start": pl.Int64, "end": pl.Int64, "label": pl.String, "score": pl.Float64}
    assert found["row"].to_list() == [1, 3, 3]
    assert detect_pii(pl.Series([], dtype=pl.String)).is_empty()
    assert set(found["label"]) <= set(LABELS)


def test_names_are_a_tier_of_their_own():
    text = "Afgegeven bij Emma de Vries, Dorpsstraat 12, 1234 AB Utrecht"
    assert spans_of(text) == set()
    assert values_of(text, weak=True) == {("Emma de Vries", "PERSON"), ("Dorpsstraat 12, 1234 AB Utrecht", "ADDRESS")}


def known_texts():
    return [t.text for path in SETS for t in snippets(path)]


def test_every_text_with_a_span_meets_its_trigger():
    texts = known_texts()
    rng = random.Random(5)
    texts += [" ".join(rng.sample(texts, 2)) for _ in range(1000)]
    read, _ = as_read(pl.Series(texts))
    for finder in (*FINDERS, *WEAK_FINDERS):
        seen = {row for row, _ in triggered(read, finder)}
        missed = [text for row, text in enumerate(read.to_list()) if row not in seen and list(finder.find(text))]
        assert missed == [], finder.label


@given(MESSY)
@example("ww Hond3nl0ver#")
def test_every_messy_text_with_a_span_meets_its_trigger(text):
    read, _ = as_read(pl.Series([text]))
    for finder in FINDERS:
        if list(finder.find(read[0])):
            assert list(triggered(read, finder)), finder.label


@given(MESSY)
def test_spans_lie_in_the_text_and_apart(text):
    found = sorted(spans_of(text))
    assert all(0 <= start < end <= len(text) for start, end, _ in found)
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(found))


@given(st.lists(MESSY, max_size=4))
def test_redaction_changes_nothing_else(texts):
    column = pl.Series("t", texts, dtype=pl.String)
    spans = detect_pii(column)
    made = redacted(column, replacement=lambda value, label: f"\x00{label}\x01{value}\x00", spans=spans)
    for row, (before, after) in enumerate(zip(texts, made.to_list(), strict=True)):
        parts = after.split("\x00") if spans.filter(pl.col("row") == row).height else [before]
        assert "".join(p.partition("\x01")[2] if n % 2 else p for n, p in enumerate(parts)) == before or "\x00" in before
    again = redacted(column)
    for row, (before, after) in enumerate(zip(texts, again.to_list(), strict=True)):
        at = 0
        rebuilt = ""
        for _, start, end, label, _ in spans.filter(pl.col("row") == row).rows():
            rebuilt += before[at:start] + f"[{label}]"
            at = end
        assert after == rebuilt + before[at:]


def test_only_some_labels_and_other_replacements():
    texts = pl.Series(["jan@x.nl of NL91 ABNA 0417 1643 00", None])
    assert redacted(texts, ["EMAIL"]).to_list() == ["[EMAIL] of NL91 ABNA 0417 1643 00", None]
    assert redacted(texts, replacement=masked).to_list() == ["•••@•.•• of •••• •••• •••• ••43 00", None]


@given(st.text())
def test_every_character_is_placed(text):
    read = plain(text)
    if read.origin is None:
        assert read.text == text
        return
    assert len(read.origin) == len(read.text) + 1
    assert list(read.origin) == sorted(read.origin)
    for place, character in enumerate(read.text):
        original = text[read.origin[place]]
        assert character in (original, "-", " ") or character in unicodedata.normalize("NFKC", original)


@pytest.mark.parametrize("size", [10, 1000, 30_000])
@pytest.mark.parametrize("piece", ["1", "1 ", "12-", "1.", "a@", "a.", "NL1 ", "pass ", "0:", "(0)", "@a.", "password is ", "1,234 ", "A1-"])
def test_no_text_takes_for_ever(piece, size):
    found = detect_pii(pl.Series([piece * size, piece * size + "x", "+" + piece * size]))
    assert set(found["row"]) <= {0, 1, 2}


def test_a_file_is_scanned(tmp_path):
    import gzip
    import json

    from seeding_platform.governance.pii.scan import scan

    file = tmp_path / "posts.jsonl.gz"
    rows = [{"id": "a7", "text": "mail jan@x.nl", "n": 1}, {"id": "b", "text": None}, {"id": "c", "text": "🎉 +31 6 12345678 \ud83d"}]
    file.write_bytes(gzip.compress("".join(json.dumps(r) + "\n" for r in rows).encode()))
    told = scan(file, "text", tmp_path / "spans.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "spans.jsonl").read_text().splitlines()]
    assert lines == [
        {"id": "a7", "spans": [{"start": 5, "end": 13, "label": "EMAIL", "score": 0.99}]},
        {"id": "b", "spans": []},
        {"id": "c", "spans": [{"start": 2, "end": 16, "label": "PHONE", "score": 0.99}]},
    ]
    assert (told.rows, told.flagged, dict(told.labels)) == (3, 2, {"EMAIL": 1, "PHONE": 1})


def test_rows_without_an_id_are_numbered(tmp_path):
    import json

    from seeding_platform.errors import ConfigError
    from seeding_platform.governance.pii.scan import scan

    file = tmp_path / "posts.csv"
    file.write_text("body\nx\njan@x.nl\n")
    scan(file, "body", tmp_path / "spans.jsonl")
    assert [json.loads(line)["id"] for line in (tmp_path / "spans.jsonl").read_text().splitlines()] == [0, 1]
    with pytest.raises(ConfigError, match="text"):
        scan(file, "text", tmp_path / "other.jsonl")
