"""Questions answered by the version that serves: loaded once, checked, its answers kept so that labels find them. A shadow answers beside it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
import math
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from seeding_platform.errors import ContractBroken, PermanentError, SeedingError, TransientError
from seeding_platform.models.deploying import log_trouble
from seeding_platform.models.kinds import Kind
from seeding_platform.models.operations.scoring import opened
from seeding_platform.models.promotion.arms import arm
from seeding_platform.models.registry import withdrawn
from seeding_platform.storage.ml.predictions import Prediction

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seeding_platform.models.learning.trained import Trained
    from seeding_platform.models.operations.bench import Bench
    from seeding_platform.models.spec import ModelSpec
    from seeding_platform.storage.ml.whose import Whose

MOST_ROWS = 10_000
HELD = 24
"""Versions that stay loaded."""
ASKED_AGAIN = dt.timedelta(seconds=30)


class NothingServes(PermanentError):
    """No version of the model serves."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer.

    Args:
        prediction_id: whoever brings the label names it.
        value: the prediction: a number, or a label.
        version: whose answer it is.
        probabilities: of each label, where there are labels.
    """

    prediction_id: str
    value: Any
    version: str
    probabilities: Mapping[str, float] | None


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers of one request; `version` is what serves, while a shadow may have answered its share of the rows."""

    version: str
    answers: tuple[Answer, ...]


