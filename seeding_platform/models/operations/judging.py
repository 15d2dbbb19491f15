"""The gate of a version: against what serves, on rows that neither was trained on; against the dummy where nothing serves yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeding_platform.models.operations.rows import dummy_frame, read, score_frame, unseen
from seeding_platform.models.promotion import Decision, Footprint, Reason, Verdict, decide
from seeding_platform.models.promotion.gate import calibrated, within

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
    if serving is not None and thresholds.floor is not None and (few := _too_few(rows, thresholds)) is not None:
        return few
    challenger = score_frame(spec, model, rows)
    champion = dummy_frame(spec, model, rows) if serving is None else score_frame(spec, serving, rows.frame)
    return decide(
        champion,
        challenger,
        metric=metric,
        thresholds=thresholds,
        first=serving is None,
        slices=[c for c in spec.slices if c in challenger.columns],
        footprint=footprint_of(found.latency_ms, found.size_bytes),
        seed=seed,
    )


def judged_by_figure(
    spec: ModelSpec,
    model: Trained,
    serving: Trained | None,
    held: Scored,
    thresholds: PromotionThresholds,
    found: Evaluation,
    *,
    seen: str | None,
    seed: int,
) -> Decision:
    """The gate for figures of a whole model (groups, ranks): the floor, an interval that lies above what serves, slices, calibration, costs.

    Args:
        spec: the model.
        model: the challenger.
        serving: the champion; None for a first version.
        held: rows that the challenger was not trained on, with what it says of them.
        thresholds: the bars.
        found: the challenger's evaluation on them.
        seen: hashes of the champion's training rows, which are left out.
        seed: of the bootstrap.
    """
    from seeding_platform.models import evaluate

    rows = held if serving is None else unseen(spec, held, read(seen))
    n = rows.frame.height
    if thresholds.floor is None:
        reason = Reason("configured", False, None, None, "no threshold configured: set the floor of the metric", final=True)
        return Decision(Verdict.REFUSE, (reason,), None, None, None, n)
    if serving is not None and (few := _too_few(rows, thresholds)) is not None:
        return few
    after = found if n == held.frame.height else evaluate(model, spec, rows, seed=seed)
    figure = after.metrics[spec.metric]
    if figure.value is None:
        reason = Reason("measured", False, None, None, f"{spec.metric} could not be measured", final=True)
        return Decision(Verdict.REFUSE, (reason,), None, None, None, n)
    floor = thresholds.floor
    above = not spec.better(floor, figure.value)
    reasons = [Reason("floor", above, figure.value, floor, f"{spec.metric} {figure.value:.4f}, floor {floor:.4f}", final=not above)]
    gain = low = high = None
    if serving is not None:
        before = evaluate(serving, spec, rows.frame, seed=seed)
        now = before.metrics[spec.metric].value
        if now is not None:
            gain = _gain(spec, now, figure.value)
            ends = [_gain(spec, now, end) for end in (figure.ci_low, figure.ci_high) if end is not None]
            low, high = (min(ends), max(ends)) if ends else (None, None)
            sure = low is not None and low > 0 and gain >= thresholds.minimum_gain
            interval = f"[{low:+.4f}, {high:+.4f}]" if low is not None and high is not None else "of unknown width"
            says = f"gain {gain:+.4f} {interval}, {thresholds.minimum_gain} is asked for"
            reasons.append(Reason("gain", sure, gain, thresholds.minimum_gain, says))
        reasons += _slices(spec, before, after, thresholds)
        if before.calibration is not None and after.calibration is not None:
            reasons.append(calibrated(before.calibration.ece, after.calibration.ece, thresholds))
    reasons += within(footprint_of(found.latency_ms, found.size_bytes), thresholds)
    failed = [r for r in reasons if not r.passed]
    verdict = Verdict.DEPLOY if not failed else Verdict.REFUSE if any(r.final for r in failed) else Verdict.HOLD
    return Decision(verdict, tuple(reasons), gain, low, high, n)


def _too_few(rows: Scored, thresholds: PromotionThresholds) -> Decision | None:
    """A hold where the rows that neither has seen judge nothing, none at all among them; None where they do."""
    n = rows.frame.height
    short = thresholds.minimum_rows - n
    if short <= 0:
        return None
    few = Reason("rows", False, n, thresholds.minimum_rows, f"{n} rows that neither was trained on judge nothing: {short} more are needed")
    return Decision(Verdict.HOLD, (few,), None, None, None, n, more_rows=short)


def _gain(spec: ModelSpec, before: float, after: float) -> float:
    """In points for figures that go up, a share of the champion's error for those that go down."""
    if spec.better(1.0, 0.0):
        return after - before
    return (before - after) / before if before > 0 else before - after


def _slices(spec: ModelSpec, before: Evaluation, after: Evaluation, thresholds: PromotionThresholds) -> Iterator[Reason]:
    """Every slice of enough rows that is worse by too much; final where even the better end of its interval is."""
    for column, values in after.slices.items():
        for value, figure in values.items():
            old = before.slices.get(column, {}).get(value)
            if old is None or old.value is None or figure.value is None or figure.n < thresholds.slice_rows:
                continue
            drop = -_gain(spec, old.value, figure.value)
            if drop >= thresholds.slice_drop:
                ends = [_gain(spec, old.value, end) for end in (figure.ci_low, figure.ci_high) if end is not None]
                says = f"{column} {value!r}: worse by {drop:.4f} on {figure.n} rows; less than {thresholds.slice_drop:.4f} is allowed"
                yield Reason("slice", False, drop, thresholds.slice_drop, says, final=bool(ends) and max(ends) < 0)


def footprint_of(latency_ms: Mapping[str, float], size_bytes: int | None) -> Footprint:
    """What serving a model costs, of an evaluation or of the report that keeps one."""
    return Footprint(latency_ms=latency_ms.get("p99"), size_mb=None if size_bytes is None else size_bytes / MEGABYTE)
