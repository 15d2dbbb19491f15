"""What a question must give, worked out without the code under test: windows by pandas' calendar, rows by plain Polars."""

import datetime as dt
import math
import random
import re
from dataclasses import dataclass, field

import pandas as pd
import polars as pl

FREQ = {"d": "D", "w": "W-SUN", "m": "M", "q": "Q", "y": "Y"}
GRAINS = {"day": "D", "week": "W-SUN", "month": "M", "quarter": "Q", "year": "Y"}
SUMS = ("spend", "impressions", "clicks", "conversions", "revenue")
RATIOS = {
    "ctr": ("clicks", "impressions", 1),
    "cpc": ("spend", "clicks", 1),
    "cpm": ("spend", "impressions", 1000),
    "cvr": ("conversions", "clicks", 1),
    "cpa": ("spend", "conversions", 1),
    "cac": ("spend", "conversions", 1),
    "roas": ("revenue", "spend", 1),
    "roi": ("revenue", "spend", 1),
    "aov": ("revenue", "conversions", 1),
}


@dataclass
class Expected:
    metrics: list[str]
    start: dt.date
    end: dt.date
    dimensions: list[str] = field(default_factory=list)
    grain: str | None = None
    filters: dict[str, list[str]] = field(default_factory=dict)
    exclude: dict[str, list[str]] = field(default_factory=dict)
    compare: tuple[dt.date, dt.date] | None = None
    having: list[tuple[str, str, float]] = field(default_factory=list)
    order: tuple[str, str] | None = None
    limit: int | None = None


@dataclass
class Case:
    lang: str
    tier: str
    question: str
    as_of: dt.date
    refusals: set[str]
    expected: Expected | None
    name: str = ""


