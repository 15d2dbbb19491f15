"""What was made when and of what, as Dagster recorded it, for the export of lineage."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import polars as pl

from seeding_platform import __version__
from seeding_platform.catalog import LANDED
from seeding_platform.catalog.engine import shipped_engines
from seeding_platform.defs.platform import Platform
from seeding_platform.governance.lineage import Columns, bundle_columns, clean_columns, fields_by_name, quality_columns, raw_columns
from seeding_platform.governance.openlineage import Counts, Dataset, Made, broken, run_event
from seeding_platform.models import shipped_spec

PRODUCER = f"urn:seeding-platform:{__version__}"
PAGE = 500


def all_columns(platform: Platform) -> dict[str, Columns]:
    """What every column of every table, bundle and model is made of, as far as declarations tell."""
    found: dict[str, Columns] = {}
    for name, contract in LANDED.items():
        found[f"raw/{name}"] = raw_columns(contract, platform.sources)
        found[f"clean/{name}"] = clean_columns(contract)
        found[f"quality/{name}"] = quality_columns(contract, platform.personal_data(contract))
    found |= {f"bundle/{name}": bundle_columns(engine) for name, engine in shipped_engines().items()}
    spec = shipped_spec("content_performance")
    return found | {f"model/{spec.name}": fields_by_name(spec.columns(), list(spec.inputs))}


def datasets_of(defs: dg.Definitions, columns: dict[str, Columns]) -> tuple[dict[str, Dataset], dict[str, list[str]]]:
    """Every asset as a dataset, and the names of those that each is made of."""
    datasets: dict[str, Dataset] = {}
    inputs: dict[str, list[str]] = {}
    for spec in defs.resolve_all_asset_specs():
        name = "/".join(spec.key.path)
        declared = spec.metadata.get("dagster/column_schema")
        schema = getattr(declared, "schema", declared)
        fields = [(c.name, c.type or "", c.description or "") for c in schema.columns] if isinstance(schema, dg.TableSchema) else []
        datasets[name] = Dataset(name, fields, columns.get(name, {}), list(spec.owners), spec.description or "")
        inputs[name] = sorted("/".join(dep.asset_key.path) for dep in spec.deps)
    return datasets, inputs


def materialisations(instance: dg.DagsterInstance, inputs: dict[str, list[str]], *, since: dt.datetime | None = None) -> Iterator[Made]:
    """What was made, asset by asset and the oldest first; what was reported beside a run has an id of its own."""
    for name in sorted(inputs):
        key = dg.AssetKey(name.split("/"))
        chosen = dg.AssetRecordsFilter(asset_key=key, after_timestamp=since.timestamp() if since else None)
        cursor = None
        while True:
            page = instance.fetch_materializations(chosen, limit=PAGE, cursor=cursor, ascending=True)
            for record in page.records:
                event = record.asset_materialization
                count = event.metadata.get("dagster/row_count") if event is not None else None
                rows = int(str(count.value)) if count is not None else None
                run_id = record.run_id or str(uuid.uuid5(uuid.NAMESPACE_URL, f"{PRODUCER}/{name}/{record.storage_id}"))
                yield Made(name, inputs[name], run_id, dt.datetime.fromtimestamp(record.timestamp, tz=dt.UTC), rows)
            if not page.has_more:
                break
            cursor = page.cursor


def counts_of(platform: Platform, table: str) -> Counts | None:
    """Rows and missing values of a lake table as it stands; None for what is none."""
    if not platform.lake.exists(table):
        return None
    found = platform.lake.read(table).select(pl.len().alias("_rows"), pl.all().null_count()).collect().row(0, named=True)
    return Counts(int(found.pop("_rows")), {name: int(n) for name, n in found.items()})


def exported(platform: Platform, defs: dg.Definitions, instance: dg.DagsterInstance, target: Path, *, since: dt.datetime | None = None) -> int:
    """Write an OpenLineage event a line for every materialisation; returns how many.

    Raises:
        ValueError: an event lacks what the specification requires; nothing was written.
    """
    datasets, inputs = datasets_of(defs, all_columns(platform))
    counts: dict[str, Counts] = {}
    for table in sorted({t for names in inputs.values() for t in names}):
        if (found := counts_of(platform, table)) is not None:
            counts[table] = found
    lines = []
    for made in materialisations(instance, inputs, since=since):
        event = run_event(made, datasets, counts, producer=PRODUCER)
        if wrong := broken(event):
            raise ValueError(f"{made.output}: {'; '.join(wrong)}")
        lines.append(json.dumps(event, ensure_ascii=False))
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".part")
    partial.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    partial.replace(target)
    return len(lines)
