"""Commands about the versions of a table: what there are, what differs, putting one in force again."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from seeding_platform.cli.terms import Json, out, running, say
from seeding_platform.settings import Settings

table_app = typer.Typer(help="The versions of a table.", no_args_is_help=True)
Table = Annotated[str, typer.Argument(metavar="TABLE", help="Table, such as clean/content_posts.")]


@table_app.command("history")
def history(table: Table, limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 50, as_json: Json = False) -> None:
    """The versions of a table, the newest first."""
    from seeding_platform.storage.lake import Lake

    commits = Lake(Settings().lake).history(table, limit=limit)
    if as_json:
        out([{"version": c.version, "at": c.at.isoformat(), "operation": c.operation} for c in commits])
        return
    for c in commits:
        typer.echo(f"{c.version:>6}  {c.at:%Y-%m-%d %H:%M:%S}  {c.operation}")


@table_app.command("diff")
def diff(
    table: Table,
    version: Annotated[int, typer.Option("--version", min=0, help="The one version.")],
    against: Annotated[int | None, typer.Option("--against", min=0, help="The other; default: the one in force.")] = None,
    as_json: Json = False,
) -> None:
    """What changed from a version to another: rows added, removed and changed, by key."""
    from seeding_platform.catalog.layers import key_of
    from seeding_platform.storage.changes import difference
    from seeding_platform.storage.lake import Lake

    lake = Lake(Settings().lake)
    found = difference(lake, table, version, lake.version(table) if against is None else against, key=key_of(table))
    if as_json:
        out(asdict(found))
    else:
        _say(found)


@table_app.command("restore")
def restore(
    table: Table,
    version: Annotated[int, typer.Option("--version", min=0, help="The version to put in force again.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it goes on record.")] = "",
    only_show: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    as_json: Json = False,
) -> None:
    """Put an old version in force again; what lies below follows when the platform runs. A later run of the table itself writes it anew."""
    from seeding_platform.catalog.layers import BELOW
    from seeding_platform.defs import restoring
    from seeding_platform.defs.platform import Platform

    settings = Settings()
    platform = Platform(settings)
    if only_show:
        found = restoring.preview(platform, table, version)
        out({"restored": None, "changes": asdict(found)}) if as_json else _say(found)
        return

    def work(instance: Any) -> Any:
        return restoring.restore(platform, instance, table, version, actor="cli", reason=reason)

    done = running(settings, f"restore {table}", work)
    if as_json:
        out({"restored": done.version, "changes": asdict(done.changes)})
        return
    _say(done.changes)
    below = BELOW.get(table.partition("/")[0], "nothing")
    say(f"Version {version} of {table} is in force again, as version {done.version}. Below it lie {below}: they follow when the platform runs.")


def _say(found: Any) -> None:
    typer.echo(
        f"{found.table}, version {found.before} to {found.after}: {found.added:,} rows added, {found.removed:,} removed, {found.changed:,} changed"
    )
    for column, count in sorted(found.columns.items(), key=lambda item: -item[1]):
        typer.echo(f"  {count:>9,}  {column}")
    for what, columns in (("added", found.added_columns), ("removed", found.removed_columns)):
        if columns:
            typer.echo(f"  columns {what}: {', '.join(columns)}")
