"""Enrichment for people: tiles, the flow of records, how sure answers are, what failed, how long a backlog lasts, dead letters, one attempt."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from seeding_platform.enrichment.measures import HIGH, Metric
from seeding_platform.enrichment.report import COMPARED, forecast_told
from seeding_platform.enrichment.report_words import WORDS
from seeding_platform.enrichment.thresholds import graded
from seeding_platform.service.pages import charts
from seeding_platform.service.pages.enrichment_chart import WIDTHS, Part, Passage, confidences, flow
from seeding_platform.service.pages.render import Speaker
from seeding_platform.service.record_ids import page_segment
from seeding_platform.storage.enrichment.measured import BINS
from seeding_platform.storage.enrichment.states import STAGES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seeding_platform.enrichment.forecast import Forecast
    from seeding_platform.enrichment.report import Report
    from seeding_platform.enrichment.thresholds import MonitorThresholds
    from seeding_platform.storage.enrichment.measured import Waiting
    from seeding_platform.storage.enrichment.measurements import Measurement
    from seeding_platform.storage.enrichment.pauses import Pause
    from seeding_platform.storage.enrichment.standing import RecordState
    from seeding_platform.storage.enrichment.states import Counts, Dead

    Words = Mapping[str, Any]

TONES = {"critical": "bad", "warning": "warn", "info": "info"}
STATUS_TONES = {"pending": "waiting", "in_progress": "running", "completed": "ok", "failed": "warn", "skipped": "plain", "dead": "failed"}
MOST_POINTS = 96
"""Of the backlog's day; more would be one line anyway."""


def address(lang: str, record_type: str, record_id: str) -> str:
    """Where a record's page is."""
    return f"/{lang}/enrichment/records/{quote(record_type, safe='')}/{page_segment(record_id)}"


def review_address(lang: str, record_type: str, record_id: str) -> str:
    """Where a record that waits for a person is labelled."""
    return f"/{lang}/enrichment/review?record={quote(f'{record_type}/{record_id}', safe='')}#queue"


def long_said(seconds: float, k: Words) -> str:
    """A time in its two largest units.

    >>> long_said(15125, {"units": {"d": "d", "h": "h", "m": "min", "s": "s"}})
    '4 h 12 min'
    """
    u, whole = k["units"], int(seconds)
    if whole < 60:
        return f"{whole} {u['s']}"
    minutes = whole // 60
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    told = [(days, u["d"]), (hours, u["h"]), (minutes, u["m"])]
    first = next(i for i, (n, _) in enumerate(told) if n)
    return " ".join(f"{n} {name}" for n, name in told[first : first + 2] if n)


def money(value: float, say: Speaker) -> str:
    """EUR with cents; below one of them it says so."""
    spoken = Speaker(say.lang, "EUR")
    return f"< {spoken.money(0.01, 2)}" if 0 < value < 0.01 else spoken.money(value, 2)


def tiles(
    measured: Mapping[str, Measurement], waiting: Waiting, spent: Sequence[tuple[str, int, int, float]], limit: float | None,
    thresholds: MonitorThresholds, *, now: dt.datetime, say: Speaker, k: Words,
) -> list[dict[str, str]]:  # fmt: skip
    """The key figures; each with what it rests on, and a tone where its bar is passed."""
    t = k["tiles"]

    def tile(name: str, metric: Metric, value: str, basis: str) -> dict[str, str]:
        made = measured.get(metric)
        severity = None if made is None else graded(made, thresholds)
        tone = "" if severity is None else TONES[str(severity)]
        return {"name": t[name], "value": value, "basis": basis, "tone": tone, "flag": k["severities"][str(severity)] if severity else ""}

    def rate(name: str, metric: Metric) -> dict[str, str]:
        made = measured.get(metric)
        if made is None or made.value is None:
            return tile(name, metric, "–", k["nothing"])
        limits = [say.share(float(made.detail[end]) / 100) for end in ("low", "high")]
        return tile(name, metric, say.share(made.value / 100), t[f"{name}_of"].format(n=say.count(made.n), low=limits[0], high=limits[1]))

    quality, hourly = measured.get(Metric.QUALITY), measured.get(Metric.THROUGHPUT)
    cost, tokens = sum(row[3] for row in spent), sum(row[2] for row in spent)
    oldest = waiting.oldest_due_at
    age = "–" if oldest is None else long_said((now - oldest).total_seconds(), k)
    return [
        rate("completeness", Metric.COMPLETENESS),
        tile("backlog", Metric.BACKLOG, say.count(waiting.records), t["backlog_of"].format(n=say.count(waiting.due))),
        tile("oldest", Metric.OLDEST_DUE, age, t["oldest_of"] if oldest else t["oldest_none"]),
        rate("failure", Metric.FAILURE_DAY),
        tile("quality", Metric.QUALITY, "–", k["nothing"])
        if quality is None or quality.value is None
        else tile("quality", Metric.QUALITY, say.number(quality.value), t["quality_of"].format(n=say.count(quality.n))),
        rate("high", Metric.HIGH_CONFIDENCE),
        tile("hourly", Metric.THROUGHPUT, "–", k["nothing"])
        if hourly is None or hourly.value is None
        else tile("hourly", Metric.THROUGHPUT, say.count(hourly.value), t["hourly_of"].format(day=say.number(float(hourly.detail.get("day", 0))))),
        {
            "name": t["spent"], "value": money(cost, say), "tone": "bad" if limit is not None and cost >= limit else "", "flag": "",
            "basis": t["spent_limit"].format(tokens=say.count(tokens), limit=money(limit, say)) if limit is not None
            else t["spent_of"].format(tokens=say.count(tokens)),
        },
    ]  # fmt: skip


