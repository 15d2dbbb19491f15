"""Labels as they are brought, read as the model reads its own; what is no label is told apart, and costs the others nothing."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from seeding_platform.models.kinds import Kind
from seeding_platform.models.learning.reading import labels as as_read
from seeding_platform.models.operations.serving import NothingServes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeding_platform.models.operations.bench import Bench
    from seeding_platform.models.operations.serving import Predictor
    from seeding_platform.models.spec import ModelSpec
    from seeding_platform.storage.ml.predictions import Label, Labelled
    from seeding_platform.storage.ml.whose import Whose

AHEAD = dt.timedelta(minutes=5)
"""How far the clock of whoever brings a label may be ahead of ours."""
_NUMBERS = (Kind.REGRESSION, Kind.COUNTS)


@dataclass(frozen=True, slots=True)
class Brought:
    """What became of labels that were brought.

    Args:
        kept: what became of those that are labels.
        refused: ids of those that are none, each with why.
        new_class: ids whose label is taken, and a class that the version that answered does not know.
    """

    kept: Labelled
    refused: tuple[tuple[str, str], ...]
    new_class: tuple[str, ...]


def brought(bench: Bench, predictor: Predictor, given: Sequence[Label], *, tenant: str) -> Brought:
    """Put labels to their predictions.

    Args:
        bench: what work on models shares.
        predictor: knows what a version that answered predicts.
        given: the labels.
        tenant: whose predictions.
    """
    now = bench.now()
    asked = bench.predictions.asked([one.prediction_id for one in given], tenant=tenant)
    readers = {at: Reader.of(predictor, *at) for at in set(asked.values())}
    plain = Reader(None, ())
    good: list[Label] = []
    refused: list[tuple[str, str]] = []
    new: dict[str, Whose] = {}
    for one in given:
        reader = readers[asked[one.prediction_id]] if one.prediction_id in asked else plain
        value, why = reader.read(one.actual)
        if one.observed_at > now + AHEAD:
            why = "it is from the future"
        if why:
            refused.append((one.prediction_id, why))
            continue
        good.append(dataclasses.replace(one, actual=value))
        if reader.classes and value not in reader.classes:
            new[one.prediction_id] = asked[one.prediction_id][0]
    kept = bench.predictions.label(good, tenant=tenant, now=now)
    taken = set(kept.taken)
    new = {prediction_id: whose for prediction_id, whose in new.items() if prediction_id in taken}
    for whose in dict.fromkeys(new.values()):
        bench.alert("new_class", whose, labels=sum(1 for other in new.values() if other == whose))
    return Brought(kept, tuple(refused), tuple(new))


class Reader:
    """Reads labels of one version.

    Args:
        spec: its specification; None where it cannot be loaded any more.
        classes: that it knows.
    """

    def __init__(self, spec: ModelSpec | None, classes: Sequence[str]) -> None:
        self.spec, self.classes = spec, tuple(classes)
        self._known: dict[tuple[type, Any], tuple[Any, str]] = {}

    @classmethod
    def of(cls, predictor: Predictor, whose: Whose, version: str) -> Reader:
        """Of a version that answered; one that must not serve any more still gets its labels, as they come."""
        try:
            spec, model = predictor.loaded(whose, version)
        except NothingServes:
            return cls(None, ())
        return cls(spec, model.classes or ())

    def read(self, actual: Any) -> tuple[Any, str]:
        """The label as it is kept, and why it is none; each value is read once."""
        key = (type(actual), actual)
        if key not in self._known:
            self._known[key] = self._read(actual)
        return self._known[key]

    def _read(self, actual: Any) -> tuple[Any, str]:
        if isinstance(actual, float) and not math.isfinite(actual):
            return None, "it is no finite number"
        if self.spec is not None and self.spec.kind in _NUMBERS:
            return _number(actual, counts=self.spec.kind is Kind.COUNTS)
        text = str(actual) if type(actual) is int else as_read(pl.Series([actual]))[0]
        return (None, "it has no value") if text is None else (self._class(text), "")

    def _class(self, text: str) -> str:
        """The class that is meant: as it is written, else the only one that differs by capitals or by how a number is written."""
        if text in self.classes:
            return text
        alike = [c for c in self.classes if c.casefold() == text.casefold() or (_figure(c) is not None and _figure(c) == _figure(text))]
        return alike[0] if len(alike) == 1 else text


def _number(actual: Any, *, counts: bool) -> tuple[Any, str]:
    if actual is None or (isinstance(actual, str) and not actual.strip()):
        return None, "it has no value"
    value = _figure(str(actual).strip()) if isinstance(actual, str) else float(actual)
    if value is None or not math.isfinite(value):
        return None, "it is no finite number"
    return (None, "it is below 0, and counts are not") if counts and value < 0 else (value, "")


def _figure(text: str) -> float | None:
    """The number that a text is, as tables are read."""
    found: float | None = pl.Series([text]).cast(pl.Float64, strict=False)[0]
    return found