def facts(platforms, accounts, campaigns, countries, devices, first, last, *, seed=7, rows_a_day=14) -> pl.DataFrame:
    rng = random.Random(seed)
    rows = []
    day = first
    while day <= last:
        for _ in range(rows_a_day):
            clicks = rng.randint(1, 900)
            rows.append(
                {
                    "date": day,
                    "platform": rng.choice(platforms),
                    "account": rng.choice(accounts),
                    "campaign": rng.choice(campaigns),
                    "country": rng.choice(countries),
                    "device": rng.choice(devices),
                    "spend": round(clicks * rng.uniform(0.4, 3.0), 2),
                    "clicks": clicks,
                    "impressions": clicks * rng.randint(20, 60),
                    "conversions": rng.randint(0, 1 + clicks // 12),
                }
            )
        day += dt.timedelta(days=1)
    return pl.DataFrame(rows)


# windows


def window(token: str, as_of: dt.date) -> tuple[dt.date, dt.date]:
    if token == "yd":
        return as_of - dt.timedelta(days=1), as_of - dt.timedelta(days=1)
    if token == "td":
        return as_of, as_of
    if ".." in token:
        first, last = token.split("..")
        return dt.date.fromisoformat(first), dt.date.fromisoformat(last)
    if match := re.fullmatch(r"L(\d+)([dwmqy])", token):
        n, freq = int(match[1]), FREQ[match[2]]
        now = pd.Period(pd.Timestamp(as_of), freq)
        return (now - n).start_time.date(), (now - 1).end_time.date()
    if match := re.fullmatch(r"t([wmqy])", token):
        return pd.Period(pd.Timestamp(as_of), FREQ[match[1]]).start_time.date(), as_of
    if match := re.fullmatch(r"(\d{4})-W(\d+)", token):
        monday = dt.date.fromisocalendar(int(match[1]), int(match[2]), 1)
        return monday, monday + dt.timedelta(days=6)
    period = pd.Period(token.replace("-Q", "Q"))
    return period.start_time.date(), period.end_time.date()


def previous(token: str, as_of: dt.date, complete: dt.date) -> tuple[dt.date, dt.date]:
    start, end = window(token, as_of)
    day = dt.timedelta(days=1)
    if match := re.fullmatch(r"L(\d+)([wmqy])", token):
        n = int(match[1])
        then = pd.Period(pd.Timestamp(start), FREQ[match[2]])
        return (then - n).start_time.date(), start - day
    if match := re.fullmatch(r"t([wmqy])", token):
        elapsed = (min(end, complete) - start).days + 1
        before = pd.Period(pd.Timestamp(start), FREQ[match[1]]) - 1
        return before.start_time.date(), min(before.start_time.date() + (elapsed - 1) * day, before.end_time.date())
    if re.fullmatch(r"\d{4}(-\d\d|-Q\d|-W\d+)?", token):
        freq = "W-SUN" if "W" in token else "Q" if "Q" in token else "M" if "-" in token else "Y"
        then = pd.Period(pd.Timestamp(start), freq) - 1
        return then.start_time.date(), then.end_time.date()
    return start - (end - start) - day, start - day


def year_ago(token: str, as_of: dt.date, complete: dt.date) -> tuple[dt.date, dt.date]:
    start, end = window(token, as_of)
    if token[0] == "t" and token != "td":
        end = min(end, complete)
    if "w" in token or "W" in token:
        return start - dt.timedelta(days=364), end - dt.timedelta(days=364)
    last = pd.Timestamp(end)
    if last.is_month_end and not re.fullmatch(r"L\d+d|t.|.*\.\..*", token):
        return (pd.Timestamp(start) - pd.DateOffset(years=1)).date(), ((last + pd.Timedelta(days=1)) - pd.DateOffset(years=1)).date() - dt.timedelta(
            1
        )
    return (pd.Timestamp(start) - pd.DateOffset(years=1)).date(), (last - pd.DateOffset(years=1)).date()


# rows


def _figures(frame: pl.DataFrame, expected: Expected, keys: list[str]) -> pl.DataFrame:
    sums = [pl.col(c).sum() for c in SUMS]
    grouped = frame.group_by(keys).agg(sums) if keys else frame.select(sums)
    ratios = []
    for name, (top, bottom, scale) in RATIOS.items():
        value = pl.when(pl.col(bottom) != 0).then(scale * pl.col(top) / pl.col(bottom))
        ratios.append((value - 1 if name == "roi" else value).alias(name))
    return grouped.with_columns(ratios)


def _within(frame: pl.DataFrame, expected: Expected, start: dt.date, end: dt.date) -> pl.DataFrame:
    found = frame.filter(pl.col("date").is_between(start, end))
    for name, values in expected.filters.items():
        found = found.filter(pl.col(name).is_in(values))
    for name, values in expected.exclude.items():
        found = found.filter(~pl.col(name).is_in(values))
    return found


def _bucketed(frame: pl.DataFrame, grain: str | None, start: dt.date) -> pl.DataFrame:
    if grain is None:
        return frame
    first = pd.Period(pd.Timestamp(start), GRAINS[grain])
    places = {d: pd.Period(pd.Timestamp(d), GRAINS[grain]) for d in frame["date"].unique()}
    made = [{"date": d, "period": p.start_time.date().isoformat(), "n": p.ordinal - first.ordinal} for d, p in places.items()]
    table = pl.DataFrame(made, schema={"date": pl.Date, "period": pl.String, "n": pl.Int64})
    return frame.join(table, on="date", how="left")


def rows(frame: pl.DataFrame, expected: Expected) -> list[dict]:
    """The rows that must come out; without an order they are sorted by period, then by dimension."""
    frame = frame.with_columns(revenue=pl.col("conversions") * 100.0)
    keys = [*expected.dimensions, *(["n"] if expected.grain else [])]
    now = _bucketed(_within(frame, expected, expected.start, expected.end), expected.grain, expected.start)
    if now.height == 0:
        return []
    figures = _figures(now, expected, [*keys, *(["period"] if expected.grain else [])])
    if expected.grain and not expected.having and not expected.order:
        first, last = (pd.Period(pd.Timestamp(d), GRAINS[expected.grain]) for d in (expected.start, expected.end))
        spine = pl.DataFrame([{"n": i, "period": (first + i).start_time.date().isoformat()} for i in range(last.ordinal - first.ordinal + 1)])
        if expected.dimensions:
            spine = spine.join(figures.select(expected.dimensions).unique(), how="cross")
        figures = spine.join(figures.drop("period"), on=keys, how="left").with_columns(pl.col(SUMS).fill_null(0))
    wanted = list(expected.metrics)
    if expected.compare is not None:
        then = _bucketed(_within(frame, expected, *expected.compare), expected.grain, expected.compare[0])
        before = _figures(then, expected, keys)
        if not keys and then.height == 0:
            before = before.with_columns(pl.lit(None).alias(c) for c in before.columns)
        before = before.rename({c: f"{c}__previous" for c in before.columns if c not in keys})
        how = "left" if expected.grain else "full"
        figures = figures.join(before, on=keys, how=how, coalesce=True, nulls_equal=True) if keys else pl.concat([figures, before], how="horizontal")
    for name, operator, value in expected.having:
        tests = {
            ">": pl.col(name) > value,
            ">=": pl.col(name) >= value,
            "<": pl.col(name) < value,
            "<=": pl.col(name) <= value,
            "=": pl.col(name) == value,
        }
        figures = figures.filter(tests[operator])
    by = [*(["period"] if expected.grain else []), *expected.dimensions]
    if expected.order:
        figures = figures.sort([expected.order[0], *by], descending=[expected.order[1] == "desc", *[False] * len(by)], nulls_last=True)
    elif by:
        figures = figures.sort(by, nulls_last=True)
    if expected.limit:
        figures = figures.head(expected.limit)
    found = []
    for row in figures.iter_rows(named=True):
        one = {d: row[d] for d in expected.dimensions} | ({"period": row["period"]} if expected.grain else {})
        for name in wanted:
            one[name] = row[name] if expected.compare is None else (row[name], row[f"{name}__previous"])
        found.append(one)
    return found


def same(given: list[dict], wanted: list[dict], expected: Expected) -> str:
    """Empty when rows agree; else what does not. Figures of the answer beyond those asked for do not count."""
    if len(given) != len(wanted):
        return f"{len(given)} rows, not {len(wanted)}"
    for mine, theirs in zip(given, wanted, strict=True):
        for key, value in theirs.items():
            if key not in mine:
                return f"no {key}"
            if key in expected.metrics:
                pairs = [(mine[key]["current"], value[0]), (mine[key]["previous"], value[1])] if isinstance(value, tuple) else [(mine[key], value)]
                for a, b in pairs:
                    if (a is None) != (b is None) or (a is not None and not math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-6)):
                        return f"{key} is {a}, not {b} in {theirs}"
            elif mine[key] != value:
                return f"{key} is {mine[key]!r}, not {value!r}"
    return ""


