"""Exports of ad platforms: read by what they hold, not by what they are called."""

from seeding_platform.connectors.exports.read import is_export, read_export
from seeding_platform.connectors.exports.result import ExportRefused, ExportResult, RejectedRow

__all__ = ["ExportRefused", "ExportResult", "RejectedRow", "is_export", "read_export"]
