"""CSV: whatever can be read is read, and what cannot is named by its line."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeding_platform.connectors import FileSourceSpec
from seeding_platform.connectors.files import read_file
from seeding_platform.connectors.files.content import POSITION
from seeding_platform.connectors.files.csv_text import read_csv
from seeding_platform.errors import SourceUnreadable

CELL = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), max_size=12)


@given(st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=12), st.sampled_from(",;\t|"))
def test_what_a_writer_wrote_is_read_back_with_its_lines(rows, delimiter):
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(["a", "b", "c"])
    lines = []
    for row in rows:
        lines.append(text.getvalue().count("\n") + 1)
        writer.writerow(row)
    content = read_csv(text.getvalue().encode(), "x.csv", delimiter=delimiter)
    assert content.rejects == ()
    assert content.rows.select("a", "b", "c").rows() == [tuple(cell or None for cell in row) for row in rows]
    assert content.rows[POSITION].to_list() == [f"line {n}" for n in lines]


def values(data: bytes, **options) -> tuple[list[tuple], list[tuple[int, str]]]:
    content = read_csv(data, "x.csv", delimiter=",", **options)
    return content.rows.select("a", "b").rows(), [(r.line, r.code) for r in content.rejects]


@pytest.mark.parametrize(
    ("data", "rows", "rejects"),
    [
        (b"a,b\n1,2\n3", [("1", "2")], [(3, "too_few_columns")]),
        (b"a,b\n1,2,3\n4,5\n", [("4", "5")], [(2, "too_many_columns")]),
        (b'a,b\n1,"x\ny"\n2\n3,4\n', [("1", "x\ny"), ("3", "4")], [(4, "too_few_columns")]),
        (b'a,b\n1,"2\n3,4\n5,6\n', [("3", "4"), ("5", "6")], [(2, "unclosed_quote")]),
        (b'a,b\n1,5" pipe\n2,6" tube\n7,8\n', [("1", '5" pipe'), ("2", '6" tube'), ("7", "8")], []),
        (b'a,b\n1,"8" x\n2,3\n', [("2", "3")], [(2, "bad_quoting")]),
        (b"a,b\r\n1,2\r\n\r\n3,4\r\n", [("1", "2"), ("3", "4")], []),
        ("a,b\n1\u2028x,2\x0b\n3\x85,4\n5\n".encode(), [("1\u2028x", "2\x0b"), ("3\x85", "4")], [(4, "too_few_columns")]),
    ],
)
def test_a_broken_record_costs_no_other(data, rows, rejects):
    assert values(data) == (rows, rejects)


def test_odd_headers_get_names_that_a_table_can_hold():
    content = read_csv(b"Date,date,,tenant\n1,2,3,4\n", "x.csv", delimiter=",")
    assert content.rows.columns[:4] == ["Date", "date__2", "column_3", "tenant__source"]


def spec(**options) -> FileSourceSpec:
    return FileSourceSpec(name="s", files="*", tables=[{"contract": "ad_facts", "columns": {"date": "a"}}], **{"format": "csv", **options})


@pytest.mark.parametrize(
    ("data", "options", "rows"),
    [
        ("a;b\né;2\n".encode("utf-8-sig"), {}, [("é", "2")]),
        ("a\tb\né\t2\n".encode("utf-16"), {}, [("é", "2")]),
        ("a;b\né;2\n".encode("cp1252"), {"encoding": "cp1252"}, [("é", "2")]),
        (b"a|b\r1|2\r", {}, [("1", "2")]),
    ],
)
def test_encodings_and_delimiters_are_found(tmp_path, data, options, rows):
    path = tmp_path / "x.csv"
    path.write_bytes(data)
    assert read_file(path, spec(**options)).rows.select("a", "b").rows() == rows


def test_an_undeclared_encoding_is_read_as_cp1252_and_said(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes("a,b\n1,2\né,2\n".encode("cp1252"))
    assert "line 3: not UTF-8, read as cp1252" in read_file(path, spec()).warnings[0]


REFUSED = [
    (b"", {}, ["x.csv", "empty"]),
    (b"a,b\n", {}, ["no row"]),
    (b"PK\x03\x04rest", {}, ["Excel", "format: excel"]),
    (b"PAR1rest", {}, ["Parquet", "format: parquet"]),
    ("a,b\n1,é\n".encode("cp1252"), {"encoding": "utf-8"}, ["line 2", "0xe9", "not utf-8"]),
    ("a,b\n1,é\n".encode(), {"encoding": "cp1252"}, ["line 2", "UTF-8 sequence", "encoding: utf-8"]),
    (b"a,b\n1\n" + b"2\n" * 30 + b"1,2\n" * 5, {}, ["line 2", "31 of 36 records"]),
    (b"a,b\n" + b"x" * 8_000_002 + b",1\n", {}, ["line 2", "8 MB long"]),
    (b"not json", {"format": "json"}, ["line 1", "no JSON"]),
    (b'{"a": 1}', {"format": "json"}, ["no array of objects"]),
    (b"a,b\n1,2\n", {"format": "parquet"}, ["no Parquet file"]),
    (b"a,b\n1,2\n", {"format": "excel"}, ["no Excel workbook"]),
]


@pytest.mark.parametrize(("data", "options", "told"), REFUSED)
def test_a_file_that_cannot_be_read_says_where_and_what_to_do(tmp_path, data, options, told):
    path = tmp_path / "x.csv"
    path.write_bytes(data)
    with pytest.raises(SourceUnreadable) as error:
        read_file(path, spec(**options))
    for word in ["x.csv", *told]:
        assert word in str(error.value), str(error.value)
    assert error.value.fix


def test_a_broken_line_of_json_lines_is_one_reject(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text('{"a": 1, "b": [1, 2]}\nnonsense\n\n[1]\n{"a": "x\u2028y", "b": null}\n', encoding="utf-8")
    content = read_file(path, spec(format="jsonl"))
    assert content.rows.select("a", "b", POSITION).rows() == [("1", "[1,2]", "line 1"), ("x\u2028y", None, "line 5")]
    assert [(r.line, r.code) for r in content.rejects] == [(2, "not_json"), (4, "not_json")]


def test_excel_cells_are_text_and_rows_are_numbered_as_in_excel(tmp_path):
    import xlsxwriter

    path = tmp_path / "x.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Data")
        for row, cells in enumerate([["a", "b"], [1.5, "x"], ["", ""], [2, "y"]]):
            sheet.write_row(row, 0, cells)
    content = read_file(path, spec(format="excel", sheet="Data"))
    assert content.rows.select("a", "b").rows() == [("1.5", "x"), ("2", "y")]
    with pytest.raises(SourceUnreadable, match="no sheet 'Other', only Data"):
        read_file(path, spec(format="excel", sheet="Other"))
