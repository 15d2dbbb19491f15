"""Golden rows: a few rows with the answers that a model gave when it was made. Whoever loads it later, elsewhere, must get the same."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from seeding_platform.models.spec import ModelSpec

    Predict = Callable[[Any, ModelSpec, pl.DataFrame], Iterable[Any]]

DOCUMENT = "golden.json"
ROWS = 8
TOLERANCE = 1e-9


def golden(model: Any, spec: ModelSpec, frame: pl.DataFrame, predict: Predict) -> str:
    """The document of golden rows: features as they were asked about, and the answers.

    Args:
        model: as it was trained.
        spec: of it.
        frame: rows with its features; the first ones are taken.
        predict: gives one answer a row.
    """
    rows = frame.select(list(spec.features)).head(ROWS)
    return json.dumps({"rows": json.loads(rows.write_json()), "schema": _types(rows), "answers": _plain(predict(model, spec, rows))})


def departures(document: str, model: Any, spec: ModelSpec, predict: Predict) -> list[str]:
    """Rows on which a model no longer answers as it did; empty when it is as it was."""
    told = json.loads(document)
    rows = pl.DataFrame(told["rows"], schema={name: getattr(pl, kind) for name, kind in told["schema"].items()})
    answers = _plain(predict(model, spec, rows))
    return [
        f"golden row {i}: {now!r} instead of {then!r}"
        for i, (then, now) in enumerate(zip(told["answers"], answers, strict=True))
        if not _same(then, now)
    ]


def _types(rows: pl.DataFrame) -> dict[str, str]:
    """Types that a row keeps through JSON: numbers as numbers, truth as truth, everything else as text."""
    return {name: "Float64" if kind.is_numeric() else "Boolean" if kind == pl.Boolean else "String" for name, kind in rows.schema.items()}


def _plain(answers: Iterable[Any]) -> list[Any]:
    return [a.item() if hasattr(a, "item") else a for a in answers]


def _same(then: Any, now: Any) -> bool:
    if isinstance(then, int | float) and isinstance(now, int | float) and not isinstance(then, bool):
        return math.isclose(then, now, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return bool(then == now)
