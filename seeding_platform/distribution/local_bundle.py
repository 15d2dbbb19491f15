"""A bundle that lies in an engine's own folder, and its rows in the form that the engine works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from seeding_platform.distribution.taken import rows_of
from seeding_platform.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seeding_platform.distribution.receipt import Announced

NUMBERS = frozenset({"int", "float", "decimal", "bool"})
BATCH_ROWS = 65_536


@dataclass(frozen=True, slots=True)
class LocalBundle:
    """A bundle that was taken and checked.

    Args:
        path: its folder.
        tenant: whose data it holds.
        engine: for whom it is.
        generation: its number.
        content_id: its name.
        rows: that were counted.
        via: full or delta.
        proof: for the acknowledgement.
        waits: it changes together with other engines, and is not to be used before `activate`.
        manifest: what was told of it.
    """

    path: Path
    tenant: str
    engine: str
    generation: int
    content_id: str
    rows: int
    via: str
    proof: str
    waits: bool
    manifest: Announced

    def scan(self) -> pl.LazyFrame:
        """The rows, lazily, with the types of the contract.

        Raises:
            Refused: libsvm has no columns.
        """
        return rows_of(self.path, self.manifest)

    def to_polars(self) -> pl.DataFrame:
        """All rows."""
        return self.scan().collect()

    def arrow_batches(self, *, most_rows: int = BATCH_ROWS) -> Iterator[Any]:
        """The rows as Arrow record batches.

        Args:
            most_rows: of a batch.

        Raises:
            ConfigError: pyarrow is not installed.
        """
        _require("pyarrow")
        yield from self.to_polars().to_arrow(compat_level=pl.CompatLevel.oldest()).to_batches(max_chunksize=most_rows)

    def to_torch(self) -> dict[str, Any]:
        """A tensor for each column of numbers, one value a row; what is missing is NaN. Texts, times and lists are left out: encode them first.

        Raises:
            ConfigError: torch is not installed.
        """
        torch = _require("torch")
        return {name: torch.from_numpy(values) for name, values in self._numbers().items()}

    def to_tf(self) -> Any:
        """A `tf.data.Dataset` of dictionaries by column, one a row: the columns of numbers, and those of text (missing: empty).

        Raises:
            ConfigError: tensorflow is not installed.
        """
        tensorflow = _require("tensorflow")
        texts = [field.name for field in self.manifest.fields if field.type == "string"]
        frame = self.scan().select(pl.col(texts).fill_null("")).collect()
        return tensorflow.data.Dataset.from_tensor_slices({**self._numbers(), **{name: frame[name].to_numpy() for name in texts}})

    def _numbers(self) -> dict[str, Any]:
        wanted = []
        for field in self.manifest.fields:
            if field.type in NUMBERS:
                exact = not field.nullable and field.type != "decimal"  # only floats have a value for what is missing
                wanted.append(pl.col(field.name) if exact else pl.col(field.name).cast(pl.Float64).fill_null(float("nan")))
        frame = self.scan().select(wanted).collect()
        return {name: frame[name].to_numpy(writable=True) for name in frame.columns}


def _require(module: str) -> Any:
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(f"{module} is not installed.", fix=f"Install {module} beside this client, or use scan() or to_polars().") from error