# the written set


def cases(text: str, *, as_of: dt.date, complete: dt.date) -> list[Case]:
    found = []
    for line in text.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        lang, tier, question, told = (part.strip() for part in line.split("|", 3))
        day = as_of
        if match := re.match(r"@(\S+) ", question):
            day, question = dt.date.fromisoformat(match[1]), question[match.end() :]
        refusals, expected = set(), None
        for one in told.split(" or "):
            if one.strip().startswith("!"):
                refusals |= set(one.strip()[1:].split())
            else:
                expected = _expectation(one, day, complete)
        found.append(Case(lang, tier, question, day, refusals, expected, name=f"{lang}: {question}"))
    return found


def _expectation(told: str, as_of: dt.date, complete: dt.date) -> Expected:
    parts = dict(item.split("=", 1) for item in told.split())

    def named(key: str) -> dict[str, list[str]]:
        return {k: v.split(",") for k, v in (item.split(":", 1) for item in parts.get(key, "").split(";") if item)}

    start, end = window(parts["w"], as_of)
    compare = parts.get("c")
    against = None
    if compare:
        against = {"prev": previous, "yoy": year_ago}[compare](parts["w"], as_of, complete) if compare in ("prev", "yoy") else window(compare, as_of)
    order = parts.get("o")
    return Expected(
        metrics=parts["m"].split(","),
        start=start,
        end=end,
        dimensions=parts["by"].split(",") if "by" in parts else [],
        grain=parts.get("g"),
        filters=named("f"),
        exclude=named("x"),
        compare=against,
        having=[(m[1], m[2], float(m[3])) for h in parts.get("h", "").split(";") if (m := re.fullmatch(r"(\w+)(>=|<=|>|<|=)([\d.]+)", h))],
        order=tuple(order.split(":")) if order else None,
        limit=int(parts["n"]) if "n" in parts else None,
    )
