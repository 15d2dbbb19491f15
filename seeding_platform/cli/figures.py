"""Commands about figures: questions, KPIs, SQL, exports of ad platforms, and the service that shows them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from seeding_platform.cli.terms import FAILED, Json, Tenant, exit_by, out, running, say
from seeding_platform.settings import Settings

figures_app = typer.Typer()
facts_app = typer.Typer(help="Facts that questions are answered from.", no_args_is_help=True)
export_app = typer.Typer(help="Exports of ad platforms.", no_args_is_help=True)


@figures_app.command()
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


@figures_app.command()
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


@figures_app.command()
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


@figures_app.command()
def serve(
    tenant: Annotated[
        str | None, typer.Option("--tenant", help="Whose the first admin key is; default: the only tenant there is, or `default`.")
    ] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port on 127.0.0.1; default SEEDING_PORT (8000).", min=1, max=65535)] = None,
) -> None:
    """Serve API and pages on 127.0.0.1; the first time an admin key is made and shown once."""
    from seeding_platform.defs.platform import Platform
    from seeding_platform.defs.restoring import Restorer
    from seeding_platform.defs.run_gateway import DagsterRuns
    from seeding_platform.service.serve import serve as run

    settings = Settings().model_copy(update={} if port is None else {"port": port})
    runs = DagsterRuns(settings, os.environ)
    restorer = Restorer(Platform(settings), lambda: runs.instance)
    run(settings, tenant=tenant, environment=dict(os.environ), runs=runs, restorer=restorer, says=say)


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
    result = running(settings, f"landing {file.name}", lambda instance: land_export(settings, instance, file, tenant=tenant, says=say))
    for line in summary_lines(settings, result):
        typer.echo(line)
    exit_by(result)


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
