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
