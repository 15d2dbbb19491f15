"""The gate of a version: against what serves, on rows that neither was trained on; against the dummy where nothing serves yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeding_platform.models.operations.rows import dummy_frame, read, score_frame, unseen
from seeding_platform.models.promotion import Decision, Footprint, Reason, Verdict, decide

if TYPE_CHECKING:
    import polars as pl

    from seeding_platform.models.evaluation import Evaluation
    from seeding_platform.models.learning.scored import Scored
    from seeding_platform.models.learning.trained import Trained
    from seeding_platform.models.promotion import PromotionThresholds
    from seeding_platform.models.promotion.metrics import Metric
    from seeding_platform.models.spec import ModelSpec

MEGABYTE = 1_000_000


def judged_by_rows(
    spec: ModelSpec,
    model: Trained,
    serving: Trained | None,
    held: Scored,
    thresholds: PromotionThresholds,
    found: Evaluation,
    metric: Metric,
    *,
    seen: str | None,
    seed: int,
) -> Decision:
    """The gate for metrics that are made of rows.

    Args:
        spec: the model.
        model: the challenger.
        serving: the champion; None for a first version.
        held: rows that the challenger was not trained on, with what it says of them.
        thresholds: the bars.
        found: the challenger's evaluation, for what serving it costs.
        metric: what they are judged by.
        seen: hashes of the champion's training rows, which are left out.
        seed: of the bootstrap.
    """
    rows = held if serving is None else unseen(spec, held, read(seen))
    if rows.truth.size == 0 and thresholds.floor is not None:
        says = "the version that serves was trained on every row that is held out: none is left to compare the two on"
        none = Reason("rows", False, 0, thresholds.minimum_rows, says)
        return Decision(Verdict.HOLD, (none,), None, None, None, 0, more_rows=thresholds.minimum_rows)
    challenger = score_frame(spec, model, rows)
    champion = dummy_frame(spec, model, rows) if serving is None else score_frame(spec, serving, rows.frame)
    return decide(
        champion,
        challenger,
        metric=metric,
        thresholds=thresholds,
        first=serving is None,
        slices=[c for c in spec.slices if c in challenger.columns],
        footprint=footprint_of(found),
        seed=seed,
    )


def judged_by_figure(
    spec: ModelSpec, serving: Trained | None, held: pl.DataFrame, thresholds: PromotionThresholds, found: Evaluation, *, seed: int
) -> Decision:
    """The gate for figures of a whole model (groups, ranks): the floor, and an interval that lies above what serves."""
    from seeding_platform.models import evaluate

    figure = found.metrics[spec.metric]
    if thresholds.floor is None:
        reason = Reason("configured", False, None, None, "no threshold configured: set the floor of the metric", final=True)
        return Decision(Verdict.REFUSE, (reason,), None, None, None, figure.n)
    if figure.value is None:
        reason = Reason("measured", False, None, None, f"{spec.metric} could not be measured", final=True)
        return Decision(Verdict.REFUSE, (reason,), None, None, None, figure.n)
    floor = thresholds.floor
    above = not spec.better(floor, figure.value)
    reasons = [Reason("floor", above, figure.value, floor, f"{spec.metric} {figure.value:.4f}, floor {floor:.4f}", final=not above)]
    gain = low = high = None
    if serving is not None:
        now = evaluate(serving, spec, held, seed=seed).metrics[spec.metric].value
        if now is not None:
            way = 1 if spec.better(1.0, 0.0) else -1
            gain = way * (figure.value - now)
            ends = [way * (end - now) for end in (figure.ci_low, figure.ci_high) if end is not None]
            low, high = (min(ends), max(ends)) if ends else (None, None)
            sure = low is not None and low > 0 and gain >= thresholds.minimum_gain
            interval = f"[{low:+.4f}, {high:+.4f}]" if low is not None and high is not None else "of unknown width"
            says = f"gain {gain:+.4f} {interval}, {thresholds.minimum_gain} is asked for"
            reasons.append(Reason("gain", sure, gain, thresholds.minimum_gain, says))
    failed = [r for r in reasons if not r.passed]
    verdict = Verdict.DEPLOY if not failed else Verdict.REFUSE if any(r.final for r in failed) else Verdict.HOLD
    return Decision(verdict, tuple(reasons), gain, low, high, figure.n)


def footprint_of(found: Evaluation) -> Footprint:
    """What serving a model costs, as it was measured."""
    size = None if found.size_bytes is None else found.size_bytes / MEGABYTE
    return Footprint(latency_ms=found.latency_ms.get("p99"), size_mb=size)