class Predictor:
    """Answers questions.

    Args:
        bench: what work on models shares.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self._held: OrderedDict[tuple[str, str], tuple[ModelSpec, Trained, dt.datetime]] = OrderedDict()
        self._again_at: dict[tuple[str, str], dt.datetime] = {}  # when a shadow that cannot be loaded is tried again
        self._turn = threading.Lock()

    def answer(self, whose: Whose, rows: Sequence[Mapping[str, Any]]) -> Answers:
        """Predict rows, and keep what was answered.

        Args:
            whose: the model.
            rows: features by name, one mapping a row; a feature that is missing counts as unknown.

        Raises:
            NothingServes: no version serves, or the one that does was trained on somebody who must not be in it any more.
            PermanentError: too many rows, or a name that is no feature.
            ContractBroken: a value is none of its feature's kind; names row and column.
            TransientError: the registry or its storage does not answer.
        """
        standing = self.bench.standings.one(whose)
        if standing is None or standing.version is None:
            raise NothingServes(f"No version of {whose.registered} serves.", fix="Train it, and see what its gate says.")
        if not 0 < len(rows) <= MOST_ROWS:
            raise PermanentError(f"{len(rows)} rows.", fix=f"Ask for 1 to {MOST_ROWS} rows at a time.")
        try:
            spec, model = self.loaded(whose, standing.version)
        except NothingServes:
            self._missed(whose, standing.version, len(rows))
            raise
        frame = _frame(spec, rows)
        served = self._served(whose, standing.version, spec, model, frame, rows)
        beside = self._beside(whose, standing.shadow, rows)
        now = self.bench.now()
        kept, answers = [], []
        for i, (row, (value, score, probabilities)) in enumerate(zip(rows, served, strict=True)):
            content = json.dumps(dict(row), sort_keys=True, default=str)
            marked = hashlib.sha256(content.encode()).hexdigest()
            main = (standing.version, value, score)
            other = None if standing.shadow is None else (standing.shadow, None, None) if beside is None else (standing.shadow, *beside[i][:2])
            probable, taken = probabilities, "champion"
            if beside is not None and other is not None and standing.shadow_share > 0:
                shares = {"champion": 1 - standing.shadow_share, "shadow": standing.shadow_share}
                taken = arm(marked, salt=f"{whose.registered}@{standing.shadow}", shares=shares)
                if taken == "shadow":
                    main, other, probable = other, main, beside[i][2]
            prediction_id = f"prd_{self.bench.new_id()}"
            kept.append(
                Prediction(
                    prediction_id=prediction_id, whose=whose, version=main[0], features_sha256=marked, value=main[1], predicted_at=now,
                    arm="shadow" if taken == "shadow" else "champion", score=main[2], other_version=other[0] if other else None,
                    other_value=other[1] if other else None, other_score=other[2] if other else None,
                )
            )  # fmt: skip
            answers.append(Answer(prediction_id, main[1], main[0], probable))
        self.bench.predictions.keep(kept)
        return Answers(standing.version, tuple(answers))

    def loaded(self, whose: Whose, version: str) -> tuple[ModelSpec, Trained]:
        """A version, loaded once and checked then; that it may serve is asked again every half minute.

        Raises:
            NothingServes: it cannot be loaded or must not serve, and why.
            TransientError: the registry or its storage does not answer.
        """
        key, now = (whose.registered, version), self.bench.now()
        with self._turn:
            held = self._held.get(key)
            if held is not None and now - held[2] < ASKED_AGAIN:
                self._held.move_to_end(key)
                return held[0], held[1]
            try:
                spec, model = opened(self.bench.registry, *key) if held is None else (held[0], held[1])
                if held is not None:
                    found = self.bench.registry.version(*key)
                    if found is None or withdrawn(found.tags):
                        del self._held[key]
                        raise NothingServes(f"{key[0]} version {version} must not serve any more.", fix="Train it anew.")
            except (NothingServes, TransientError):
                raise
            except SeedingError as error:
                raise NothingServes(error.what, fix="Train it anew, or roll it back.") from error
            self._held[key] = (spec, model, now)
            while len(self._held) > HELD:
                self._held.popitem(last=False)
            return spec, model

    def _served(
        self, whose: Whose, version: str, spec: ModelSpec, model: Trained, frame: pl.DataFrame, rows: Sequence[Mapping[str, Any]]
    ) -> list[tuple[Any, float | None, dict[str, float] | None]]:
        """What the version says; where it fails, that is kept too, for whoever watches it."""
        try:
            return self._said(spec, model, frame)
        except ContractBroken:
            raise  # the rows are at fault
        except Exception:
            self._missed(whose, version, len(rows))
            raise

    def _missed(self, whose: Whose, version: str, many: int) -> None:
        """Keep that a version was to answer and did not."""
        now = self.bench.now()
        failed = Prediction(prediction_id="", whose=whose, version=version, features_sha256="", value=None, predicted_at=now, failed=True)
        self.bench.predictions.keep([dataclasses.replace(failed, prediction_id=f"prd_{self.bench.new_id()}") for _ in range(many)])

    def _beside(self, whose: Whose, shadow: str | None, rows: Sequence[Mapping[str, Any]]) -> list[tuple[Any, float | None, Any]] | None:
        """What the shadow says; one that cannot answer takes nothing from anybody, and its gap is seen in what is kept of it."""
        if shadow is None:
            return None
        again = self._again_at.get((whose.registered, shadow))
        if again is not None and self.bench.now() < again:
            return None
        try:
            spec, model = self.loaded(whose, shadow)
        except Exception as error:  # whatever is wrong with it, the champion answers
            log_trouble(whose, error)
            self._again_at[whose.registered, shadow] = self.bench.now() + ASKED_AGAIN
            return None
        try:
            return self._said(spec, model, _frame(spec, rows))
        except Exception as error:  # likewise
            log_trouble(whose, error)
            return None

    @staticmethod
    def _said(spec: ModelSpec, model: Trained, frame: pl.DataFrame) -> list[tuple[Any, float | None, dict[str, float] | None]]:
        """Value, score of the positive label, and probabilities of each row."""
        import numpy as np

        from seeding_platform.models.learning.trained import positive_class, said

        scores = model.scores(spec, frame)
        values = [v.item() if hasattr(v, "item") else v for v in said(model, scores)]
        if not model.classes:
            wrong = next((v for v in values if isinstance(v, float) and not math.isfinite(v)), None)
            if wrong is not None:
                raise PermanentError(f"{spec.name} answered {wrong}, which is no number.", fix="Roll it back to the version before.")
            return [(v, None, None) for v in values]
        if not np.isfinite(scores).all():
            raise PermanentError(f"{spec.name} answered a probability that is no number.", fix="Roll it back to the version before.")
        place = positive_class(spec, model.classes) if spec.kind is Kind.CLASSIFICATION and len(model.classes) == 2 else None
        told: list[tuple[Any, float | None, dict[str, float] | None]] = []
        for value, row in zip(values, scores.tolist(), strict=True):
            told.append((value, None if place is None else row[place], dict(zip(model.classes, row, strict=True))))
        return told


def _frame(spec: ModelSpec, rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Rows as a frame of the features; numbers, texts and truth as they were sent."""
    unknown = sorted({name for row in rows for name in row} - set(spec.features))
    if unknown:
        raise PermanentError(f"{spec.name} has no feature {unknown[0]!r}.", fix=f"Its features are {', '.join(spec.features)}.")
    columns: dict[str, list[Any]] = {name: [row.get(name) for row in rows] for name in spec.features}
    try:
        return pl.DataFrame({name: pl.Series(name, _alike(values), strict=False) for name, values in columns.items()})
    except UnicodeEncodeError as error:  # half of a surrogate pair, which JSON can hold
        raise PermanentError(f"{spec.name}: a text holds what is no character.", fix="Send it as Unicode.") from error


def _alike(values: list[Any]) -> list[Any]:
    """Values of one type: numbers as they are, anything mixed as text."""
    kinds = {type(v) for v in values if v is not None}
    if kinds <= {int, float} or kinds <= {bool} or kinds <= {str}:
        return [float(v) if kinds == {int, float} and v is not None else v for v in values]
    return [None if v is None else str(v) for v in values]
