"""The classifier that was learned from labelled history, as a provider asks it: descriptions in, a probability for each label out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeding_platform.models.learning.trained import Trained
    from seeding_platform.models.operations.bench import Bench
    from seeding_platform.models.spec import ModelSpec

MODEL = "exception_classification"


class Classifier(Protocol):
    """Knows labels of descriptions."""

    @property
    def version(self) -> str:
        """Of the model; another one makes what it said outdated."""
        ...

    def shares(self, descriptions: Sequence[str]) -> list[dict[str, float]]:
        """A probability for each label, description by description."""
        ...


@dataclass(frozen=True)
class Learned:
    """A version of the model that `models` trains.

    Args:
        spec: its specification.
        model: as it was fitted.
        version: its number in the registry.
    """

    spec: ModelSpec
    model: Trained
    version: str

    def shares(self, descriptions: Sequence[str]) -> list[dict[str, float]]:
        """A probability for each label, description by description."""
        import polars as pl

        from seeding_platform.models.frames.exception_classification import wording

        if not descriptions:
            return []
        words = pl.DataFrame({"description": [wording(text) for text in descriptions]}, schema={"description": pl.String})
        classes = self.model.classes or []
        return [dict(zip(classes, row, strict=True)) for row in self.model.scores(self.spec, words).tolist()]


def serving(bench: Bench, tenant: str) -> Learned | None:
    """The version that serves a tenant; None where none does, or the one that did must not any more.

    Where a version serves and cannot be loaded the error is raised: an outage of the registry is no reason to ask something weaker.
    """
    from seeding_platform.models.operations.serving import Predictor
    from seeding_platform.models.registry import withdrawn
    from seeding_platform.storage.ml.whose import Whose

    whose = Whose(tenant, MODEL)
    standing = bench.standings.one(whose)
    if standing is None or standing.version is None:
        return None
    found = bench.registry.version(whose.registered, standing.version)
    if found is not None and withdrawn(found.tags):
        return None
    spec, model = Predictor(bench).loaded(whose, standing.version)
    return Learned(spec, model, f"{MODEL}:{standing.version}")


def of_number(bench: Bench, tenant: str, number: str) -> Learned | None:
    """A version of a tenant's model by its number; None where it cannot be loaded, or must not answer any more."""
    from seeding_platform.models.operations.serving import NothingServes, Predictor
    from seeding_platform.models.registry import withdrawn
    from seeding_platform.storage.ml.whose import Whose

    whose = Whose(tenant, MODEL)
    found = bench.registry.version(whose.registered, number)
    if found is None or withdrawn(found.tags):
        return None
    try:
        spec, model = Predictor(bench).loaded(whose, number)
    except NothingServes:
        return None
    return Learned(spec, model, f"{MODEL}:{number}")
