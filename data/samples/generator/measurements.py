"""What the posts brought: one stated model of impressions, and the exports that report it.

log(impressions after 168 h) = base + 0.75 log(followers) + platform + type + hour + weekday + hashtags + noise. Parameters are constants below.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from generator.records import Findings, Sample, dutch_count, dutch_decimal, iso, iso_local, mixed, rng_for, to_local

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from generator.records import Row
    from generator.social import Post

BASE = 0.9
FOLLOWER_POWER = 0.75
PLATFORM = {"Instagram": 0.35, "LinkedIn": 0.15, "Facebook": -0.25, "X": 0.0}
KIND = {"reel": 0.55, "video": 0.4, "carousel": 0.3, "image": 0.1, "text": 0.0, "link": -0.35, "story": -0.2}
WEEKDAY = (0.0, 0.12, 0.15, 0.1, -0.05, -0.3, -0.2)
"""Monday to Sunday, local."""
HOUR_HEIGHT, HOUR_PEAKS, HOUR_WIDTH = 0.35, (9.0, 19.5), 2.0
HASHTAG_GAIN, HASHTAG_BEST, HASHTAG_LOSS = 0.08, 4, 0.05
NOISE = 0.35
GROWTH_HOURS, GROWTH_POWER = 22.0, 0.6
RATES = {"likes": 0.034, "comments": 0.004, "shares": 0.005, "saves": 0.004, "clicks": 0.012}
"""Share of impressions; each post has its own factor, lognormal with sigma 0.3."""
VIRAL_FACTOR = 35
VIRAL_POST = 17
"""Place of the own post that goes viral: everything grows alike, so the ratios stay ordinary."""
HOURS = (1, 24, 72, 168)
COUNTERS = ("impressions", "reach", *RATES, "video_views", "watch_seconds", "followers_gained")


def expected_log_impressions(post: Post) -> float:
    """The model without its noise."""
    local = to_local(post.published)
    tags = len(re.findall(r"#\w", re.sub(r"&#\d+;", "", post.text)))
    hour = local.hour + local.minute / 60
    peak = max(math.exp(-((hour - top) ** 2) / (2 * HOUR_WIDTH**2)) for top in HOUR_PEAKS)
    hashtags = HASHTAG_GAIN * min(tags, HASHTAG_BEST) - HASHTAG_LOSS * max(0, tags - HASHTAG_BEST)
    return (
        BASE
        + FOLLOWER_POWER * math.log(post.account.followers)
        + PLATFORM[post.account.platform]
        + KIND[post.kind]
        + HOUR_HEIGHT * peak
        + WEEKDAY[local.weekday()]
        + hashtags
    )


def share_reached(hours: float) -> float:
    """Part of the week's impressions that a post of that age has."""
    return (1 - math.exp(-((hours / GROWTH_HOURS) ** GROWTH_POWER))) / (1 - math.exp(-((168 / GROWTH_HOURS) ** GROWTH_POWER)))


@dataclass(frozen=True)
class _Totals:
    impressions: float
    parts: dict[str, float]


def _totals(rng: random.Random, post: Post, factor: float) -> _Totals:
    impressions = math.exp(expected_log_impressions(post) + rng.gauss(0, NOISE)) * factor
    parts = {name: rate * math.exp(rng.gauss(0, 0.3)) * impressions for name, rate in RATES.items()}
    parts["reach"] = impressions * rng.uniform(0.7, 0.9)
    moving = post.kind in ("video", "reel", "story")
    parts["video_views"] = impressions * rng.uniform(0.3, 0.5) if moving else 0.0
    parts["watch_seconds"] = parts["video_views"] * rng.uniform(3, 9)
    parts["followers_gained"] = parts["likes"] * rng.uniform(0.01, 0.04)
    return _Totals(impressions, parts)


def _series(rng: random.Random, post: Post, hours: list[int], factor: float = 1.0) -> Iterator[tuple[datetime, float, dict[str, float]]]:
    """(moment, age in hours, counters) of each measurement; counters only rise."""
    totals, past = _totals(rng, post, factor), dict.fromkeys(COUNTERS, 0.0)
    for due in hours:
        minutes = due * 60 + rng.randrange(2, 12 if due == 1 else 45)
        share = share_reached(minutes / 60)
        figures = {name: max(past[name], math.floor(value * share)) for name, value in totals.parts.items()}
        impressions = max(past["impressions"], math.ceil(totals.impressions * share))
        if impressions >= 2000 and rng.random() < 0.3:
            impressions = math.ceil(impressions / 100) * 100
        past = {"impressions": impressions, **figures}
        yield post.published + timedelta(minutes=minutes), minutes / 60, dict(past)


def _thousands(rng: random.Random, value: int) -> str:
    """12300 as "12,3k" where nothing is lost, else as an ordinary count."""
    return dutch_decimal(value / 1000, 1) + "k" if value >= 2000 and value % 100 == 0 and rng.random() < 0.9 else dutch_count(rng, value)


def _own_row(rng: random.Random, post: Post, moment: datetime, age: float, figures: dict[str, float]) -> Row:
    n = {name: int(value) for name, value in figures.items()}
    rate = (n["likes"] + n["comments"] + n["shares"] + n["saves"]) / n["impressions"]
    moving = n["video_views"] > 0
    return {
        "bericht": post.id,
        "gemeten op": mixed(rng, moment),
        "uren": dutch_decimal(age, 1),
        "weergaven": _thousands(rng, n["impressions"]),
        "bereik": "" if rng.random() < 0.06 else dutch_count(rng, n["reach"]),
        "vind-ik-leuks": dutch_count(rng, n["likes"]),
        "reacties": dutch_count(rng, n["comments"]),
        "gedeeld": dutch_count(rng, n["shares"]),
        "bewaard": dutch_count(rng, n["saves"]),
        "kliks": "" if rng.random() < 0.04 else dutch_count(rng, n["clicks"]),
        "videoweergaven": dutch_count(rng, n["video_views"]) if moving else "",
        "kijktijd": dutch_decimal(n["watch_seconds"], 1) if moving else "",
        "nieuwe volgers": str(n["followers_gained"]),
        "betrokkenheid": dutch_decimal(rate * 100, 1) + "%",
    }


