"""The watch after a deployment: what the version before did, against what the new one does while it serves."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from seeding_platform.errors import ConfigError
from seeding_platform.models.retraining.performance import compare

if TYPE_CHECKING:
    import datetime as dt

    import polars as pl

    from seeding_platform.models.promotion.metrics import Metric
    from seeding_platform.models.retraining.performance import Comparison
    from seeding_platform.models.retraining.thresholds import RetrainingThresholds


class Standing(StrEnum):
    """Where a watched deployment stands."""

    WATCHING = "watching"
    KEPT = "kept"
    ROLL_BACK = "roll_back"


@dataclass(frozen=True, slots=True)
class Watch:
    """What the watch says.

    Args:
        standing: still watching, kept, or to be rolled back.
        says: one sentence for people.
        comparison: labels before and after, where there are enough of both.
        requests: answers given.
        failures: of them failed or no number.
    """

    standing: Standing
    says: str
    comparison: Comparison | None
    requests: int
    failures: int


def watch(
    before: pl.DataFrame,
    after: pl.DataFrame,
    metric: Metric | None,
    *,
    requests: int,
    failures: int,
    deployed_at: dt.datetime,
    now: dt.datetime,
    thresholds: RetrainingThresholds,
    seed: int = 0,
) -> Watch:
    """Whether a deployment is kept, rolled back, or watched on; 24 hours or 500 labels end the watch.

    Args:
        before: score frame of the version before, from its last days of service.
        after: score frame of the new version since its deployment.
        metric: what they are judged by; None for a figure of a whole model, of which only failures are watched.
        requests: answers that the new version gave or failed to give.
        failures: those that failed or were no number.
        deployed_at: since when it serves.
        now: the moment.
        thresholds: the bars.
        seed: of the bootstrap of metrics that need one.

    Raises:
        ConfigError: there are more failures than requests.
    """
    if not 0 <= failures <= requests:
        raise ConfigError(f"{failures} of {requests} answers failed.", fix="Count every failed answer among the requests.")
    found = None
    if metric is not None and min(before.height, after.height) >= min(thresholds.window_rows, thresholds.watch_labels):
        found = compare(before, after, metric, threshold=thresholds.watch_drop, alpha=thresholds.watch_p, seed=seed)
    if _failing(requests, failures, thresholds):
        says = f"{failures} of {requests} answers failed or were no number; {thresholds.watch_failures:.1%} are allowed"
        return Watch(Standing.ROLL_BACK, says, found, requests, failures)
    if found is not None and found.dropped:
        says = f"{found.metric} {found.current:.4f} on {found.n_current} rows against {found.baseline:.4f} before (p = {found.p:.2g})"
        return Watch(Standing.ROLL_BACK, says, found, requests, failures)
    hours = (now - deployed_at).total_seconds() / 3600
    over = hours >= thresholds.watch_hours or after.height >= thresholds.watch_labels
    says = f"{after.height} labels in {hours:.1f} hours, nothing speaks against it"
    return Watch(Standing.KEPT if over else Standing.WATCHING, says, found, requests, failures)


def _failing(requests: int, failures: int, thresholds: RetrainingThresholds) -> bool:
    from scipy.stats import binom

    if requests == 0 or failures / requests <= thresholds.watch_failures:
        return False
    by_chance = float(binom.sf(failures - 1, requests, thresholds.watch_failures))
    return requests >= thresholds.watch_requests or by_chance < thresholds.watch_p
