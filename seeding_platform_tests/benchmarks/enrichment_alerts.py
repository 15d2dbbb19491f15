"""How often alerts of enrichment are false, and how soon true ones come, beside the bars alone.

`python -m seeding_platform_tests.benchmarks.enrichment_alerts [--days N] [--seed N] [--part healthy|incidents]`
Virtual days whose truth is known; a look every five minutes. Prints figures, judges nothing.
"""

from __future__ import annotations

import argparse
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from seeding_platform_tests.enrichment.simulated import A_DAY, KINDS, WARM, Days, drawn_incident, minutes_to_alert, watched

if TYPE_CHECKING:
    from collections.abc import Sequence

TENANTS = {"large": 400.0, "medium": 100.0, "small": 8.0, "tiny": 0.5}
"""Records an hour."""


def healthy(days: int, rng: np.random.Generator) -> None:
    """False alerts of days on which nothing is wrong: 4 % time-outs, 0.5 % poison, a daily and a weekly cycle."""
    print("| tenant | records/h | looks | bars alone | monitor | alerts opened | rules |\n|---|---|---|---|---|---|---|")
    wrong = naive = looks = 0
    for name, an_hour in TENANTS.items():
        made = Days(an_hour, days, rng)
        mine, opened, before = 0, Counter(), set()
        for _, raised in watched(made):
            mine += bool(raised)
            opened.update(raised - before)
            before = raised
        thumb = sum(made.naive(i) for i in range(WARM, made.n))
        many = days * A_DAY
        rules = ", ".join(f"{rule} {n}" for rule, n in opened.items()) or "none"
        print(f"| {name} | {an_hour:g} | {many} | {thumb / many:.2%} | {mine / many:.3%} | {opened.total()} | {rules} |")
        wrong, naive, looks = wrong + mine, naive + thumb, looks + many
    print(f"| all | | {looks} | {naive / looks:.2%} | {wrong / looks:.3%} | | |")


def incidents(days: int, rng: np.random.Generator) -> None:
    """How many of as many incident days are found, one incident a day, drawn."""
    print("| tenant | incident | days | found | minutes to alert: median, most |\n|---|---|---|---|---|")
    for name in ("large", "medium"):
        found: dict[str, list[float | None]] = {kind: [] for kind in KINDS}
        for _ in range(days):
            incident = drawn_incident(rng, 0)
            found[incident.kind].append(minutes_to_alert(Days(TENANTS[name], 1, rng, incident)))
        for kind, minutes in found.items():
            known = [m for m in minutes if m is not None]
            told = f"{np.median(known):.0f}, {max(known):.0f}" if known else "-"
            print(f"| {name} | {kind} | {len(minutes)} | {len(known)} | {told} |")


def main(argv: Sequence[str] | None = None) -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=30, help="of each kind (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of everything drawn (default: %(default)s)")
    parser.add_argument("--part", choices=["healthy", "incidents"], help="only this one (default: both)")
    chosen = parser.parse_args(argv)
    for name, part in (("healthy", healthy), ("incidents", incidents)):
        if chosen.part in (None, name):
            part(chosen.days, np.random.default_rng(chosen.seed))


if __name__ == "__main__":
    main()
