"""Exports as platforms write them, in the languages of their users: read to the cent, or refused with a way out."""

import json
import zipfile

import pytest

from seeding_platform.analytics import read_export
from seeding_platform.connectors.exports import ExportRefused
from seeding_platform.settings import project_root

FOLDER = project_root() / "data" / "samples" / "exports"
EXPECTED = json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", sorted(n for n, told in EXPECTED.items() if told["status"] == "ok"))
def test_what_is_read_is_what_was_written(name):
    told = EXPECTED[name]
    read = read_export(FOLDER / name).summary()
    assert read["rows"] == told["rows"]
    assert {k: v if v is None else pytest.approx(v, abs=1e-9) for k, v in told["sums"].items()} == read["sums"]
    for key in ("platform", "currency", "currency_basis", "first_date", "last_date", "grain"):
        assert read[key] == told[key], key
    assert [r["line"] for r in read["rejects"]] == told["reject_lines"]


@pytest.mark.parametrize("name", sorted(n for n, told in EXPECTED.items() if told["status"] == "refused"))
def test_what_cannot_be_trusted_is_refused(name):
    with pytest.raises(ExportRefused) as refused:
        read_export(FOLDER / name)
    assert refused.value.reason
    assert refused.value.how_to_export_again


@pytest.mark.long
def test_a_workbook_that_would_unpack_without_end_is_refused(tmp_path):
    bomb = tmp_path / "bomb.xlsx"
    with (
        zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet,
    ):
        for _ in range(1_100):
            sheet.write(b"0" * 1_000_000)
    assert bomb.stat().st_size < 3_000_000
    with pytest.raises(ExportRefused, match="unpack"):
        read_export(bomb)


def test_columns_that_were_not_read_are_named():
    assert "Search impr. share" in read_export(FOLDER / "google_en.csv").warnings["unused_columns"]


HEAD = "Campaign name,Day,Amount spent (EUR),Impressions,Link clicks\n"


def read_text(tmp_path, text: str):
    path = tmp_path / "export.csv"
    path.write_text(text, encoding="utf-8")
    return read_export(path)


def test_no_row_is_lost_because_of_how_its_campaign_is_called(tmp_path):
    names = ["#sale", "Total Body Workout", "Totaal pakket", "Summary"]
    read = read_text(tmp_path, HEAD + "".join(f"{name},2026-09-0{i},1.00,10,1\n" for i, name in enumerate(names, 1)))
    assert read.facts["campaign"].to_list() == names
    assert (read.rejects, read.summary()["totals_left_out"]) == ((), 0)


def test_a_row_that_is_no_sum_is_rejected_not_left_out(tmp_path):
    broken = HEAD + "A,2026-09-01,1.00,10,1\nTotal Body Workout,2026-09-02,1.00\nTotal Body Workout,,1.00,10,1\n"
    assert [(r.line, r.code) for r in read_text(tmp_path, broken).rejects] == [(3, "too_few_columns"), (4, "no_day")]
    nameless = "Date,Network,Campaign,Cost,Clicks,Impressions\n2026-09-01,Google,A,1.00,1,10\n,,,5.00,1,10\n,,,,,\n"
    assert [(r.line, r.code) for r in read_text(tmp_path, nameless).rejects] == [(3, "no_day")]


def test_sums_that_are_left_out_are_counted():
    assert read_export(FOLDER / "google_en.csv").summary()["totals_left_out"] == 2
    assert read_export(FOLDER / "meta_en.csv").summary()["totals_left_out"] == 1


def test_a_column_of_platforms_counts_more_than_what_the_file_looks_like(tmp_path):
    text = "Day,Network,Campaign,Currency code,Cost,Clicks,Impr.\n2026-09-01,Meta,A,EUR,1.00,1,10\n2026-09-01,LinkedIn,B,EUR,2.00,1,10\n"
    read = read_text(tmp_path, text)
    assert (read.facts["platform"].to_list(), read.summary()["platform"]) == (["Meta", "LinkedIn"], "mixed")
    google = text.replace("Meta", "Search").replace("LinkedIn", "Display Network")
    assert set(read_text(tmp_path, google).facts["platform"]) == {"Google"}
