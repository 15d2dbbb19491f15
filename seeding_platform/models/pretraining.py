"""The pre-training of one model for one tenant: enough rows, changed data, better than the dummy, only then registered."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from seeding_platform import __version__
from seeding_platform.models import evaluate, split_rows, train
from seeding_platform.models.registry import withdrawn
from seeding_platform.models.reweighing import reweighing
from seeding_platform.models.weighing import DOCUMENT
from seeding_platform.storage.content import content_sha256

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    import polars as pl

    from seeding_platform.models import Evaluation, ModelSpec
    from seeding_platform.models.registry import Registry
    from seeding_platform.models.reweighing import Reweighing


class Outcome(StrEnum):
    """How a training ended."""

    REGISTERED = "registered"
    NOT_BETTER = "not_better"
    TOO_FEW_ROWS = "too_few_rows"
    NO_CHANGE = "no_change"


@dataclass(frozen=True, slots=True)
class Trained:
    """What one training came to.

    Args:
        model: registered name, `<tenant>.<model>`.
        outcome: how it ended.
        says: one sentence for people.
        version: the version that serves now, if any.
        evaluation: figures on held-out rows, where a model was fitted.
        reweighing: what the weights of the training rows did, where the specification asks for them.
    """

    model: str
    outcome: Outcome
    says: str
    version: str | None
    evaluation: Evaluation | None = None
    reweighing: Reweighing | None = None


def pretrain(
    spec: ModelSpec, frame: pl.DataFrame, registry: Registry, *, tenant: str, lineage: Mapping[str, str], seed: int = 0, now: dt.datetime
) -> Trained:
    """Train, evaluate and, if it is better than the dummy, register a model.

    Unchanged data, specification and code mean no fit. A model that is not better is not registered, and what serves
    stays.

    Args:
        spec: the model.
        frame: training frame of one tenant.
        registry: where versions are kept.
        tenant: whose data it is.
        lineage: pinned input versions and run id, written as tags.
        seed: of the fit.
        now: when.
    """
    name = f"{tenant}.{spec.name}"
    real = frame.filter(~frame["synthetic"]).height
    if real < spec.minimum_rows:
        return Trained(name, Outcome.TOO_FEW_ROWS, f"{real} labelled rows, {spec.minimum_rows} are needed", None)
    data = content_sha256(frame)
    champion = registry.champion(name)
    current = None if champion is None or withdrawn(champion.tags) else champion  # one that must not serve counts as none
    same = {"data_sha256": data, "spec": spec.digest(), "code_version": __version__}
    if current is not None and all(current.tags.get(k) == v for k, v in same.items()):
        return Trained(name, Outcome.NO_CHANGE, f"version {current.version} was trained on exactly this data", current.version)
    train_rows, test_rows = split_rows(spec, frame)
    model = train(spec, train_rows, seed=seed)
    judged = evaluate(model, spec, test_rows, seed=seed)
    weighed = reweighing(spec, model, train_rows=train_rows, test_rows=test_rows, seed=seed)
    figures = judged.says()
    if not judged.beats_baseline(spec):
        return Trained(name, Outcome.NOT_BETTER, f"not registered: {figures}", current.version if current else None, judged, weighed)
    time = spec.time or spec.split.column
    span = {"from": str(frame[time].min()), "to": str(frame[time].max())} if time else {}
    tags = {
        **same,
        **{f"data_{k}": v for k, v in span.items()},
        **lineage,
        "tenant": tenant,
        "rows": str(frame.height),
        "trained_at": now.isoformat(),
    }
    documents = {"spec.json": spec.model_dump_json(indent=1), "evaluation.json": json.dumps(judged.as_dict(), indent=1)}
    if weighed is not None:
        documents[DOCUMENT] = json.dumps(asdict(weighed), indent=1)
    version = registry.register(
        name,
        model,
        metrics={k.replace("@", "_at_"): f.value for k, f in judged.metrics.items() if f.value is not None},
        params={"seed": str(seed), "features": json.dumps(list(spec.features))[:500]},
        tags=tags,
        documents=documents,
    )
    registry.serve(name, version.version)
    return Trained(name, Outcome.REGISTERED, f"version {version.version}: {figures}", version.version, judged, weighed)
