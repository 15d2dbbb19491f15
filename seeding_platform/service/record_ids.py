"""Ids of records in addresses: whatever their source wrote, slashes and line breaks too."""

from __future__ import annotations

from urllib.parse import quote

from starlette.convertors import Convertor, register_url_convertor

ACTS = ("cancel", "again", "replay")
"""What stands behind an id where something is done about its record; of `a/cancel/cancel` the last one is the act."""
LONGEST = 1000
MARK = "="


class RecordId(Convertor[str]):
    """Everything up to what the address says after it."""

    regex = "(?s:.+)"

    def convert(self, value: str) -> str:
        """As it is."""
        return value

    def to_string(self, value: str) -> str:
        """As it is."""
        return value


register_url_convertor("record", RecordId())


def page_segment(record_id: str) -> str:
    """An id as the end of a page's address; a browser would take `.` and `..` for steps, so that a mark stands before them.

    >>> page_segment("a/b"), page_segment(".."), page_segment("=x")
    ('a%2Fb', '=..', '==x')
    """
    marked = record_id in (".", "..") or record_id.startswith(MARK)
    return quote((MARK if marked else "") + record_id, safe="=")


def id_of_page(segment: str) -> str:
    """The id that a page's address names.

    >>> id_of_page("=.."), id_of_page("a/b")
    ('..', 'a/b')
    """
    return segment.removeprefix(MARK)
