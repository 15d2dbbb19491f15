"""What is known of a model from rows that it did not see: figures with intervals, beside those of the dummy that needs no model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seeding_platform.models.spec import ModelSpec


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure and how sure it is.

    Args:
        value: on the rows as they are; None where it cannot be told of them.
        ci_low: lower limit of the 95 % interval; None where it is not known.
        ci_high: upper limit.
        n: rows.
    """

    value: float | None
    ci_low: float | None
    ci_high: float | None
    n: int


@dataclass(frozen=True, slots=True)
class Bin:
    """Rows of like scores.

    Args:
        low: the lowest score.
        high: the highest score.
        n: rows.
        mean_score: what was promised.
        share: what happened.
    """

    low: float
    high: float
    n: int
    mean_score: float
    share: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """Whether probabilities are what they say.

    Args:
        of: the label whose probability it is, or "first guess" of several.
        ece: expected calibration error, the mean distance of promised and happened over all rows.
        bins: up to ten of as many rows each, by score.
    """

    of: str
    ece: float
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How a model did on rows that it did not see, none of them synthetic.

    Args:
        metric: the figure that decides.
        metrics: every figure of the kind, and your own.
        dummy: the same figures of what needs no model; empty for clustering.
        gain_se: gain over the dummy in the deciding figure, in standard errors of that gain; None without a dummy.
        slices: by column and value, the deciding figure.
        calibration: of probabilities; None of numbers.
        latency_ms: median (p50) and 99th percentile (p99) of the time of one prediction.
        size_bytes: of the artefact; None of an own trainer's model that cannot be kept.
        split: how rows were held out, with train_rows and test_rows.
    """

    metric: str
    metrics: Mapping[str, Figure]
    dummy: Mapping[str, Figure]
    gain_se: float | None
    slices: Mapping[str, Mapping[str, Figure]]
    calibration: Calibration | None
    latency_ms: Mapping[str, float]
    size_bytes: int | None
    split: Mapping[str, Any] = field(default_factory=dict)

    @property
    def value(self) -> float:
        """The figure that decides; NaN where it cannot be told."""
        told = self.metrics[self.metric].value
        return math.nan if told is None else told

    @property
    def baseline_value(self) -> float | None:
        """The same of the dummy."""
        told = self.dummy.get(self.metric)
        return None if told is None else told.value

    @property
    def train_rows(self) -> int:
        """Rows trained on."""
        return int(self.split.get("train_rows", 0))

    @property
    def test_rows(self) -> int:
        """Rows held out."""
        return int(self.split.get("test_rows", 0))

    def beats_baseline(self, spec: ModelSpec) -> bool:
        """True when the gain is at least the specification's number of standard errors; groups have no dummy, they need a floor."""
        if self.baseline_value is None or self.gain_se is None:
            return spec.floor is not None and self.meets_floor(spec)
        return spec.better(self.value, self.baseline_value) and self.gain_se >= spec.standard_errors

    def meets_floor(self, spec: ModelSpec) -> bool:
        """True when the deciding figure is no worse than the floor."""
        return not math.isnan(self.value) and spec.meets_floor(self.value)

    def says(self) -> str:
        """The deciding figure in words."""
        against = "" if self.baseline_value is None else f" against {self.baseline_value:.3f} of the dummy"
        gain = "" if self.gain_se is None else f", {self.gain_se:+.1f} standard errors"
        rows = "rows" if self.split.get("kind") == "none" else "held-out rows"
        value = f"{self.value:.3f}" if math.isfinite(self.value) else "?"
        return f"{self.metric} {value}{against}{gain} on {self.test_rows} {rows}"

    def broken_guardrails(self, spec: ModelSpec) -> list[str]:
        """What serving it costs beyond what the specification allows, in words."""
        guard = spec.guardrails
        if guard is None:
            return []
        size = None if self.size_bytes is None else self.size_bytes / 1e6
        costs = (("latency_ms", self.latency_ms.get("p99"), guard.latency_ms), ("size_mb", size, guard.size_mb))
        return [f"{name} {cost:.2f} is above {most:g}" for name, cost, most in costs if cost is not None and most is not None and cost > most]

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain values for JSON; what cannot be told is null."""
        return {f.name: _plain(getattr(self, f.name)) for f in fields(self)}


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