def own_measurements(posts: list[Post], findings: Findings) -> Sample:
    """Three or four measurements of each own post."""
    rng = rng_for("own_measurements")
    sample = Sample(
        "post_analytics_nl.csv",
        "content_analytics",
        ("bericht", "gemeten op"),
        "delimiter ;, utf-8; 1.234 and 12,5% and 2,3k; dd-mm-yyyy HH:MM or ISO",
    )
    last: dict[str, int] = {}
    moments: list[datetime] = []
    for place, post in enumerate(posts):
        hours = [h for h in HOURS if place % 3 or h != (1, 72)[place // 3 % 2]]
        if place == VIRAL_POST:
            findings.viral.append(post.id)
        for moment, age, figures in _series(rng, post, hours, VIRAL_FACTOR if place == VIRAL_POST else 1):
            last[post.id] = len(sample.records)
            moments.append(moment)
            sample.add(_own_row(rng, post, moment, age, figures))
    _own_dirt(sample, findings, posts, last, lambda i, row: {**row, "gemeten op": iso_local(moments[i])})
    return sample


def _own_dirt(sample: Sample, findings: Findings, posts: list[Post], last: dict[str, int], as_iso: Callable[[int, Row], Row]) -> None:
    for place in (4, 22):  # the last counter falls a little below the one before
        row, before = sample.records[last[posts[place].id]].values, sample.records[last[posts[place].id] - 1].values
        row["gedeeld"], before["gedeeld"] = before["gedeeld"], str(int(_plain(before["gedeeld"])) + 3)
        Findings.note(findings.flagged, "content_analytics", "shares_never_fall", sample.label(row))
    slip = sample.records[last[posts[31].id]].values
    slip["weergaven"] = _plain(slip["weergaven"]) + "000"
    Findings.note(findings.outliers, "content_analytics", "unit_slip_x1000", sample.label(slip))
    sample.repeat([11, 47, 83, 120])
    places = [i for i, r in enumerate(sample.records) if r.kind == "base" and "T" not in r.values["gemeten op"]]
    poorer = {"bereik": "", "kliks": "", "bewaard": "", "nieuwe volgers": ""}
    for index in (places[30], places[61], places[99]):
        sample.restate([index], lambda row: poorer, lambda row, index=index: as_iso(index, row))
    broken = (
        ("likes_not_above_impressions", {"weergaven": "210", "bereik": "180", "vind-ik-leuks": "2.100"}, (8, 40, 77)),
        ("reach_not_above_impressions", {"weergaven": "1,2k", "bereik": "12.000", "vind-ik-leuks": "31"}, (15, 62)),
        ("minimum:comments", {"reacties": "-4"}, (23, 91)),
        ("cast:impressions", {"weergaven": "onbekend"}, (34, 105)),
        ("cast:measured_at", {"gemeten op": "eergisteren"}, (50,)),
        ("not_null:post_id", {"bericht": ""}, (70,)),
    )
    for number, (reason, values, places_) in enumerate(broken):
        for place in places_:
            sample.break_with(reason, {"gemeten op": f"{10 + number}-11-2026 08:{place // 2:02d}", **values}, place)


def _plain(written: str) -> str:
    """The digits of a count written as "1.234" or "12,3k" in full."""
    return str(round(float(written[:-1].replace(",", ".")) * 1000)) if written.endswith("k") else written.replace(".", "")


def competitor_measurements(posts: list[Post], findings: Findings) -> Sample:
    """One or two measurements of each competitor post, a day and a week old; impressions are not always known."""
    rng = rng_for("competitor_measurements")
    sample = Sample("competitor_analytics.jsonl", "content_analytics", ("id", "measured_at"), "ISO 8601 UTC")
    for place, post in enumerate(posts):
        for moment, age, n in _series(rng, post, [24, 168] if place % 2 else [24]):
            sample.add(
                {
                    "id": post.id,
                    "measured_at": iso(moment),
                    "hours": round(age, 1),
                    "impressions": None if rng.random() < 0.08 else int(n["impressions"]),
                    "reach": None,
                    "likes": int(n["likes"]),
                    "comments": int(n["comments"]),
                    "shares": int(n["shares"]),
                }
            )
    twice = [i for i, r in enumerate(sample.records[:-1]) if r.values["id"] == sample.records[i + 1].values["id"]]
    fall = sample.records[twice[30] + 1].values
    sample.records[twice[30]].values["likes"] = fall["likes"] + 3
    Findings.note(findings.flagged, "content_analytics", "likes_never_fall", sample.label(fall))
    sample.repeat([20, 90, 160])
    sample.restate([55, 200], lambda row: {"comments": None, "shares": None})
    sample.break_with("likes_not_above_impressions", {"measured_at": "2026-11-12T10:00:00Z", "impressions": 90, "likes": 640}, 5)
    sample.break_with("likes_not_above_impressions", {"measured_at": "2026-11-12T10:05:00Z", "impressions": 12, "likes": 350}, 33)
    sample.break_with("reach_not_above_impressions", {"measured_at": "2026-11-12T10:10:00Z", "impressions": 4000, "reach": 40000}, 44)
    sample.break_with("minimum:shares", {"measured_at": "2026-11-12T10:15:00Z", "shares": -2}, 71)
    return sample
