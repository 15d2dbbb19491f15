"""`seeding`: thin commands, each a function of a room. Results on stdout, progress and logs on stderr.

Exit codes: 0 ok, 1 failed or refused, 2 usage, 3 busy, 4 nothing verified.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import typer

from seeding_platform.errors import BusyError, SeedingError
from seeding_platform.settings import Settings, project_root

FAILED, BUSY = 1, 3

app = typer.Typer(
    name="seeding",
    help="Raw marketing and operations data in; trustworthy tables, models, bundles and KPIs out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # locals hold settings, and those a database password
)
source_app = typer.Typer(help="Your own sources of files.", no_args_is_help=True)
bundle_app = typer.Typer(help="Bundles for engines.", no_args_is_help=True)
app.add_typer(source_app, name="source")
app.add_typer(bundle_app, name="bundle")
facts_app = typer.Typer(help="Facts that questions are answered from.", no_args_is_help=True)
app.add_typer(facts_app, name="facts")
export_app = typer.Typer(help="Exports of ad platforms.", no_args_is_help=True)
app.add_typer(export_app, name="export")
keys_app = typer.Typer(help="Keys of the API and the pages.", no_args_is_help=True)
app.add_typer(keys_app, name="keys")

Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
Tenant = Annotated[str | None, typer.Option("--tenant", help="Whose data; default: the source's own tenant.")]


def say(text: str) -> None:
    """A line of progress, on stderr."""
    typer.echo(text, err=True)


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


def out(data: Any) -> None:
    """One JSON document on stdout."""
    import json

    typer.echo(json.dumps(data, ensure_ascii=False, indent=1, default=str))


@app.command()
def seed() -> None:
    """Run the main job once: tables, quality report, model, bundles, KPIs."""
    from seeding_platform.defs.summary import summary_lines

    settings = Settings()
    result = _running(settings, "the main job", lambda instance: _seed(settings, instance))
    for line in summary_lines(settings, result):
        typer.echo(line)
    _exit_by(result)


def _seed(settings: Settings, instance: Any) -> Any:
    from seeding_platform.defs.run import seed as run_seed

    say("Seeding: raw -> clean -> quality -> model -> bundle, kpi")
    return run_seed(settings, instance, says=say)


def _running(settings: Settings, what: str, work: Callable[[Any], Any]) -> Any:
    """Do work that only one process may do at a time, on Dagster's instance."""
    import datetime as dt

    from seeding_platform.storage.locks import exclusive

    for folder in (settings.state, settings.lake, settings.landing, settings.sources):
        folder.mkdir(parents=True, exist_ok=True)
    _require_space(settings)
    since = dt.datetime.now(dt.UTC).strftime("%H:%M:%S UTC")
    with exclusive(settings.state / "seeding.lock", holder=f"{what}, since {since}"):
        from seeding_platform.defs.run import bury_dead_runs, instance_for

        instance = instance_for(settings, root=project_root())
        bury_dead_runs(instance)
        return work(instance)


def _require_space(settings: Settings) -> None:
    import shutil

    from seeding_platform.errors import TransientError

    for folder in {settings.state, settings.lake}:
        free = shutil.disk_usage(folder).free // 1_000_000
        if free < settings.min_free_mb:
            raise TransientError(
                f"Only {free} MB are free under {folder}; {settings.min_free_mb} MB are needed. Nothing was started and the tables are intact.",
                fix="Free disk space, or lower SEEDING_MIN_FREE_MB, then run it again.",
            )


