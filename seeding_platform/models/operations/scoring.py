"""A whole table scored by the version that serves: batch scoring, of which nothing is kept but the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.errors import ConfigError, PermanentError
from seeding_platform.models.deploying import SPEC_DOCUMENT
from seeding_platform.models.spec import ModelSpec

if TYPE_CHECKING:
    from seeding_platform.models.learning.trained import Trained
    from seeding_platform.models.registry import Registry
    from seeding_platform.storage.ml.standing import Standings
    from seeding_platform.storage.ml.whose import Whose

_AT_ONCE = 50_000


def opened(registry: Registry, name: str, number: str) -> tuple[ModelSpec, Trained]:
    """A version's specification and its fitted model, after hash and types were checked.

    Args:
        registry: where it is.
        name: registered name.
        number: of the version.

    Raises:
        PermanentError: it is not there, must not serve, was altered, or has no specification.
        TransientError: the registry or its storage does not answer.
    """
    found, model = registry.load(name, number)
    document = registry.document(found, SPEC_DOCUMENT)
    if document is None:
        raise PermanentError(f"{name} version {number} has no {SPEC_DOCUMENT}.", fix="Train it anew.")
    return ModelSpec.model_validate_json(document), model


def serving(registry: Registry, standings: Standings, whose: Whose) -> tuple[str, ModelSpec, Trained]:
    """The version that serves, with its specification and the fitted model.

    Raises:
        PermanentError: nothing serves, or what does must not be loaded.
        TransientError: the registry or its storage does not answer.
    """
    standing = standings.one(whose)
    if standing is None or standing.version is None:
        raise PermanentError(f"No version of {whose.registered} serves.", fix="Train it, and see what its gate says.")
    return standing.version, *opened(registry, whose.registered, standing.version)


def scored_table(spec: ModelSpec, model: Trained, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with what the model says of each.

    Args:
        spec: the model.
        model: fitted.
        rows: its features, whatever else they hold.

    Returns:
        The columns as they came and `prediction` (a number in the target's unit, a label, the number of a group); with labels also `probability`
        of the one that is said, and of two labels `score`, the probability of the positive one.

    Raises:
        ConfigError: the table has a column of one of these names already.
        ContractBroken: a feature is missing, or a value is none of its kind; names row and column.
        PermanentError: there is no row.
    """
    from seeding_platform.models.learning.reading import feature_values
    from seeding_platform.models.learning.trained import positive_class, said

    added = ["prediction"] + (["probability"] if model.classes else []) + (["score"] if model.classes and len(model.classes) == 2 else [])
    if taken := [name for name in added if name in rows.columns]:
        raise ConfigError(f"The table has a column {taken[0]!r} already.", fix="Rename it: the answers stand under that name.")
    values = feature_values(spec, rows)
    parts = []
    for begin in range(0, rows.height, _AT_ONCE):
        scores = model.scores_of(values.slice(begin, _AT_ONCE))
        part = {"prediction": pl.Series(said(model, scores).tolist())}
        if model.classes:
            part["probability"] = pl.Series(scores.max(axis=1))
            if len(model.classes) == 2:
                part["score"] = pl.Series(scores[:, positive_class(spec, model.classes)])
        parts.append(pl.DataFrame(part))
    return pl.concat([rows, pl.concat(parts)], how="horizontal")
