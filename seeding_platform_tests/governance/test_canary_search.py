"""The search of the canary test finds what is there, in every form and every store, and nothing that is not."""

import base64
import gzip
import hashlib
import json
import sqlite3
import zipfile
import zlib
from urllib.parse import quote

import duckdb
import polars as pl
import pytest

from seeding_platform_tests.governance.canary import Canary, found_in, searched

MAIL = Canary("mail", "Zilvermeeuw.Q7@canary.example")
PHONE = Canary("phone", "+31 6 8712 3409")
SECRET = Canary("secret", "hunter2-Zx/9+=k")
ALL = (MAIL, PHONE, SECRET)
WRAPPINGS = {
    "plain": lambda b: b,
    "utf-16": lambda b: b.decode().encode("utf-16"),
    "utf-16, one byte off": lambda b: b"\x01" + b.decode().encode("utf-16-le"),
    "gzip": gzip.compress,
    "gzip twice": lambda b: gzip.compress(gzip.compress(b)),
    "zlib": zlib.compress,
    **{f"base64 after {n}": lambda b, n=n: base64.b64encode(b"x" * n + b) for n in range(4)},
}


@pytest.mark.parametrize("wrapping", sorted(WRAPPINGS))
@pytest.mark.parametrize("canary", ALL, ids=lambda c: c.name)
def test_a_value_is_found_however_it_is_wrapped(wrapping, canary):
    assert found_in(WRAPPINGS[wrapping](f"{canary.value}".encode()), ALL) == {canary.name}
    assert found_in(WRAPPINGS[wrapping](b"nothing of interest stands here, whatever it is"), ALL) == set()


@pytest.mark.parametrize(
    "text",
    [
        MAIL.value.upper(),
        quote(MAIL.value),
        json.dumps({"a": [MAIL.value]}),
        hashlib.sha256(MAIL.value.lower().encode()).hexdigest(),
        hashlib.md5(MAIL.value.encode()).hexdigest().upper(),
    ],
)
def test_another_way_of_writing_is_found(text):
    assert found_in(f"x{text}y".encode(), ALL) == {"mail"}


@pytest.mark.parametrize("text", ["+31687123409", "+31-6-87.12.34.09", "(316) 8712-3409"])
def test_a_number_is_found_whatever_stands_between(text):
    assert found_in(text.encode(), ALL) == {"phone"}


def test_every_kind_of_file_is_opened(tmp_path):
    (tmp_path / "text.log").write_text(f"row of {MAIL.value}")
    frame = pl.DataFrame({"a": ["x", MAIL.value], "b": [[PHONE.value], ["y"]]})
    frame.write_parquet(tmp_path / "some.parquet", compression="zstd")
    frame.select("a").write_excel(tmp_path / "some.xlsx")
    with zipfile.ZipFile(tmp_path / "model.skops", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.gz", gzip.compress(MAIL.value.encode()))
    with sqlite3.connect(tmp_path / "some.db") as database:
        database.execute("CREATE TABLE t (a TEXT, b BLOB)")
        database.execute("INSERT INTO t VALUES (?, ?)", ("x", gzip.compress(MAIL.value.encode())))
    database.close()
    with sqlite3.connect(tmp_path / "deleted.db") as database:
        database.execute("CREATE TABLE t (a TEXT)")
        database.execute("PRAGMA secure_delete = off")
        database.execute("INSERT INTO t VALUES (?)", (MAIL.value,))
        database.commit()
        database.execute("DELETE FROM t")
    database.close()
    with duckdb.connect(str(tmp_path / "some.duckdb")) as database:
        database.execute("CREATE TABLE facts AS SELECT ? AS a FROM range(3)", [MAIL.value])
    (tmp_path / "clean.csv").write_text("nobody")
    found = searched([tmp_path], ALL)
    names = {str(tmp_path / n) for n in ("text.log", "some.parquet", "some.xlsx", "model.skops", "some.db", "deleted.db", "some.duckdb")}
    assert {path for path, what in found.items() if "mail" in what} == names
    assert found[str(tmp_path / "some.parquet")] == {"mail", "phone"}
