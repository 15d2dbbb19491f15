"""A specification and a table of one's own: read, parted, judged."""

from __future__ import annotations

import csv
import gzip
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeding_platform.cleaning.files import read_table
from seeding_platform.errors import ConfigError
from seeding_platform.models.spec import Split, load_spec

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from seeding_platform.models.evaluation import Evaluation
    from seeding_platform.models.seeding_experiment import SeedingExperiment
    from seeding_platform.models.spec import ModelSpec


def judged_by_files(spec_file: Path, *, data: Path | None, train: Path | None, test: Path | None, seed: int = 0) -> tuple[ModelSpec, Evaluation]:
    """Train and judge a model on files.

    With `test`, that file is held out and `train` (else `data`) trains; without, `data` (else `train`) is parted as the specification says.

    Args:
        spec_file: the specification (YAML).
        data: the table.
        train: rows to train on.
        test: rows to be judged by.
        seed: of fits and intervals.

    Raises:
        ConfigError: the specification or a file cannot be read, or it is not said which rows are held out.
        ContractBroken: a column is missing, or a value is none of its kind.
        PermanentError: nothing can be learned from the rows.
    """
    from seeding_platform.models.learning.judging import evaluate, fit_and_evaluate
    from seeding_platform.models.learning.reading import labelled
    from seeding_platform.models.learning.trained import train as fit

    spec = load_spec(spec_file)
    learned = train or data
    if learned is None:
        raise ConfigError("There is no table to train on.", fix="Give --data FILE, or --train FILE and --test FILE.")
    if test is None:
        if spec.split.kind == "given" and spec.split.column is None:
            raise ConfigError(
                f"{spec.name}: its split is given, but not where.",
                fix="Give --test FILE, or name split.column, which says train or test in every row.",
            )
        return spec, fit_and_evaluate(spec, table(learned), seed=seed)
    before, held = labelled(spec, table(learned)), labelled(spec, table(test))
    judged = evaluate(fit(spec, before, seed=seed), spec, held, seed=seed)
    facts: dict[str, Any] = {"train": learned.name, "test": test.name}
    return spec, replace(judged, split=Split(kind="given").model_dump(include={"kind", "seed"}) | facts | dict(judged.split))


def experiment_by_files(
    spec_file: Path, *, data: Path, package: Path | None, sizes: Sequence[int], draws: int, seed: int = 0
) -> tuple[ModelSpec, SeedingExperiment]:
    """What the rows of a second file are worth to a model of the first.

    Args:
        spec_file: the specification (YAML).
        data: one's own rows; those marked `synthetic` count to the package.
        package: rows from outside.
        sizes: numbers of own labels.
        draws: how often own labels are drawn for each.
        seed: of draws and fits.

    Raises:
        ConfigError: the specification or a file cannot be read, or sizes or draws are none that can be tried.
        ContractBroken: a column is missing, or a value is none of its kind.
    """
    from seeding_platform.models.seeding_experiment import seeding_experiment

    spec = load_spec(spec_file)
    outside = None if package is None else table(package)
    return spec, seeding_experiment(spec, table(data), outside, sizes=sizes, draws=draws, seed=seed)


def table(path: Path) -> pl.DataFrame:
    """A CSV, TSV, Parquet or JSON lines file (also gzipped).

    Raises:
        ConfigError: it cannot be read as what its name says, or two of its columns have one name.
    """
    name = path.name.lower().removesuffix(".gz")
    if name.endswith((".csv", ".tsv")):
        twice = _twice(path, "\t" if name.endswith(".tsv") else ",")
        if twice:
            raise ConfigError(f"{path.name} has several columns called {', '.join(map(repr, twice))}.", fix="Give every column its own name.")
    return read_table(path)


def _twice(path: Path, delimiter: str) -> list[str]:
    """Names that stand more than once in the first line."""
    opened = gzip.open if path.name.lower().endswith(".gz") else Path.open
    with opened(path, "rt", encoding="utf-8-sig", errors="replace", newline="") as stream:
        head = next(csv.reader(stream, delimiter=delimiter), [])
    return sorted({name for name in head if head.count(name) > 1})
