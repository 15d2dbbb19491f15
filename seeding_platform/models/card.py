"""A model card: what a model is for, what it was learned from, how good it is and where it is not, in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeding_platform.models.kinds import MEASURES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seeding_platform.models.evaluation import Evaluation, Figure
    from seeding_platform.models.spec import ModelSpec


def model_card(spec: ModelSpec, evaluation: Evaluation, importance: Mapping[str, float], *, facts: Mapping[str, str] | None = None) -> str:
    """The card of one version.

    Args:
        spec: the model.
        evaluation: on rows that it did not see.
        importance: what each feature is worth, as `importance` gives it.
        facts: further lines, such as the version, its data and when it was trained.
    """
    parts = [f"# {spec.name}", spec.description, _facts(spec, evaluation, facts or {}), "## How good it is", _figures(evaluation)]
    parts.append(_verdict(spec, evaluation))
    for column, values in evaluation.slices.items():
        parts += [f"## By {column}", _table((column, evaluation.metric, "95 % interval", "rows"), [(v, *_cells(f)) for v, f in values.items()])]
    if evaluation.calibration is not None:
        told = evaluation.calibration
        rows = [(f"{b.low:.3f} to {b.high:.3f}", f"{b.mean_score:.3f}", f"{b.share:.3f}", str(b.n)) for b in told.bins]
        parts += [
            "## Whether probabilities are what they say",
            f"Probability of {told.of}; expected calibration error {told.ece:.3f}.",
            _table(("score", "promised", "happened", "rows"), rows),
        ]
    if importance:
        parts += [
            "## What it goes by",
            f"What {spec.metric} loses when the values of one feature are shuffled among held-out rows. Features that say the same share it.",
            _table(("feature", "loss"), [(name, f"{lost:+.4f}") for name, lost in importance.items()]),
        ]
    return "\n\n".join(p for p in parts if p) + "\n"


def _facts(spec: ModelSpec, evaluation: Evaluation, facts: Mapping[str, str]) -> str:
    predicted = f"`{spec.target}`" if spec.target else "groups of rows that are alike"
    size = "not kept" if evaluation.size_bytes is None else f"{evaluation.size_bytes / 1e6:.2f} MB"
    lines = {
        "predicts": f"{predicted} ({spec.kind})",
        "from": ", ".join(f"{name} ({kind})" for name, kind in spec.features.items()),
        "trained on": f"{evaluation.train_rows:,} rows",
        "judged by": f"{evaluation.test_rows:,} rows that it did not see ({evaluation.split.get('kind', 'given')})",
        "one prediction": f"{evaluation.latency_ms['p50']:.1f} ms (median), {evaluation.latency_ms['p99']:.1f} ms (99th percentile)",
        "size": size,
        **facts,
    }
    return "\n".join(f"- {name}: {told}" for name, told in lines.items())


def _figures(evaluation: Evaluation) -> str:
    rows = []
    for name, figure in evaluation.metrics.items():
        other = evaluation.dummy.get(name)
        says = MEASURES[name].says if name in MEASURES else "a figure of the specification's own"
        rows.append((name, *_cells(figure)[:2], "" if other is None or other.value is None else f"{other.value:.4f}", says))
    return _table(("figure", "value", "95 % interval", "dummy", "what it is"), rows)


def _verdict(spec: ModelSpec, evaluation: Evaluation) -> str:
    told = [evaluation.says() + "."]
    if spec.floor is not None:
        told.append(f"The floor of {spec.floor:g} is {'kept' if evaluation.meets_floor(spec) else 'not kept'}.")
    told.append(
        "It is used only while it beats the dummy by "
        f"{spec.standard_errors:g} standard errors, and it {'does' if evaluation.beats_baseline(spec) else 'does not'}."
        if evaluation.dummy
        else "Groups have no truth to be held to: whether they are of use people must say."
    )
    return " ".join(told)


def _cells(figure: Figure) -> tuple[str, str, str]:
    value = "?" if figure.value is None else f"{figure.value:.4f}"
    between = "not known" if figure.ci_low is None or figure.ci_high is None else f"{figure.ci_low:.4f} to {figure.ci_high:.4f}"
    return value, between, str(figure.n)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(str(c).replace("|", "\\|").replace("\n", " ") for c in cells) + " |" for cells in lines)
