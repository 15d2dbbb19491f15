"""What kind of file it really is, how its text is encoded, what separates its columns."""

from __future__ import annotations

import codecs

from seeding_platform.errors import SourceUnreadable

_MAGIC = {
    b"PK\x03\x04": ("an Excel workbook or a zip archive", "Declare format: excel, or export it as CSV."),
    b"\xd0\xcf\x11\xe0": ("an old Excel workbook (xls)", "Save it as xlsx and declare format: excel, or export it as CSV."),
    b"PAR1": ("a Parquet file", "Declare format: parquet."),
    b"\x1f\x8b": ("a gzip archive", "Unpack it first."),
    b"%PDF": ("a PDF document", "Export the table itself as CSV or Excel."),
}
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
DELIMITERS = ",;\t|"


def refuse_other_kinds(data: bytes, file: str, *, declared: str) -> None:
    """Refuse bytes that are plainly not text.

    Raises:
        SourceUnreadable: says what the file really is and what to do.
    """
    for magic, (kind, fix) in _MAGIC.items():
        if data.startswith(magic):
            raise SourceUnreadable(file, f"this is {kind}, not {declared}.", line=1, fix=fix)


def decoded(data: bytes, file: str, encoding: str | None) -> tuple[str, list[str]]:
    """Text of a file and warnings; the declared encoding is binding, without one UTF-8 and then cp1252 are tried.

    Raises:
        SourceUnreadable: names the line of the first byte that does not fit.
    """
    bom = next((name for mark, name in _BOMS if data.startswith(mark)), None)
    if bom is not None:
        return _decode(data, file, bom), []
    if encoding is not None:
        text = _decode(data, file, encoding)
        _refuse_hidden_utf8(data, file, encoding)
        return text, []
    try:
        return data.decode("utf-8"), []
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        try:
            text = data.decode("cp1252")
        except UnicodeDecodeError as other:
            raise SourceUnreadable(
                file,
                f"byte 0x{data[error.start]:02x} fits neither UTF-8 nor cp1252.",
                line=data.count(b"\n", 0, other.start) + 1,
                fix="Declare the file's encoding: in the source, or export it again as UTF-8.",
            ) from other
        return text, [f"{file}, line {line}: not UTF-8, read as cp1252; declare encoding: to be sure"]


def _decode(data: bytes, file: str, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise SourceUnreadable(
            file,
            f"byte 0x{data[error.start]:02x} is not {encoding}.",
            line=data.count(b"\n", 0, error.start) + 1,
            fix="Correct encoding: in the source (cp1252 is usual for Excel on Windows), or leave it out to have it sniffed.",
        ) from error
    except UnicodeError as error:
        raise SourceUnreadable(file, f"the text is not {encoding}: {error}.", fix="Correct encoding: in the source.") from error


def _refuse_hidden_utf8(data: bytes, file: str, encoding: str) -> None:
    """A single-byte encoding decodes anything; UTF-8 sequences in it give it away."""
    if codecs.lookup(encoding).name not in {"cp1252", "iso8859-1", "iso8859-15", "latin-1"} or data.isascii():
        return
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return
    first = next(i for i, byte in enumerate(data) if byte > 0x7F)
    raise SourceUnreadable(
        file,
        f"declared as {encoding}, but every character beyond ASCII is a UTF-8 sequence.",
        line=data.count(b"\n", 0, first) + 1,
        fix="Set encoding: utf-8 in the source.",
    )


def sniffed_delimiter(header: str, file: str) -> str:
    """The delimiter that stands most often in the header line.

    >>> sniffed_delimiter('a;b;"c,d"', "x.csv")
    ';'
    """
    counts = {d: header.count(d) for d in DELIMITERS}
    best = max(counts, key=lambda d: counts[d])
    return best if counts[best] else ","
