"""From files to clean tables without Dagster: what tests of cleaning and models start from."""

import datetime as dt
from pathlib import Path

import polars as pl

from seeding_platform.catalog import LANDED
from seeding_platform.cleaning import CleaningPolicy, CleaningResult, clean
from seeding_platform.connectors import FileSourceSpec
from seeding_platform.connectors.files import read_file
from seeding_platform.connectors.landing import fingerprinted, source_rows
from seeding_platform.connectors.mapping import mapped, union
from seeding_platform.connectors.sources import load_sources, read_source, shipped_files
from seeding_platform.governance.protection.policy import kept_personal, load_pii_policy
from seeding_platform.quality import assess
from seeding_platform.settings import project_root

SAMPLES = project_root() / "data" / "samples"
NOW = dt.datetime(2026, 11, 20, 9, 0, tzinfo=dt.UTC)


def landed(path: Path, spec: FileSourceSpec) -> pl.DataFrame:
    """A file as the rows of its source's raw table."""
    file = fingerprinted(path)
    return source_rows(read_file(path, spec), source=spec.label, batch=file.batch(spec.tenant, spec), tenant=spec.tenant, now=NOW)


def cleaned_samples(*, only: tuple[str, ...] = (), shuffle: bool = False, policy: CleaningPolicy | None = None) -> dict[str, CleaningResult]:
    """Every contract of the samples, cleaned."""
    return cleaned([(SAMPLES / str(s.path), s) for s in load_sources(shipped_files()).valid if s.path], only=only, shuffle=shuffle, policy=policy)


def cleaned(
    files: list[tuple[Path, FileSourceSpec]], *, only: tuple[str, ...] = (), shuffle: bool = False, policy: CleaningPolicy | None = None
) -> dict[str, CleaningResult]:
    """Files of some sources, cleaned contract by contract."""
    parts: dict[str, list[pl.LazyFrame]] = {}
    for path, spec in files:
        for mapping in spec.tables:
            if not only or mapping.contract in only:
                parts.setdefault(mapping.contract, []).append(mapped(landed(path, spec).lazy(), spec, mapping))
    raw = {name: union(frames, name).collect() for name, frames in parts.items()}
    return {name: clean(f.sample(fraction=1, shuffle=True, seed=5) if shuffle else f, LANDED[name], policy) for name, f in raw.items()}


def quality_tables(results: dict[str, CleaningResult]) -> dict[str, pl.LazyFrame]:
    """What would stand in the quality layer; contracts without files are empty."""
    tables = {name: contract.empty("quality").lazy() for name, contract in LANDED.items()}
    let_out = {n: kept_personal(LANDED[n], load_pii_policy(LANDED[n])) for n in results}
    return tables | {n: assess(r.kept, LANDED[n], let_out=let_out[n]).rows.lazy() for n, r in results.items()}


def example(name: str) -> FileSourceSpec:
    """A source of examples/sources."""
    return read_source(project_root() / "examples" / "sources" / f"{name}.yaml")
