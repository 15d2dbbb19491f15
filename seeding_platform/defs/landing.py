"""A user's own file and mapping, landed and carried through the graph in one go."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg

from seeding_platform.connectors import FileSourceSpec
from seeding_platform.connectors.landing import fingerprinted, spooled
from seeding_platform.connectors.sources import load_sources, parse_source, read_source, shipped_files, user_files
from seeding_platform.defs.run import RunResult, Says, land, seed
from seeding_platform.errors import ConfigError
from seeding_platform.settings import Settings


def land_file(settings: Settings, instance: dg.DagsterInstance, file: Path, source: Path, *, tenant: str | None, says: Says) -> RunResult:
    """Keep the source with the user's others, land the file as one batch of it, and run what lies below.

    Args:
        settings: where things are kept.
        instance: Dagster's instance.
        file: the user's file; its bytes are kept, so that the batch can be landed again without it.
        source: the user's mapping.
        tenant: whose data it is, where not the source's own tenant's.
        says: takes progress.

    Raises:
        ConfigError: the mapping is refused, or its name is taken by another.
    """
    return _landed(settings, instance, file, kept_source(settings, source), tenant=tenant, says=says)


def land_export(settings: Settings, instance: dg.DagsterInstance, file: Path, *, tenant: str | None, says: Says) -> RunResult:
    """Land an ad platform's export, which needs no mapping, and run what lies below.

    Raises:
        ExportRefused: the file cannot be trusted; nothing was started.
    """
    from seeding_platform.connectors.exports import read_export

    read_export(file)
    spec = next(s for s in load_sources(shipped_files()).valid if s.format == "ad_export")
    return _landed(settings, instance, file, spec, tenant=tenant, says=says)


def _landed(settings: Settings, instance: dg.DagsterInstance, file: Path, spec: FileSourceSpec, *, tenant: str | None, says: Says) -> RunResult:
    checked = spec.model_validate({**spec.model_dump(), "tenant": tenant}) if tenant else spec
    landed = fingerprinted(file)
    spooled(landed, settings.spool)
    key = landed.batch(checked.tenant, spec)
    says(f"Landing {file.name} as {key} of source {spec.name}")
    first = land(settings, instance, spec.label, key, says=says)
    if not first.success:
        return first
    below = seed(settings, instance, says=says, below=[dg.AssetKey(["raw", spec.label])])
    return replace(below, failed_checks=(*first.failed_checks, *below.failed_checks), seconds=first.seconds + below.seconds)


def kept_source(settings: Settings, source: Path) -> FileSourceSpec:
    """A user's source, copied to the sources folder so that later runs and the web UI know it too."""
    spec = read_source(source)
    if spec.files is None:
        raise ConfigError(
            f"{source.name}: a source that lands files needs files:, not path:.", fix="Give a pattern of file names, such as ads_*.csv."
        )
    kept = settings.sources / f"{spec.name}.yaml"
    if kept.exists() and kept.samefile(source):
        return spec
    others = [f for f in (*shipped_files(), *user_files(settings.sources)) if f != kept]
    taken = [s for s in load_sources(others).valid if s.label == spec.label]
    if taken:
        raise ConfigError(f"{source.name}: the name {spec.name!r} is taken by another source.", fix="Choose another name: in the file.")
    if kept.exists():
        _refuse_other_meaning(kept, spec)
    settings.sources.mkdir(parents=True, exist_ok=True)
    partial = kept.with_name(f".{kept.name}.part")
    shutil.copyfile(source, partial)
    partial.replace(kept)
    return spec


def _refuse_other_meaning(kept: Path, spec: FileSourceSpec) -> None:
    """A source may be edited; it may not turn into another one whose earlier rows would be read by the wrong mapping."""
    before: Any = parse_source(kept.read_text(encoding="utf-8"), kept.name)
    if (before.format, before.mode) != (spec.format, spec.mode):
        raise ConfigError(
            f"A source {spec.name!r} with format {before.format} and mode {before.mode} exists already in {kept}.",
            fix="Choose another name:, or edit that file.",
        )
