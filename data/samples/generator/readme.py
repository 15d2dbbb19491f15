"""The README of the samples, written from the same figures as the files."""

# ruff: noqa: E501 - sentences of the README
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from generator import market, measurements, shop
from generator.records import SEED

if TYPE_CHECKING:
    from generator.records import Sample

INTRO = """# Samples: tenant `demo-3pl`

Own-made fiction, made by `python data/samples/generate.py` (seed {seed}; a second run writes the same bytes). No person, brand, host or figure is real.

**The story.** Zwaluwdoos packs and ships for web shops in the Netherlands and Belgium. Between July and October 2026 it posts on Instagram, LinkedIn,
Facebook and X (which its exports call "Twitter", "twitter" or "X"), watches four competitors, runs six campaigns with ads on Google, Meta and LinkedIn, and serves a
small web shop of its own. Its people follow all this in dashboards and let workflows do the routine. The story ends on 31 October 2026; three posts are scheduled
for November.

## Files
Times are UTC unless the notation says otherwise. Kept = rows - quarantined - merged. Each file has a declaration in `seeding_platform/defs/sources/demo_*`.

| file | feeds | rows | quarantined | strict duplicates | key duplicates | kept | notation |
|---|---|---|---|---|---|---|---|
"""


def _table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(str(c) for c in line) + " |\n" for line in lines)


def _files(samples: list[Sample]) -> str:
    lines = []
    for s in samples:
        n = {k: sum(r.kind == k for r in s.records) for k in ("quarantined", "strict_duplicate", "key_duplicate")}
        kept = len(s.records) - sum(n.values())
        cells = (s.file, s.contract, len(s.records), *n.values(), kept, s.notation)
        lines.append("| " + " | ".join(str(c) for c in cells) + " |\n")
    return "".join(lines)


def _model() -> str:
    def line(values: dict[str, float]) -> str:
        return ", ".join(f"{k} {v:+.2f}" for k, v in values.items())

    def plain(values: dict[str, float]) -> str:
        return ", ".join(f"{k} {v:g}" for k, v in values.items())

    m = measurements
    churn = " ".join(f"{v:+g} x {k}" for k, v in shop.CHURN_WEIGHTS.items())
    return f"""
## The models behind the figures
They were chosen once, for plausibility, and are not tuned to any gate.

**Impressions after 168 h**: `log = {m.BASE} + {m.FOLLOWER_POWER} log(followers) + platform + type + hour + weekday + hashtags + noise`
- platform: {line(m.PLATFORM)}
- type: {line(m.KIND)}
- hour (local): {m.HOUR_HEIGHT} x the nearer of two bells at {m.HOUR_PEAKS[0]:g} h and {m.HOUR_PEAKS[1]:g} h, width {m.HOUR_WIDTH:g} h
- weekday, Monday to Sunday (local): {", ".join(f"{w:+.2f}" for w in m.WEEKDAY)}
- hashtags in the text: +{m.HASHTAG_GAIN} each up to {m.HASHTAG_BEST}, -{m.HASHTAG_LOSS} for each more
- noise: normal, sigma {m.NOISE} (so impressions are lognormal around the model)
- growth: share at age h = (1 - exp(-(h / {m.GROWTH_HOURS:g})^{m.GROWTH_POWER})), scaled to 1 at 168 h
- other counters: share of impressions {plain(m.RATES)}, each times a lognormal factor (sigma 0.3) of the post; reach 70-90 %
- the viral post has {m.VIRAL_FACTOR} times the impressions, with ordinary ratios

**Churn**: logit = intercept {churn}; the intercept is set so that the mean probability is {shop.CHURN_SHARE};
who leaves does so evenly over the 60 days after 31 August. `churned` is the label and may lie after the snapshot.

**Ads**: daily spend per row = {plain(market.SPEND)} EUR x weekday x gamma(6); impressions from CPM {plain(market.CPM)}; clicks Poisson with
CTR {plain(market.CTR)}; conversions Poisson with clicks x {plain(market.CONVERSION)} x campaign
({plain(market.CAMPAIGN_LIFT)}) x weekday; order value lognormal around {market.ORDER_VALUE:g} EUR. LinkedIn reports no revenue; only Meta reports
new customers and a currency. Campaign names differ between ad platforms and the campaign sheet (case, separators, suffixes); LinkedIn gives the campaign id.

**Hashtags**: running totals; hourly uses of {", ".join(market.TRENDING)} grow by {", ".join(f"{v:.1%}" for v in market.TRENDING.values())} an hour, the others do not grow.
The series `magazijn` is written `#Magazijn`.

**Navigation**: one Markov chain a role, `NEXT_PAGE` in `generator/usage.py`. **Exceptions**: the label a reader would give is in `planted.json`, not in the file.

## Planted dirt
All of it is listed with keys in `planted.json`; `key@file:row` counts rows from 0 without the header. A broken row never merges. A reason is the name of a contract's
rule, or `not_null:`, `values:`, `minimum:`, `maximum:`, `cast:` and the column.

"""


def readme(samples: list[Sample], planted: dict[str, Any]) -> str:
    """The whole text."""
    broken = [(c, reason, len(keys)) for c, reasons in planted["quarantined"].items() for reason, keys in reasons.items()]
    softly = [
        (kind, c, what, len(keys))
        for kind in ("flagged", "outliers", "personal")
        for c, found in planted[kind].items()
        for what, keys in found.items()
    ]
    similar = [(f"near duplicates: {kind}", len(pairs)) for kind, pairs in planted["near_duplicates_by_kind"].items()]
    similar += [
        ("paraphrases", len(planted["paraphrases"])),
        ("hard negatives (must never merge)", len(planted["hard_negatives"])),
        ("cross-posts (own, other platform)", len(planted["cross_posts"])),
        ("viral posts (legitimate)", len(planted["viral"])),
        ("ad rows that occur twice and both count", sum(map(len, planted["repeated_rows_kept"].values()))),
    ]
    notes = (
        "\nBeside these: HTML entities, tracking parameters, stray spaces, missing values, two date notations and several number notations a file, hashtag columns that "
        "leave something out. Near duplicates, paraphrases and cross-posts are rows of their own: finding them is for later stages, they count as kept.\n"
    )
    return (
        INTRO.format(seed=SEED)
        + _files(samples)
        + "\n"
        + _table(("contract", "rows", "kept"), [(c, planted["contract_rows"][c], n) for c, n in planted["expected_kept"].items()])
        + _model()
        + "**Quarantined**\n\n"
        + _table(("contract", "reason", "rows"), broken)
        + "\n**Kept, but flagged, outlying or with personal data in free text**\n\n"
        + _table(("kind", "where", "what", "rows"), softly)
        + "\n**Look-alikes and others**\n\n"
        + _table(("kind", "found"), similar)
        + notes
    )