def flow_shown(counts: Sequence[Counts], *, say: Speaker, k: Words) -> dict[str, Any]:
    """Where the records are: the picture wide and narrow, the same as rows, and whether they add up."""
    f = k["flow"]
    by_stage = {c.stage: c for c in counts}
    found = [by_stage[s] for s in STAGES if s in by_stage]
    came = found[0].ingested if found else 0
    passages = [
        Passage(
            k["stages"][c.stage], c.completed,
            (
                Part(f["leased"], c.leased, "f2"), Part(f["ready"], c.due - c.gated, "f3"), Part(f["skipped"], c.skipped, "f5"),
                Part(f["dead"], c.dead, "f-bad"),
            ),
        )
        for c in found
    ]  # fmt: skip
    done = found[-1].completed + found[-1].skipped if found else 0
    label = (
        f["label"]
        + " "
        + "; ".join(f"{p.name}: {', '.join(f'{say.count(x.n)} {x.name}' for x in (Part(f['done'], p.done, ''), *p.parts))}" for p in passages)
    )
    args: dict[str, Any] = {
        "came_in": (f["came"], f["records"].format(n=say.count(came))),
        "through": (f["through"], f"{say.count(done)} ({say.share(done / came if came else None)})"),
        "completed": f["completed"], "count": say.count, "label": label,
    }  # fmt: skip
    wide = [Passage(p.name, p.done, tuple(x for x in p.parts if x.n)) for p in passages]
    rows = [
        {
            "name": k["stages"][c.stage],
            "cells": [say.count(n) for n in (c.completed, c.leased, c.due - c.gated, c.gated, c.skipped, c.dead, c.ingested)],
            "closes": c.ingested == c.completed + c.skipped + c.dead + c.due + c.leased,
        }
        for c in found
    ]  # fmt: skip
    return {
        "wide": flow(wide, came, width=WIDTHS[0], **args), "narrow": flow(passages, came, width=WIDTHS[1], **args), "rows": rows,
        "columns": list(f["columns"].values()),
        "closes": all(row["closes"] for row in rows), "came": came, "dead": sum(c.dead for c in found),
    }  # fmt: skip


def confidence_shown(made: Measurement | None, *, say: Speaker, k: Words) -> dict[str, Any] | None:
    """How sure answers are, and how often what was so sure was right; None where there is neither."""
    if made is None:
        return None
    c, histogram, bins = k["confidence"], list(made.detail.get("histogram", [])), list(made.detail.get("bins", []))
    if not sum(histogram) and not bins:
        return None
    label = c["label"].format(n=say.count(sum(histogram)), mean=say.number(made.value, 2))

    def span(low: float) -> str:
        return f"{say.number(low, 1)} – {say.number(low + 1 / BINS, 1)}"

    def drawn(width: int) -> Any:
        return confidences(
            histogram,
            bar=HIGH,
            bar_name=c["bar"].format(bar=say.share(HIGH)),
            count=say.count,
            share=lambda v: say.number(v, 1),
            label=label,
            width=width,
        )

    ece, points = made.detail.get("ece"), [(float(stated), float(right), int(n)) for _, n, stated, right in bins]
    spans = [(float(low), int(n), float(stated), float(right)) for low, n, stated, right in bins]
    return {
        "wide": drawn(520), "narrow": drawn(WIDTHS[1]), "n": say.count(sum(histogram)), "mean": say.number(made.value, 2),
        "rows": [
            (span(i / BINS), say.count(n)) for i, n in enumerate(histogram)
        ],
        "plot": charts.reliability(points, label=c["plot"].format(n=len(points))) if points else None,
        "bins": [(span(low), say.count(n), say.number(s, 2), say.number(r, 2)) for low, n, s, r in spans],
        "said": c["none"] if ece is None else c["ece"].format(ece=say.number(float(ece), 3), n=say.count(made.detail["labelled"])),
    }  # fmt: skip


