"""`seeding`: thin commands, each a function of a room. Results on stdout, progress and logs on stderr.

Exit codes: 0 ok, 1 failed or refused, 2 usage, 3 busy, 4 nothing verified.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import typer

from seeding_platform.cli.adjusting import app as settings_app
from seeding_platform.cli.alerts import alerts_app
from seeding_platform.cli.bundles import bundle_app
from seeding_platform.cli.database import database_app
from seeding_platform.cli.engine_managed import engine_app
from seeding_platform.cli.enrichment import enrichment_app
from seeding_platform.cli.figures import export_app, facts_app, figures_app
from seeding_platform.cli.governance import audit_app, pii_app
from seeding_platform.cli.history import table_app
from seeding_platform.cli.keys import keys_app
from seeding_platform.cli.lineage import lineage_app
from seeding_platform.cli.models import model_app
from seeding_platform.cli.policies import policies_app
from seeding_platform.cli.privacy import privacy_app
from seeding_platform.cli.retention import retention_app
from seeding_platform.cli.tables import tables_app
from seeding_platform.cli.tenants import tenants_app
from seeding_platform.cli.terms import BUSY, FAILED, Json, Tenant, exit_by, out, running, say
from seeding_platform.cli.webui import webui_app
from seeding_platform.errors import BusyError, SeedingError
from seeding_platform.settings import Settings

app = typer.Typer(
    name="seeding",
    help="Raw marketing and operations data in; trustworthy tables, models, bundles and KPIs out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # locals hold settings, and those a database password
)
source_app = typer.Typer(help="Your own sources of files.", no_args_is_help=True)
_GROUPS = {
    "source": source_app,
    "bundle": bundle_app,
    "engine": engine_app,
    "facts": facts_app,
    "export": export_app,
    "keys": keys_app,
    "tenants": tenants_app,
    "database": database_app,
    "table": table_app,
    "pii": pii_app,
    "privacy": privacy_app,
    "retention": retention_app,
    "lineage": lineage_app,
    "model": model_app,
    "policies": policies_app,
    "audit": audit_app,
    "settings": settings_app,
    "alerts": alerts_app,
    "enrichment": enrichment_app,
}
for _name, _commands in _GROUPS.items():
    app.add_typer(_commands, name=_name)


def main() -> NoReturn:
    """Entry point: errors that we raise on purpose end as one message and an exit code, never as a trace."""
    try:
        app()
    except BusyError as error:
        say(f"Busy: {error}")
        sys.exit(BUSY)
    except SeedingError as error:
        say(f"Failed: {error}")
        sys.exit(FAILED)
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        say(f"Failed: {error.strerror or error}{place}. What stood before is intact. Check space and permissions, then run it again.")
        sys.exit(FAILED)
    sys.exit(0)


@app.command()
def seed() -> None:
    """Run the main job once: tables, quality report, model, bundles, KPIs."""
    from seeding_platform.defs.summary import summary_lines

    settings = Settings()
    result = running(settings, "the main job", lambda instance: _seed(settings, instance))
    for line in summary_lines(settings, result):
        typer.echo(line)
    exit_by(result)


def _seed(settings: Settings, instance: Any) -> Any:
    from seeding_platform.defs.run import seed as run_seed

    say("Seeding: raw -> clean -> quality -> model -> enriched, bundle, kpi")
    return run_seed(settings, instance, says=say)


@app.command()
def run(
    event: Annotated[str, typer.Argument(help="ingest (what waits in the landing folder), clean, seed, kpi, retrain or enrich.")],
    run_id: Annotated[str | None, typer.Option("--run-id", help="Id of the run, where somebody waits for it already.", hidden=True)] = None,
) -> None:
    """Run a part of the graph by name, as the API's hooks and the pages do."""
    from seeding_platform.service.runs import EVENTS

    if event not in EVENTS:
        raise typer.BadParameter(f"EVENT is one of {', '.join(EVENTS)}")
    settings = Settings()
    result = running(settings, f"{event}, asked for", lambda instance: _asked_for(settings, instance, event, run_id))
    for failure in (*result.failures, *result.failed_checks):
        say(f"FAILED {failure}")
    typer.echo(f"Run {result.run_id[:8]} {'succeeded' if result.success else 'failed'} in {result.seconds:.0f} s.")
    exit_by(result)


