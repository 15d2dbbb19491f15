"""Figures for people: KPIs by day, one plan for every way of asking, questions in plain words.

The library's face: `read_export` for files of ad platforms, `answer` for questions in English and Dutch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from seeding_platform.analytics.plan import Answer
    from seeding_platform.connectors.exports import ExportResult
    from seeding_platform.storage.snapshots import Snapshot


def read_export(path: Path) -> ExportResult:
    """Read one export of an ad platform; see `connectors.exports.read_export`.

    Raises:
        ExportRefused: nothing of the file can be trusted; says how to export again.
    """
    from seeding_platform.connectors.exports import read_export as read

    return read(path)


def answer(
    question: str, *, as_of: dt.date | None = None, lang: str | None = None, snapshot: Snapshot | None = None, tenant: str | None = None
) -> Answer:
    """Answer a question in plain English or Dutch, or refuse it: every word must be understood.

    Args:
        question: at most 500 characters.
        as_of: the day of asking; default the day after the last complete one.
        lang: en or nl; default whichever covers the words.
        snapshot: the facts; default `SEEDING_FACTS`, else the published snapshot in force.
        tenant: whose facts; default the only tenant, or `default`.

    Raises:
        NoSnapshot: there are no facts yet.
    """
    from seeding_platform.analytics.facts import known
    from seeding_platform.analytics.language.model import asked_with
    from seeding_platform.analytics.serving import facts_in_force, model_of
    from seeding_platform.settings import Settings

    settings = Settings()
    facts = known(snapshot, tenant=tenant) if snapshot is not None else facts_in_force(settings, tenant=tenant)
    return asked_with(model_of(settings), question, facts, as_of=as_of, lang=lang)
