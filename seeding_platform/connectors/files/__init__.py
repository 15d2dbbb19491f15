"""Readers of file formats: bytes in, a frame as read plus the rows that could not be split into columns."""

from seeding_platform.connectors.files.content import FileContent
from seeding_platform.connectors.files.read import read_file

__all__ = ["FileContent", "read_file"]
