"""Verdicts: the few rules by which a figure is called biased, in one place.

A figure is `biased` only where its whole 95 % interval lies beyond the limit, `ok` where the whole interval keeps it, and
`insufficient_evidence` otherwise or where there is nothing to compare. Figures without a rule are `not_judged`.
"""

from __future__ import annotations

from enum import StrEnum

FOUR_FIFTHS = 0.8
"""Least ratio to the most favoured group: the four-fifths rule (Uniform Guidelines on Employee Selection Procedures, 29 CFR 1607.4 D, 1978)."""

LARGEST_GAP = 0.1
"""Largest difference of error rates either way: the range that AI Fairness 360 calls fair (Bellamy et al. 2018)."""

LARGEST_SHIFT = 0.25
"""Largest population stability index: a significant shift lies above it (Siddiqi 2006)."""

RATIOS = frozenset(
    {
        "disparate_impact",
        "stratum_disparate_impact",
        "conditional_disparate_impact",
        "demographic_parity_ratio",
        "mean_absolute_error_ratio",
        "share_ratio",
    }
)
GAPS = frozenset({"true_positive_rate_difference", "false_positive_rate_difference", "equalized_odds_difference"})
SHIFTS = frozenset({"psi"})
SIGNS = frozenset({"simpson_reversal"})
_COMPARING = ("_difference", "_ratio", "_impact", "_distance")


class Verdict(StrEnum):
    """What may be said of a figure."""

    OK = "ok"
    BIASED = "biased"
    INSUFFICIENT_EVIDENCE = "insufficient_evidence"
    NOT_JUDGED = "not_judged"


def verdict(metric: str, value: float | None, ci_low: float | None, ci_high: float | None) -> Verdict:
    """The verdict on a figure from its 95 % interval; a limit that is None is not known.

    - Ratios: below 0.8 is biased. The ratio of mean absolute errors is the smallest to the largest.
    - Differences of true and false positive rates, and equalised odds: beyond 0.1 either way is biased.
    - Population stability index: above 0.25 is biased.
    - Simpson reversal: biased where it is there and in the whole interval; one that other rows might not show is no evidence.
    - Differences of rates are not judged beside their ratio, which answers the same question.

    >>> [verdict("disparate_impact", 0.7, low, high).value for low, high in [(0.6, 0.79), (0.6, 0.8), (0.8, 1.0), (None, None)]]
    ['biased', 'insufficient_evidence', 'ok', 'insufficient_evidence']
    """
    if value is None:
        compares = metric in RATIOS | GAPS | SHIFTS | SIGNS or metric.endswith(_COMPARING)
        return Verdict.INSUFFICIENT_EVIDENCE if compares else Verdict.NOT_JUDGED
    if metric in RATIOS:
        return _said(biased=value < FOUR_FIFTHS and ci_high is not None and ci_high < FOUR_FIFTHS, keeps=ci_low is not None and ci_low >= FOUR_FIFTHS)
    if metric in GAPS:
        return _gap(value, ci_low, ci_high)
    if metric in SHIFTS:
        return _said(biased=ci_low is not None and ci_low > LARGEST_SHIFT, keeps=ci_high is not None and ci_high <= LARGEST_SHIFT)
    if metric in SIGNS:
        return _said(biased=value == 1.0 and ci_low == 1.0, keeps=value == 0.0)
    return Verdict.NOT_JUDGED


def _gap(value: float, ci_low: float | None, ci_high: float | None) -> Verdict:
    if ci_low is None or ci_high is None:
        return Verdict.INSUFFICIENT_EVIDENCE
    nearest = ci_low if value > 0 else -ci_high
    return _said(biased=nearest > LARGEST_GAP, keeps=ci_low >= -LARGEST_GAP and ci_high <= LARGEST_GAP)


def _said(*, biased: bool, keeps: bool) -> Verdict:
    return Verdict.BIASED if biased else Verdict.OK if keeps else Verdict.INSUFFICIENT_EVIDENCE
