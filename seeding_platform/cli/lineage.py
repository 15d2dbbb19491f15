"""Commands about where things come from: a column, a row, everything as OpenLineage."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from seeding_platform.cli.terms import Json, Tenant, out, say
from seeding_platform.settings import Settings, project_root

lineage_app = typer.Typer(help="Where columns and rows come from.", no_args_is_help=True)


@lineage_app.command("column")
def lineage_column(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="Such as quality/orders or bundle/churn_prediction.")],
    column: Annotated[str, typer.Argument(metavar="COLUMN")],
    as_json: Json = False,
) -> None:
    """Say what a column is made of, back to the fields of the sources."""
    from seeding_platform.connectors.sources import load_sources, shipped_files, user_files
    from seeding_platform.defs.lineage import all_columns
    from seeding_platform.defs.platform import Platform
    from seeding_platform.errors import ConfigError
    from seeding_platform.governance.lineage import behind

    settings = Settings()
    columns = all_columns(Platform(settings, load_sources([*shipped_files(), *user_files(settings.sources)]).valid))
    if table not in columns:
        raise ConfigError(f"There is no table {table!r} with declared columns.", fix=f"There are {', '.join(columns)}.")
    found = behind(columns, table, column)
    if as_json:
        out([{"table": o.table, "column": o.column, "how": o.how, "masking": o.masking} for o in found])
        return
    for origin in found:
        typer.echo(f"{origin.table}.{origin.column}  ({origin.how})")
    if not found:
        say(f"Nothing is declared of {table}.{column}.")


@lineage_app.command("row")
def lineage_row(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="Such as quality/orders, clean/orders, raw/orders.")],
    key: Annotated[str, typer.Argument(metavar="KEY", help="Values of the key parted by commas, or column=value,...")],
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Say which record of which file a row is, with its digest and line, and which records were merged into it."""
    from seeding_platform.governance.rows import row_origins
    from seeding_platform.storage.lake import Lake
    from seeding_platform.storage.state import State

    settings = Settings()
    with State.open(settings.state_url) as state:
        found = row_origins(Lake(settings.lake), state, table, key, tenant=tenant)
    if as_json:
        out([origin.told() for origin in found])
        return
    for o in found:
        merged = "  merged into it" if o.merged else ""
        typer.echo(f"{o.tenant}  {o.source}  {o.file}  sha256 {o.sha256}  {o.position or f'record {o.row}'}  batch {o.batch}{merged}")


@lineage_app.command("export")
def lineage_export(
    target: Annotated[Path, typer.Option("--openlineage", metavar="FILE", help="JSON lines, one event a materialisation.", dir_okay=False)],
    since: Annotated[dt.datetime | None, typer.Option("--since", help="Only what was made after this (UTC).", formats=["%Y-%m-%d"])] = None,
) -> None:
    """Write what was made of what as OpenLineage events; nothing is sent anywhere."""
    from seeding_platform.connectors.sources import load_sources, shipped_files, user_files
    from seeding_platform.definitions import build_definitions
    from seeding_platform.defs.lineage import exported
    from seeding_platform.defs.platform import Platform
    from seeding_platform.defs.run import instance_for

    settings = Settings()
    instance = instance_for(settings, root=project_root())
    platform = Platform(settings, load_sources([*shipped_files(), *user_files(settings.sources)]).valid)
    moment = since.replace(tzinfo=dt.UTC) if since else None
    count = exported(platform, build_definitions(settings), instance, target, since=moment)
    say(f"{count:,} events are in {target}")
