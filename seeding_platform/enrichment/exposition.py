"""The newest figures of enrichment in the text format of Prometheus (version 0.0.4), one series a tenant; a figure without a value is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeding_platform.enrichment.measures import Metric
from seeding_platform.storage.enrichment.measured import BINS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from seeding_platform.storage.enrichment.measurements import Measurement

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
HELP: Mapping[str, str] = {
    Metric.COMPLETENESS: "Percent of records older than 24 hours that have every stage behind them",
    Metric.BACKLOG: "Records that wait to be enriched",
    Metric.OLDEST_DUE: "Seconds for which the oldest record has been due",
    Metric.DURATION: "Seconds from the claim of a batch to its end, mean of the last hour",
    Metric.QUALITY: "Of 100 answers asked for in 24 hours, how many are expected to be usable and right",
    Metric.FAILURE: "Percent of attempts of the last hour that failed",
    Metric.DEFERRED: "Percent of attempts of the last hour that the provider or the budget put off",
    Metric.HIGH_CONFIDENCE: "Percent of answers of 24 hours with a confidence of 0.7 or more",
    Metric.THROUGHPUT: "Records that ended in the last hour",
    Metric.AVERAGE_TIME: "Seconds of work a record, over 24 hours",
    Metric.SUCCESS: "Percent of records that ended in 24 hours and did not become dead letters",
}
DISTRIBUTION = str(Metric.CONFIDENCE)


def exposition(newest: Mapping[str, Mapping[str, Measurement]]) -> str:
    """The page that a scraper reads.

    Args:
        newest: newest measurements by tenant and metric, as `Measurements.newest` gives them.
    """
    lines: list[str] = []
    for metric, told in HELP.items():
        values = [(t, m[metric]) for t, m in sorted(newest.items()) if metric in m]
        lines += _family(str(metric), told, [(f'tenant="{_escaped(t)}"', one.value) for t, one in values if one.value is not None])
    shapes = [(t, m[DISTRIBUTION]) for t, m in sorted(newest.items()) if DISTRIBUTION in m]
    bins = [
        (f'tenant="{_escaped(t)}",bin="{b / BINS:.1f}-{(b + 1) / BINS:.1f}"', float(n))
        for t, one in shapes
        for b, n in enumerate(one.detail.get("histogram", ()))
    ]
    lines += _family(DISTRIBUTION, "Answers of 24 hours by confidence, in bins of a tenth", bins)
    means = [(f'tenant="{_escaped(t)}"', one.value) for t, one in shapes if one.value is not None]
    lines += _family("ai_confidence_mean", "Mean confidence of the answers of 24 hours", means)
    errors = [(f'tenant="{_escaped(t)}"', float(one.detail["ece"])) for t, one in shapes if one.detail.get("ece") is not None]
    lines += _family("ai_confidence_calibration_error", "Expected calibration error against what people said", errors)
    at = [(f'tenant="{_escaped(t)}"', max(one.at for one in m.values()).timestamp()) for t, m in sorted(newest.items()) if m]
    lines += _family("enrichment_measured_timestamp_seconds", "When enrichment was last measured", at)
    return "\n".join(lines) + "\n" if lines else ""


def _family(name: str, told: str, samples: Iterable[tuple[str, float]]) -> list[str]:
    rows = [f"{name}{{{labels}}} {value:.10g}" if name[-7:] != "seconds" else f"{name}{{{labels}}} {value:.3f}" for labels, value in samples]
    return [f"# HELP {name} {told}.", f"# TYPE {name} gauge", *rows] if rows else []


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