def _asked_for(settings: Settings, instance: Any, event: str, run_id: str | None) -> Any:
    from seeding_platform.defs.asked_for import asked_for

    return asked_for(settings, instance, event, run_id=run_id, says=say)


@app.command()
def land(
    file: Annotated[Path, typer.Argument(help="The file.", exists=True, dir_okay=False, readable=True)],
    source: Annotated[Path, typer.Option("--source", help="Your source file (YAML).", exists=True, dir_okay=False)],
    tenant: Tenant = None,
) -> None:
    """Land your own file by your own mapping, and carry it through the graph."""
    from seeding_platform.defs.landing import land_file
    from seeding_platform.defs.summary import summary_lines

    settings = Settings()
    result = running(settings, f"landing {file.name}", lambda instance: land_file(settings, instance, file, source, tenant=tenant, says=say))
    for line in summary_lines(settings, result):
        typer.echo(line)
    exit_by(result)


@app.command()
def tables(as_json: Json = False) -> None:
    """List every table: rows, version, content hash."""
    from seeding_platform.storage.lake import Lake
    from seeding_platform.storage.listing import listed_tables

    listed = listed_tables(Lake(Settings().lake))
    if as_json:
        out({"tables": listed})
        return
    width = max((len(t["table"]) for t in listed), default=5)
    for table in listed:
        typer.echo(f"{table['table']:<{width}}  {table['tenant']:<12} {table['rows']:>10,}  v{table['version']:<4} {table['content_sha256'][:12]}")


@app.command()
def show(
    table: Annotated[str, typer.Argument(help="Table, such as clean/content_posts.")],
    form: Annotated[str, typer.Option("--format", help="table, csv or json.")] = "table",
    version: Annotated[int | None, typer.Option(help="An older version.")] = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help="As the table was at a time (ISO 8601).")] = None,
    tenant: Tenant = None,
    limit: Annotated[int, typer.Option(help="Most rows to show; 0 = all.")] = 0,
) -> None:
    """Show the rows of a table, now or as it was."""
    from seeding_platform.storage.lake import Lake
    from seeding_platform.storage.listing import shown_rows

    if form not in ("table", "csv", "json") or (version is not None and as_of is not None):
        raise typer.BadParameter("--format is table, csv or json; give --version or --as-of, not both")
    typer.echo(shown_rows(Lake(Settings().lake), table, form=form, version=version, as_of=as_of, tenant=tenant, limit=limit))


@app.command()
def status(as_json: Json = False) -> None:
    """What stands: tables, quality, models, bundles."""
    from seeding_platform.defs.summary import standing, status_lines

    settings = Settings()
    if as_json:
        out(standing(settings))
        return
    for line in status_lines(settings):
        typer.echo(line)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check settings, disk, state database, tables, bundles and sources; says what to do about each problem."""
    from seeding_platform.defs.doctor import examined

    findings = examined(Settings())
    if as_json:
        out({"ok": all(f.ok for f in findings), "findings": [{"what": f.what, "ok": f.ok, "says": f.says} for f in findings]})
    else:
        for finding in findings:
            typer.echo(f"{'ok  ' if finding.ok else 'FAIL'} {finding.what}: {finding.says}")
    if not all(f.ok for f in findings):
        raise typer.Exit(FAILED)


@source_app.command("check")
def source_check(file: Annotated[Path | None, typer.Argument(help="One file; default: all of the sources folder.")] = None) -> None:
    """Validate source files: line, column and what is wrong."""
    from seeding_platform.connectors.sources import load_sources, shipped_files, user_files

    settings = Settings()
    files = [file] if file is not None else user_files(settings.sources)
    others = [] if file is not None and file.resolve().parent == settings.sources.resolve() else shipped_files()
    found = load_sources([*others, *files])
    for refused in found.refused:
        for problem in refused.problems:
            typer.echo(str(problem))
    if found.refused:
        raise typer.Exit(FAILED)
    typer.echo(f"{len(files)} source file{'' if len(files) == 1 else 's'} valid")


app.registered_commands += figures_app.registered_commands + tables_app.registered_commands + webui_app.registered_commands
