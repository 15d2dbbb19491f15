"""Raw assets of sources: one key `raw/<source>__<stream>` each, the rows as read, rejects beside them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg

from seeding_platform.catalog.contract import RAW_LINEAGE
from seeding_platform.connectors import FileSourceSpec
from seeding_platform.connectors.batches import closed, land_partition
from seeding_platform.connectors.files import read_file
from seeding_platform.connectors.landing import LandedBatch, LandedFile, fingerprinted, require_columns, source_rows
from seeding_platform.connectors.shown import headers_shown
from seeding_platform.defs.automation import follow_upstream
from seeding_platform.defs.describe import stage, written_metadata
from seeding_platform.defs.platform import Platform
from seeding_platform.errors import PermanentError, SourceUnreadable, TransientError

REJECTS_SHOWN = 20


def files_partitions(spec: FileSourceSpec) -> dg.DynamicPartitionsDefinition:
    """The landed files of a source, keyed by name and content."""
    return dg.DynamicPartitionsDefinition(name=f"files__{spec.label}")


def source_asset(spec: FileSourceSpec) -> dg.AssetsDefinition:
    """The raw asset of a source: unpartitioned for a fixed file, a partition a file for the landing folder."""
    return _fixed_file(spec) if spec.path is not None else _landed_files(spec)


def _shared(spec: FileSourceSpec) -> dict[str, Any]:
    fed = ", ".join(f"raw/{m.contract}" for m in spec.tables)
    key = dg.AssetKey(["raw", spec.label])
    return {
        "key": key,
        "group_name": "raw",
        "kinds": {spec.format, "deltalake"},
        "owners": ["team:data-platform"],
        "description": f"Rows of source {spec.name} as read ({spec.format}, {spec.mode}), for {fed}.",
        "metadata": {
            "dagster/column_schema": dg.TableSchema(
                columns=[dg.TableColumn(c, "String", description="As the source gives it") for m in spec.tables for c in m.columns.values()]
                + [dg.TableColumn(n, str(c.dtype), description=c.description) for n, c in RAW_LINEAGE.items() if n.startswith("_")]
            ),
            "mode": spec.mode,
            "tenant": spec.tenant,
        },
        "code_version": str(abs(hash_of(spec))),
        "tags": {"seeding/source": spec.name},
        "retry_policy": dg.RetryPolicy(max_retries=2, delay=5),
        "check_specs": [
            dg.AssetCheckSpec("readable", asset=key, description="The file could be read as its source declares it"),
            dg.AssetCheckSpec("no_rejects", asset=key, description="Every record could be split into columns"),
        ],
        "pool": f"raw__{spec.label}",
        "op_tags": stage("source"),
    }


def hash_of(spec: FileSourceSpec) -> int:
    """A number that changes with the declaration and with nothing else."""
    import zlib

    return zlib.crc32(spec.model_dump_json().encode())


def _fixed_file(spec: FileSourceSpec) -> dg.AssetsDefinition:
    @dg.asset(**_shared(spec), automation_condition=follow_upstream())
    def source(platform: dg.ResourceParam[Platform]):  # noqa: ANN202 - Dagster reads a return annotation as types of outputs
        path = Path(spec.path or "")
        path = path if path.is_absolute() else platform.settings.samples / path
        table = platform.lake.uri(spec.table)
        if (says := closed(platform.state, spec.tenant)) and platform.lake.exists(spec.table):
            yield dg.MaterializeResult(metadata={"kept_version": platform.lake.version(spec.table), "why": says})
            yield dg.AssetCheckResult(check_name="readable", passed=True, description=says)
            yield dg.AssetCheckResult(check_name="no_rejects", passed=True, severity=dg.AssetCheckSeverity.WARN)
            return
        try:
            if says:
                raise SourceUnreadable(path.name, says)
            file = fingerprinted(path) if path.is_file() else LandedFile(path, path.name, "")
            content = read_file(path, spec)
            extra = require_columns(content, spec, path.name)
        except SourceUnreadable as error:
            if not platform.lake.exists(spec.table):
                raise dg.Failure(str(error), allow_retries=False) from error
            # the file is refused, the rows of its last good state stay in force and the tables below go on
            yield dg.MaterializeResult(metadata={"kept_version": platform.lake.version(spec.table), "why": str(error)})
            yield dg.AssetCheckResult(check_name="readable", passed=False, description=str(error))
            yield dg.AssetCheckResult(check_name="no_rejects", passed=True, severity=dg.AssetCheckSeverity.WARN)
            return
        batch = file.batch(spec.tenant, spec)
        frame = platform.admit(source_rows(content, source=spec.label, batch=batch, tenant=spec.tenant, now=platform.now()), spec.tenant)
        written = platform.lake.overwrite(spec.table, frame)
        landed = LandedBatch(written, content.rows.height, content.rejects, tuple(extra), content.warnings)
        yield from _results(landed, path.name, {**written_metadata(written, table), "file": path.name, "batch": batch})

    return source


def _landed_files(spec: FileSourceSpec) -> dg.AssetsDefinition:
    @dg.asset(**_shared(spec), partitions_def=files_partitions(spec))
    def source(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]):  # noqa: ANN202 - as above
        settings, key = platform.settings, context.partition_key
        again = context.run.tags.get("seeding/again") == key
        try:
            done = land_partition(
                key,
                spec,
                lake=platform.lake,
                state=platform.state,
                landing=settings.landing,
                spool=settings.spool,
                now=platform.now(),
                again=again,
                admit=platform.taken_in,
            )
        except PermanentError as error:
            yield dg.AssetCheckResult(check_name="readable", passed=False, description=str(error))
            raise dg.Failure(str(error), allow_retries=False) from error
        except TransientError as error:
            raise dg.Failure(str(error)) from error
        if done.landed is None:
            yield dg.MaterializeResult(metadata={"says": done.says})
            yield dg.AssetCheckResult(check_name="readable", passed=True, description=done.says)
            yield dg.AssetCheckResult(check_name="no_rejects", passed=True, severity=dg.AssetCheckSeverity.WARN)
            return
        facts = written_metadata(done.landed.written, platform.lake.uri(spec.table))
        yield from _results(done.landed, key.split("@")[0], {**facts, "file": key.split("@")[0], "batch": key, "says": done.says})

    return source


def _results(landed: LandedBatch, file: str, metadata: dict[str, Any]) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
    warnings = list(landed.warnings)
    if landed.extra_columns:
        warnings.append(f"{file}: {len(landed.extra_columns)} columns are kept raw but mapped nowhere: {headers_shown(landed.extra_columns)}")
    yield dg.MaterializeResult(metadata={**metadata, "dagster/row_count": landed.rows, "rejects": len(landed.rejects), "warnings": warnings})
    yield dg.AssetCheckResult(check_name="readable", passed=True, description="; ".join(warnings) or "read as declared")
    shown = [f"{file}, line {r.line}: {r.message}" for r in landed.rejects[:REJECTS_SHOWN]]
    yield dg.AssetCheckResult(
        check_name="no_rejects",
        passed=not landed.rejects,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(shown) or "none",
        metadata={"rejects": len(landed.rejects)},
    )
