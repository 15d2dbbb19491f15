"""What became of a tenant's records in a day or a week, beside the period before: figures as JSON, and a short text for people in two languages."""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from seeding_platform.enrichment.forecast import HOURS, forecast
from seeding_platform.enrichment.measures import HIGH, LABELLED, SLA, calibration_of, counted_failures, quality_of, wilson
from seeding_platform.enrichment.report_words import WORDS
from seeding_platform.storage.enrichment.states import ErrorClass, Stage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeding_platform.enrichment.forecast import Forecast, Span
    from seeding_platform.enrichment.thresholds import MonitorThresholds
    from seeding_platform.storage.enrichment.measured import Measured, Tried
    from seeding_platform.storage.enrichment.states import Counts

Kind = Literal["daily", "weekly"]
Lang = Literal["en", "nl"]
LENGTH: Mapping[str, dt.timedelta] = {"daily": dt.timedelta(days=1), "weekly": dt.timedelta(days=7)}
COMPARED = ("completeness", "came", "ended", "failure_rate", "quality", "dead", "cost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Figures of a period; rates in percent, None where there is nothing to measure.

    Attributes:
        completeness: records that ended within 24 h of their input's last change, of those that became 24 h old in the period.
        completeness_n: those.
        completeness_limits: Wilson interval (95 %).
        came: records that came, or changed.
        ended: records that came to the end of the last stage, as things stand now.
        attempts: attempts that count.
        failure_rate: failed ones of them.
        failures: failed attempts by class; those that were only put off too.
        quality: quality score, 0-100.
        dead: records of which a stage died, and still is dead.
        cost: of all attempts, in EUR.
        tokens: in and out.
        calls: of a provider.
    """

    completeness: float | None
    completeness_n: int
    completeness_limits: tuple[float, float] | None
    came: int
    ended: int
    attempts: int
    failure_rate: float | None
    failures: Mapping[str, int]
    quality: float | None
    dead: int
    cost: float
    tokens: int
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What is told of a tenant.

    Attributes:
        tenant: whose.
        kind: daily or weekly.
        since: begin of the period.
        until: its end.
        stages: where the rows of each stage are at its end.
        now: figures of the period.
        before: of the one before, as long.
        unowned: dead letters that nobody has taken on.
        spending: [provider, calls, tokens, EUR] of the days of UTC that the period touches.
        calibration: as `calibration_of` gives it, by labels of 90 days.
        agreement: pairs of labels by different people on one record that agree, and pairs, of 90 days.
        forecast: of the backlog.
    """

    tenant: str
    kind: Kind
    since: dt.datetime
    until: dt.datetime
    stages: tuple[Counts, ...]
    now: Period
    before: Period
    unowned: int
    spending: tuple[tuple[str, int, int, float], ...]
    calibration: Mapping[str, Any]
    agreement: tuple[int, int]
    forecast: Forecast

    def as_json(self) -> dict[str, Any]:
        """The report as plain JSON."""
        plain: dict[str, Any] = _plain(dataclasses.asdict(self))
        return plain

    def markdown(self, lang: Lang = "en") -> str:
        """The report as a short text."""
        k = WORDS[lang]
        lines = [f"# {k[self.kind].format(tenant=self.tenant, until=self.until.strftime('%Y-%m-%d %H:%M UTC'))}", ""]
        lines += [f"| {k['figure']} | {k['now']} | {k['before']} |", "|---|---|---|"]
        for name in COMPARED:
            one, other = (_said(getattr(p, name), lang) for p in (self.now, self.before))
            lines.append(f"| {k[name]} | {one} | {other} |")
        columns = ("completed", "skipped", "due", "leased", "dead_standing")
        lines += ["", f"## {k['stages']}", "", f"| {k['stage']} | {' | '.join(k[c] for c in columns)} |", "|---|---|---|---|---|---|"]
        for c in self.stages:
            lines.append(f"| {k[c.stage]} | {' | '.join(_said(n, lang) for n in (c.completed, c.skipped, c.due, c.leased, c.dead))} |")
        return "\n".join([*lines, "", *(f"- {line}" for line in self.told(lang))]) + "\n"

    def told(self, lang: Lang) -> list[str]:
        """What the figures do not say, in sentences."""
        k = WORDS[lang]
        classes = ", ".join(f"{k[name]} {_said(n, lang)}" for name, n in sorted(self.now.failures.items(), key=lambda x: (-x[1], x[0])))
        told = [k["failures"].format(classes=classes) if classes else k["no_failures"]]
        if self.unowned:
            told.append(k["unowned"].format(n=_said(self.unowned, lang)))
        ece, same, pairs = self.calibration["ece"], *self.agreement
        told.append(
            k["no_calibration"] if ece is None else k["calibration"].format(ece=_said(float(ece), lang), n=_said(self.calibration["labelled"], lang))
        )
        if pairs:
            told.append(k["agreement"].format(share=f"{100 * same / pairs:.0f} %", n=_said(pairs, lang)))
        return [*told, *forecast_told(self.forecast, lang)]


def forecast_told(f: Forecast, lang: Lang) -> list[str]:
    """What becomes of a backlog, in sentences."""
    k = WORDS[lang]
    told = [k["backlog"].format(n=_said(f.backlog, lang))]
    if not f.backlog:
        return told
    if f.to_zero is not None:
        told.append(k["to_zero"].format(**_span(f.to_zero, lang)))
    elif f.to_limit is not None:
        told.append(k["to_limit"].format(limit=_said(f.limit, lang), **_span(f.to_limit, lang)))
    elif f.net_low is None or f.net_high is None or f.net_low <= 0 <= f.net_high:
        told.append(k["open"])
    if f.needed is not None:
        told.append(k["needed"].format(within=_said(f.within_hours, lang), needed=_said(round(f.needed), lang), done=_said(round(f.done or 0), lang)))
    return told


def report_of(source: Measured, tenant: str, kind: Kind, *, thresholds: MonitorThresholds, now: dt.datetime) -> Report:
    """Report on the day or the week before a moment.

    Args:
        source: the tables.
        tenant: whose.
        kind: daily or weekly.
        thresholds: say which backlog is critical.
        now: the end of the period.
    """
    since = now - LENGTH[kind]
    judged = source.judged(tenant, after=now - LABELLED, until=now)
    answered = source.answered(tenant, after=since, until=now, bar=HIGH)
    return Report(
        tenant=tenant,
        kind=kind,
        since=since,
        until=now,
        stages=tuple(source.by_stage(tenant, now=now)),
        now=_period(source, tenant, since, now),
        before=_period(source, tenant, since - LENGTH[kind], since),
        unowned=source.unowned_dead(tenant),
        spending=tuple(source.spent(tenant, first=since.astimezone(dt.UTC).date(), last=now.astimezone(dt.UTC).date())),
        calibration=calibration_of(judged, answered.histogram),
        agreement=source.agreement(tenant, after=now - LABELLED, until=now),
        forecast=forecast(source.waiting(tenant, now=now).records, source.by_hour(tenant, until=now, hours=HOURS), limit=thresholds.backlog_critical),
    )


def _period(source: Measured, tenant: str, since: dt.datetime, until: dt.datetime) -> Period:
    whole, aged = source.in_time(tenant, after=since - SLA, until=until - SLA, within=SLA)
    _, came = source.in_time(tenant, after=since, until=until, within=SLA)
    tried = source.tried(tenant, after=since, until=until)
    failed, attempts, _, classes = counted_failures(tried)
    ended, dead = source.ended(tenant, after=since, until=until)
    answered = source.answered(tenant, after=since, until=until, bar=HIGH)
    judged = source.judged(tenant, after=until - LABELLED, until=until)
    quality, _, _ = quality_of(answered, _invalid(tried), judged)
    limits = wilson(whole / aged, aged) if aged else None
    return Period(
        completeness=100 * whole / aged if aged else None,
        completeness_n=aged,
        completeness_limits=None if limits is None else (100 * limits[0], 100 * limits[1]),
        came=came,
        ended=ended,
        attempts=attempts,
        failure_rate=100 * failed / attempts if attempts else None,
        failures=classes,
        quality=quality,
        dead=dead,
        cost=sum(t.cost for t in tried),
        tokens=sum(t.tokens for t in tried),
        calls=sum(t.calls for t in tried),
    )


def _invalid(tried: list[Tried]) -> int:
    return sum(t.n for t in tried if t.error == ErrorClass.INVALID_OUTPUT and t.stage == Stage.CLASSIFICATION)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value.isoformat() if isinstance(value, dt.datetime) else value


def _said(value: float | None, lang: Lang) -> str:
    if value is None:
        return "–"
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.2f}".rstrip("0").rstrip(".")
    return text if lang == "en" else text.translate(str.maketrans(",.", ".,"))


def _span(span: Span, lang: Lang) -> dict[str, str]:
    return {name: _said(round(getattr(span, name), 1), lang) for name in ("hours", "low", "high")}
