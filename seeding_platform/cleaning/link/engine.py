"""Link the records of one or two tables by several fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from seeding_platform.cleaning.link.candidates import candidates
from seeding_platform.cleaning.link.compare import highest, levels
from seeding_platform.cleaning.link.model import estimate, probability, shared_out
from seeding_platform.cleaning.link.policy import LinkPolicy, parse_policy
from seeding_platform.cleaning.link.records import records
from seeding_platform.cleaning.progress import quiet

if TYPE_CHECKING:
    from seeding_platform.cleaning.link.records import Records
    from seeding_platform.cleaning.progress import Progress

RIVALS = 0.1  # share of linked records with more than one partner, from which on a table is taken to hold a thing more than once


def link(a: pl.DataFrame, b: pl.DataFrame | None = None, *, policy: LinkPolicy | dict[str, Any], progress: Progress = quiet) -> pl.DataFrame:
    """Find the records that are the same thing, in two tables or within one.

    Pairs that share what is rare are compared field by field; what agreeing and differing tells is learned from the pairs themselves, without
    labels (Fellegi and Sunter 1969). The result does not depend on the order of the rows.

    Args:
        a: a table with an id and the fields of the policy.
        b: another with the same columns; None links within `a`.
        policy: a `LinkPolicy` or plain data in its form.
        progress: is told a line at each step.

    Returns:
        `id_a, id_b` (types of the input), `score`: probability 0-1 that both are the same, of the pairs at or above the threshold, best
        first. Within one table each pair stands once, the record that comes first in it as `id_a`.

    Raises:
        ConfigError: the policy is not in its form, a column is missing, or an id is null or stands twice.
    """
    policy = policy if isinstance(policy, LinkPolicy) else parse_policy(policy)
    known = records(a, b, policy)
    pairs = candidates(known) if known.size else np.zeros((0, 2), dtype=np.int64)
    progress(f"{len(pairs):,} pairs share something rare; they are compared field by field")
    score = _scores(known, pairs, policy)
    kept = score >= policy.threshold
    pairs, score = pairs[kept], score[kept]
    other = known.ids_a if known.within else known.ids_b
    told = {
        "id_a": known.ids_a.gather(pairs[:, 0]),
        "id_b": other.gather(pairs[:, 1] - (0 if known.within else known.split)),
        "score": pl.Series(score, dtype=pl.Float64),
    }
    place = pl.DataFrame({"a": pairs[:, 0], "b": pairs[:, 1]})
    return pl.DataFrame(told).hstack(place).sort("score", "a", "b", descending=[True, False, False]).drop("a", "b")


def _scores(known: Records, pairs: np.ndarray, policy: LinkPolicy) -> np.ndarray:
    if not len(pairs):
        return np.zeros(0)
    found = levels(known, pairs)
    tops = {name: highest(field) for name, field in known.fields.items()}
    sides = None if known.within else (pairs[:, 0], pairs[:, 1])
    model = estimate(found, tops, {name: field.weight for name, field in policy.fields.items()}, sides)
    score = probability(model.log_odds(found))
    if sides is None or policy.one_to_one is False:
        return score
    if policy.one_to_one or _rivals(score, sides) < RIVALS:
        return shared_out(score, sides)
    return score


def _rivals(score: np.ndarray, sides: tuple[np.ndarray, np.ndarray]) -> float:
    """Share of the linked records with more than one partner, in the table where it is larger."""
    linked = score >= 0.5
    counts = [np.unique(side[linked], return_counts=True)[1] for side in sides]
    return max((float((count > 1).mean()) for count in counts if len(count)), default=0.0)