def _exit_by(result: Any) -> None:
    if not result.success or result.failed_checks:
        raise typer.Exit(FAILED)


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
    result = _running(settings, f"landing {file.name}", lambda instance: land_file(settings, instance, file, source, tenant=tenant, says=say))
    for line in summary_lines(settings, result):
        typer.echo(line)
    _exit_by(result)


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
def sql(
    query: Annotated[str, typer.Argument(help="One SELECT; tables are named clean.content_posts.")],
    form: Annotated[str, typer.Option("--format", help="table, csv or json.")] = "table",
) -> None:
    """Ask in SQL over the tables of the lake (DuckDB's dialect); nothing can be written by it."""
    from seeding_platform.storage.lake import Lake
    from seeding_platform.storage.listing import as_text
    from seeding_platform.storage.query import sql as answered
    from seeding_platform.storage.query import tables_named

    if form not in ("table", "csv", "json"):
        raise typer.BadParameter("--format is table, csv or json")
    lake = Lake(Settings().lake)
    typer.echo(as_text(answered(lake, query, tables_named(lake, query)), form=form, title="answer"))


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


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="In plain English or Dutch.")],
    as_of: Annotated[str | None, typer.Option("--as-of", help="The day of asking (ISO 8601); default the day after the last complete one.")] = None,
    lang: Annotated[str | None, typer.Option("--lang", help="en or nl; default whichever covers the words.")] = None,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Ask about spend, CAC, ROAS and the like; a question that is not understood word for word is refused, never guessed."""
    import datetime as dt

    from seeding_platform.analytics import answer
    from seeding_platform.analytics.show import answer_lines

    if lang not in (None, "en", "nl"):
        raise typer.BadParameter("--lang is en or nl")
    try:
        day = dt.date.fromisoformat(as_of) if as_of else None
    except ValueError as error:
        raise typer.BadParameter("--as-of is a day such as 2026-11-23") from error
    found = answer(question, as_of=day, lang=lang, tenant=tenant)
    if as_json:
        out(found.model_dump(mode="json"))
    else:
        for line in answer_lines(found):
            typer.echo(line)
    if found.status in ("clarify", "not_understood"):
        raise typer.Exit(FAILED)


@app.command()
def kpis(
    metrics: Annotated[str, typer.Option("--metrics", help="Figures, comma-separated.")] = "",
    by: Annotated[str, typer.Option("--by", help="Dimensions, comma-separated: platform, campaign, country, device, ...")] = "",
    grain: Annotated[str | None, typer.Option("--grain", help="day, week, month, quarter or year.")] = None,
    start: Annotated[str | None, typer.Option("--start", help="First day; default 30 days back.")] = None,
    end: Annotated[str | None, typer.Option("--end", help="Last day; default the last complete one.")] = None,
    compare: Annotated[str, typer.Option("--compare", help="previous, year or none.")] = "none",
    only: Annotated[list[str] | None, typer.Option("--filter", help="dimension:value, dimension:a|b or dimension:!value; repeatable.")] = None,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Show figures of ads by dimension and time; the same as `GET /api/v1/kpis`."""
    from pydantic import ValidationError

    from seeding_platform.analytics.serving import facts_in_force
    from seeding_platform.analytics.show import answer_lines
    from seeding_platform.service.asking import KpiQuery, kpi_answer, plan_of
    from seeding_platform.service.errors import Problem

    told = {"metrics": metrics, "by": by, "grain": grain, "start": start, "end": end, "compare": compare, "filter": only}
    facts = facts_in_force(Settings(), tenant=tenant)
    try:
        plan = plan_of(KpiQuery.model_validate({k: v for k, v in told.items() if v}), facts)
    except ValidationError as error:
        raise typer.BadParameter("; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())) from error
    except Problem as error:
        raise typer.BadParameter(error.detail) from error
    found = kpi_answer(plan, facts, lang="en")
    if as_json:
        out(found.model_dump(mode="json"))
        return
    for line in answer_lines(found):
        typer.echo(line)


@app.command()
def serve(
    tenant: Annotated[
        str | None, typer.Option("--tenant", help="Whose the first admin key is; default: the only tenant there is, or `default`.")
    ] = None,
) -> None:
    """Serve API and pages on 127.0.0.1; the first time an admin key is made and shown once."""
    from seeding_platform.service.serve import serve as run

    run(Settings(), tenant=tenant, environment=dict(os.environ), says=say)


@keys_app.command("create")
def keys_create(
    role: Annotated[str, typer.Option("--role", help="viewer, analyst, operator or admin.")],
    tenant: Annotated[str, typer.Option("--tenant", help="Whose data the key sees.")] = "default",
    label: Annotated[str, typer.Option("--label", help="What it is for.")] = "",
    as_json: Json = False,
) -> None:
    """Make a key; it is shown here and never again."""
    from seeding_platform.service.serve import new_key
    from seeding_platform.storage.api_state import Role

    if role not in list(Role):
        raise typer.BadParameter(f"--role is one of {', '.join(Role)}")
    key_id, key = new_key(Settings(), role=Role(role), tenant=tenant, label=label)
    if as_json:
        out({"id": key_id, "key": key})
    else:
        typer.echo(key)


@export_app.command("read")
def export_read(
    file: Annotated[Path, typer.Argument(help="CSV or xlsx of an ad platform.", exists=True, dir_okay=False)], as_json: Json = False
) -> None:
    """Read an export and say what is in it: platform, currency, rows, sums, rejected rows by line; or why it is refused."""
    from seeding_platform.analytics import read_export
    from seeding_platform.connectors.exports import ExportRefused
    from seeding_platform.connectors.exports.result import REFUSED, summary_lines

    try:
        told = read_export(file).summary()
    except ExportRefused as refused:
        told = {**REFUSED, "reason": refused.reason, "how_to_export_again": refused.how_to_export_again}
    if as_json:
        out(told)
    else:
        for line in summary_lines(told):
            typer.echo(line)
    if told["status"] != "ok":
        raise typer.Exit(FAILED)


@export_app.command("land")
def export_land(
    file: Annotated[Path, typer.Argument(help="CSV or xlsx of an ad platform.", exists=True, dir_okay=False, readable=True)],
    tenant: Tenant = None,
) -> None:
    """Land an export, carry it through the graph, and put its figures in force; days that it restates take the place of earlier ones."""
    from seeding_platform.defs.landing import land_export
    from seeding_platform.defs.summary import summary_lines

    settings = Settings()
    result = _running(settings, f"landing {file.name}", lambda instance: land_export(settings, instance, file, tenant=tenant, says=say))
    for line in summary_lines(settings, result):
        typer.echo(line)
    _exit_by(result)


@facts_app.command("load")
def facts_load(
    file: Annotated[
        Path, typer.Argument(help="CSV or Parquet: date, spend, clicks, impressions, conversions and more.", exists=True, dir_okay=False)
    ],
    tenant: Tenant = None,
) -> None:
    """Put a plain fact table in force for questions, until the next run publishes the lake's facts again."""
    import datetime as dt

    from seeding_platform.analytics.serving import publish_file

    settings = Settings()
    name, rows = publish_file(file, settings.serving, tenant=tenant or "default", now=dt.datetime.now(dt.UTC))
    typer.echo(f"{rows:,} rows are in force as snapshot {name}")


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


@bundle_app.command("verify")
def bundle_verify(path: Annotated[Path, typer.Argument(help="A bundle, or an engine's folder.")], as_json: Json = False) -> None:
    """Check a bundle: every file, size, hash, row count and schema."""
    from seeding_platform.distribution.verify import verify_bundle

    found = verify_bundle(path)
    if as_json:
        out({"engine": found.engine, "tenant": found.tenant, "generation": found.generation, "rows": found.rows, "content_id": found.content_id})
        return
    typer.echo(f"{found.engine}: generation {found.generation}, {found.rows:,} rows, whole{f' ({found.reason})' if found.reason else ''}")


if __name__ == "__main__":
    main()
