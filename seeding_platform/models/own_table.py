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
    from seeding_platform.models.learning.reading import labelled, readable
    from seeding_platform.models.learning.trained import train as fit
    from seeding_platform.models.operations.rows import fingerprints

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
    files = table(learned), table(test)
    for file in files:
        readable(spec, file)
    before, held = (labelled(spec, file) for file in files)
    judged = evaluate(fit(spec, before, seed=seed), spec, held, seed=seed)
    facts: dict[str, Any] = {"train": learned.name, "test": test.name}
    known, without = set(fingerprints(spec, before)), sum(file.height for file in files) - before.height - held.height
    counted = {"also_trained_on": sum(mark in known for mark in fingerprints(spec, held)), "without_target": without}
    facts |= {name: count for name, count in counted.items() if count}
    return spec, replace(judged, split=Split(kind="given").model_dump(include={"kind", "seed"}) | facts | dict(judged.split))


def searched(spec_file: Path, *, data: Path, cpu_seconds: float, seed: int = 0) -> tuple[ModelSpec, dict[str, Any]]:
    """Parameters that do better than the trainer's own, from the rows that train.

    Args:
        spec_file: the specification (YAML).
        data: the table; what its split holds out is not looked at.
        cpu_seconds: budget.
        seed: of fits and of the order in which parameters are tried.

    Raises:
        ConfigError: the specification or the file cannot be read, or the split has several parts.
        ContractBroken: a column is missing, or a value is none of its kind.
        PermanentError: there is nothing to search by.
    """
    from seeding_platform.models.learning.reading import readable
    from seeding_platform.models.learning.search import search
    from seeding_platform.models.learning.splits import split_rows

    spec, rows = load_spec(spec_file), table(data)
    readable(spec, rows)
    return spec, search(spec, split_rows(spec, rows)[0], seed=seed, cpu_seconds=cpu_seconds)


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
    """A CSV (commas or semicolons), TSV, Parquet or JSON lines file (also gzipped).

    Raises:
        ConfigError: it cannot be read as what its name says, is no UTF-8, or two of its columns have one name.
    """
    name = path.name.lower().removesuffix(".gz")
    if not name.endswith((".csv", ".tsv")):
        return read_table(path)
    head = _first_line(path)
    separator = "\t" if name.endswith(".tsv") else ";" if head.count(";") > head.count(",") else ","
    names = next(csv.reader([head], delimiter=separator), [])
    twice = sorted({each for each in names if names.count(each) > 1})
    if twice:
        raise ConfigError(f"{path.name} has several columns called {', '.join(map(repr, twice))}.", fix="Give every column its own name.")
    return read_table(path, separator=separator)


def _first_line(path: Path) -> str:
    """The names of the columns; all of the file must be UTF-8."""
    opened = gzip.open if path.name.lower().endswith(".gz") else Path.open
    try:
        with opened(path, "rt", encoding="utf-8-sig", newline="") as stream:
            head = stream.readline()
            for _ in stream:
                pass
    except UnicodeDecodeError as error:
        fix = "Save it as UTF-8; in a spreadsheet that is the kind CSV UTF-8."
        raise ConfigError(f"{path.name} is not in UTF-8 ({error.reason}).", fix=fix) from error
    except (OSError, EOFError) as error:
        raise ConfigError(f"{path.name} cannot be read: {error}") from error
    return head