def failures_shown(made: Measurement | None, *, say: Speaker, lang: str) -> list[dict[str, Any]]:
    """Failures of a day by class, the most frequent first."""
    classes: Mapping[str, int] = {} if made is None else made.detail.get("classes", {})
    most = max(classes.values(), default=0)
    names = WORDS[lang]
    ordered = sorted(classes.items(), key=lambda x: (-x[1], x[0]))
    return [{"error": name, "name": first_up(names.get(name, name)), "n": say.count(n), "share": n / most} for name, n in ordered]


def backlog_shown(ahead: Forecast, history: Sequence[Measurement], *, say: Speaker, k: Words) -> dict[str, Any]:
    """What becomes of the backlog in sentences, and its last day as a picture."""
    step = max(1, len(history) // MOST_POINTS)
    kept = [m for m in [*history[::step], *([history[-1]] if history and (len(history) - 1) % step else [])] if m.value is not None]

    def drawn(width: int) -> Any:
        return charts.trend(
            [m.value for m in kept], [], [f"{m.at:%H:%M}" for m in kept], shown=say.count, named=say.count, names=(k["backlog"]["now"], ""),
            provisional=0, provisional_name="", label=k["backlog"]["label"].format(n=say.count(ahead.backlog)), width=width, height=200,
        )  # fmt: skip

    pictures = (drawn(520), drawn(WIDTHS[1])) if len(kept) > 1 else None
    return {"said": forecast_told(ahead, "nl" if say.lang == "nl" else "en"), "pictures": pictures}


def dead_row(record: RecordState, wanted: Dead, *, say: Speaker, lang: str, k: Words) -> dict[str, Any]:
    """A dead letter: the first stage in which it is one, among those that were asked for."""
    one = next(s for s in record.stages if wanted.fits(s.stage, s.error, s.escalated_at))
    return {
        "key": f"{record.record_type}/{record.record_id}", "href": address(lang, record.record_type, record.record_id), "id": record.record_id,
        "type": k["types"].get(record.record_type, record.record_type), "stage": k["stages"][one.stage],
        "error": first_up(WORDS[lang].get(one.error or "", one.error or "–")), "message": one.message or "",
        "at": say.moment(one.escalated_at) if one.escalated_at is not None else "–", "tries": say.count(one.attempts), "owner": one.owner or "",
        "redrives": say.count(one.redrives),
    }  # fmt: skip


def pause_shown(pause: Pause, names: Mapping[str, str], *, say: Speaker, k: Words) -> dict[str, Any]:
    """A pause; one of the whole installation says so, and neither why nor by whom: that is another organisation's business."""
    own = bool(pause.tenant)
    return {
        "stage": pause.stage, "what": k["stages"].get(pause.stage, k["pauses"]["all"]), "own": own, "reason": pause.reason if own else "",
        "by": names.get(pause.actor, pause.actor) if own else k["pauses"]["installation"], "at": say.moment(pause.at),
    }  # fmt: skip


def report_shown(report: Report, *, say: Speaker) -> dict[str, Any]:
    """A report as a table of two periods and sentences."""
    lang: Any = say.lang
    names = WORDS[lang]

    def cell(value: float | None, name: str) -> str:
        return "–" if value is None else say.count(value) if name in ("came", "ended", "dead") else say.number(value, 2)

    rows = [(names[n], *(cell(getattr(p, n), n) for p in (report.now, report.before))) for n in COMPARED]
    return {"since": say.moment(report.since), "until": say.moment(report.until), "rows": rows, "said": report.told(lang), "kind": report.kind}


def first_up(text: str) -> str:
    """A text with its first letter large."""
    return text[:1].upper() + text[1:]
