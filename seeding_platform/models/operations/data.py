"""What models would be trained on now: versions of their tables, and how many of the rows have a label."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from seeding_platform.models.frames import frame_of

if TYPE_CHECKING:
    import polars as pl

    from seeding_platform.models.operations.checking import Data
    from seeding_platform.models.spec import ModelSpec
    from seeding_platform.storage.lake import Lake


def ready(lake: Lake, spec: ModelSpec) -> bool:
    """Whether every table that a model reads is there."""
    return all(lake.exists(f"quality/{name}") for name in spec.inputs)


def data_version(lake: Lake, spec: ModelSpec) -> str:
    """Versions of the tables that a model is made of."""
    return ",".join(f"{name}@{lake.version(f'quality/{name}')}" for name in spec.inputs if lake.exists(f"quality/{name}"))


def data_of(lake: Lake, spec: ModelSpec, tenant: str) -> Data:
    """What a model of a tenant would be trained on; its frame is built once, and only when its rows are counted or judged."""
    from seeding_platform.models.operations.checking import Data  # dear to import, and not needed to load definitions

    @cache
    def frame() -> pl.DataFrame:
        return frame_of(spec, {name: lake.read(f"quality/{name}", tenant=tenant) for name in spec.inputs})

    return Data(data_version(lake, spec), lambda: labelled(spec, frame()), frame)


def labelled(spec: ModelSpec, frame: pl.DataFrame) -> int:
    """Rows with a label that are not made up, each content once: what training counts as well."""
    from seeding_platform.models.operations.drifting import real_rows

    return real_rows(spec, frame).height
