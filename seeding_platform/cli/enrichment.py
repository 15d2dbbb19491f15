"""Commands about enrichment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seeding_platform.cli.terms import FAILED, Json, out, say
from seeding_platform.settings import Settings
from seeding_platform.storage.enrichment.states import ErrorClass, Stage

if TYPE_CHECKING:
    from seeding_platform.enrichment.house import House

DEFAULT = "default"
Whose = Annotated[str | None, typer.Option("--tenant", help="Of one tenant; default: everybody's.")]

enrichment_app = typer.Typer(help="Enrichment of orders and exceptions.", no_args_is_help=True)


@enrichment_app.callback()
def enrichment() -> None:
    """Enrichment of orders and exceptions."""


@enrichment_app.command("fake-ai")
def fake_ai(
    script: Annotated[Path, typer.Option("--script", help="What it does to whom; examples/enrichment/outage.yaml is one.")],
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="On 127.0.0.1; 0 takes one that is free.")] = 0,
) -> None:
    """Serve a chat completions endpoint that misbehaves as a script says, until it is interrupted; its address is the line on stdout."""
    import datetime as dt

    from seeding_platform.enrichment.fake_server import FakeServer
    from seeding_platform.enrichment.providers.script import load_script

    server = FakeServer(load_script(script), now=lambda: dt.datetime.now(dt.UTC), port=port)
    typer.echo(server.url)
    say("Set SEEDING_AI_URL to it; Ctrl-C ends it.")
    try:
        server.serve()
    except KeyboardInterrupt:
        say(", ".join(f"{outcome} {n}" for outcome, n in server.met.items() if n) or "nothing was asked")


@contextmanager
def _house(owner: str) -> Iterator[House]:
    """What work on enrichment shares, under the name of who works."""
    import random

    from seeding_platform.defs.platform import Platform

    settings = Settings()
    settings.state.mkdir(parents=True, exist_ok=True)
    yield Platform(settings).enrichment(owner, random.Random())  # noqa: S311  it spreads retries


def _on_record(house: House, action: str, tenant: str, **detail: int) -> None:
    """Put what was done from the command line on record, and let pages hear of it."""
    from seeding_platform.storage.audit import Event

    event = Event(at=house.bench.now(), tenant=tenant, actor="cli", action=f"enrichment.{action}", subject=tenant, detail=detail)
    house.bench.audit.record(event)
    house.tell(action, tenant, **detail)


@enrichment_app.command()
def status(tenant: Whose = None, as_json: Json = False) -> None:
    """Where the records are, stage by stage, and which alerts stand."""
    import dataclasses

    with _house("cli") as house:
        counts = house.store.counts(tenant, now=house.bench.now())
        names = sorted({c.tenant for c in counts})
        alerts = [{"tenant": name, "rule": rule, "severity": severity} for name in names for rule, severity in house.monitor.standing(name)]
        pauses = [dataclasses.asdict(pause) for pause in house.store.pauses(tenant)]
    if as_json:
        out({"stages": [dataclasses.asdict(c) for c in counts], "alerts": alerts, "pauses": pauses})
        return
    if not counts:
        typer.echo("No records of enrichment.")
        return
    columns = ("ingested", "completed", "skipped", "due", "leased", "dead")
    typer.echo(f"{'tenant':<20} {'stage':<26}" + "".join(f"{c:>11}" for c in columns))
    for c in counts:
        typer.echo(f"{c.tenant:<20} {c.stage:<26}" + "".join(f"{getattr(c, name):>11,}" for name in columns))
    for alert in alerts:
        typer.echo(f"{alert['severity'].upper()}: {alert['rule']} of {alert['tenant']}")
    for pause in pauses:
        typer.echo(f"Paused: {pause['stage'] or 'all stages'} of {pause['tenant'] or 'everybody'}: {pause['reason']}")


@enrichment_app.command()
def process(
    tenant: Whose = None,
    minutes: Annotated[float, typer.Option("--minutes", min=0.01, max=1440, help="For so long at most.")] = 20,
    as_json: Json = False,
) -> None:
    """Work through what is due, here and now; any number of these may run beside each other and beside the runs of Dagster."""
    import datetime as dt
    import os
    import socket

    with _house(f"cli:{socket.gethostname()}:{os.getpid()}") as house:
        for line in house.refreshed():
            say(line)
        until = house.bench.now() + dt.timedelta(minutes=minutes)
        tally = house.worked(until=until, tenants=None if tenant is None else [tenant])
    failed = [{"stage": stage, "error": error, "n": n} for (stage, error), n in sorted(tally.failed.items())]
    if as_json:
        told = {name: dict(getattr(tally, name)) for name in ("claimed", "completed", "skipped")}
        out({**told, "failed": failed, "outdated": tally.outdated, "out_of_time": tally.out_of_time})
        return
    typer.echo(f"{tally.completed.total():,} stages completed, {tally.skipped.total():,} skipped, {tally.failed.total():,} failed.")
    for one in failed:
        typer.echo(f"  {one['stage']}: {one['n']:,} {one['error']}")
    if tally.out_of_time:
        typer.echo("The time was over before everything was done.")


@enrichment_app.command()
def take(
    file: Annotated[Path, typer.Argument(help='Lines of JSON: {"record_type", "record_id", ...facts}.', exists=True, dir_okay=False, readable=True)],
    tenant: Annotated[str, typer.Option("--tenant", help="Whose records they are.")],
    as_json: Json = False,
) -> None:
    """Take records in; ends with 1 where a line is refused, each of which is named."""
    from seeding_platform.enrichment.lines import Lines
    from seeding_platform.storage.tenants import NAME

    if not NAME.fullmatch(tenant):
        raise typer.BadParameter("a tenant is named by small letters, digits, - and _", param_hint="--tenant")
    with _house("cli") as house, file.open("rb") as content:
        lines = Lines(house.store, tenant, house.bench.now)
        while chunk := content.read(1_000_000):
            if lines.add(chunk):
                lines.flush()
        lines.end()
        if lines.n:
            _on_record(house, "taken", tenant, records=lines.n, refused=lines.refused)
    if as_json:
        out(lines.told())
    else:
        typer.echo(f"{lines.taken.new:,} records are new, {lines.taken.changed:,} have changed, {lines.taken.unchanged:,} are as they were.")
        for refused in lines.listed:
            say(f"Line {refused.line}: {refused.why}")
        if lines.refused:
            say(f"{lines.refused:,} lines were refused.")
    if lines.refused:
        raise typer.Exit(FAILED)


@enrichment_app.command()
def story(
    record_type: Annotated[str, typer.Argument(metavar="TYPE", help="order or exception.")],
    record_id: Annotated[str, typer.Argument(metavar="ID", help="Its id.")],
    tenant: Annotated[str, typer.Option("--tenant", help="Whose record it is.")] = DEFAULT,
    as_json: Json = False,
) -> None:
    """What became of one record: each stage, every attempt, action and label; its facts only with --json."""
    import dataclasses

    with _house("cli") as house:
        found = house.store.story(tenant, record_type, record_id)
    if found is None:
        say(f"{tenant} has no {record_type} of that id.")
        raise typer.Exit(FAILED)
    if as_json:
        out(dataclasses.asdict(found))
        return
    for stage in found.record.stages:
        what = f", {stage.label} at {stage.confidence:.2f}" if stage.label and stage.confidence is not None else ""
        why = f": {stage.error or ''} {stage.message or ''}".rstrip(": ") if stage.error or stage.message else ""
        dead = ", given up" if stage.dead else f", due {stage.due_at:%Y-%m-%d %H:%M}" if stage.due_at else ""
        typer.echo(f"{stage.stage:<26} {stage.status}{what}{why}{dead}")
    for attempt in found.attempts:
        typer.echo(
            f"  {attempt.at:%Y-%m-%d %H:%M:%S}  {attempt.stage:<26} {attempt.outcome:<10} {attempt.error or ''} {attempt.message or ''}".rstrip()
        )
    for action in found.actions:
        typer.echo(f"  {action.planned_at:%Y-%m-%d %H:%M:%S}  {action.action} ({action.mode}): {action.state} {action.outcome}".rstrip())
    for label in found.labels:
        typer.echo(f"  {label.at:%Y-%m-%d %H:%M:%S}  {label.actor} said {label.label} ({label.reason})")


@enrichment_app.command()
def redrive(
    tenant: Annotated[str, typer.Option("--tenant", help="Whose dead letters.")] = DEFAULT,
    stage: Annotated[Stage | None, typer.Option("--stage", help="Only of this stage.")] = None,
    error: Annotated[ErrorClass | None, typer.Option("--error", help="Only those that died of this.")] = None,
    older_hours: Annotated[float | None, typer.Option("--older-hours", min=0, max=87_840, help="Only those that died longer ago.")] = None,
    younger_hours: Annotated[float | None, typer.Option("--younger-hours", min=0, max=87_840, help="Only those that died since.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run/--do", help="Only say which, or bring them back.")] = True,
    as_json: Json = False,
) -> None:
    """Bring dead letters back as if never tried; first as a dry run."""
    import datetime as dt

    with _house("cli") as house:
        now = house.bench.now()
        since, until = (None if hours is None else now - dt.timedelta(hours=hours) for hours in (younger_hours, older_hours))
        back = house.store.redrive(tenant, stage=stage, error=error, since=since, until=until, dry_run=dry_run, now=now)
        if back and not dry_run:
            _on_record(house, "redriven", tenant, records=len(back))
    if as_json:
        listed = [{"record_type": r.record_type, "record_id": r.record_id, "stage": r.stage} for r in back]
        out({"dry_run": dry_run, "redriven": len(back), "records": listed})
        return
    for ref in back[:20]:
        typer.echo(f"{ref.stage:<26} {ref.record_type} {ref.record_id}")
    typer.echo(f"{len(back):,} dead letters {'would be' if dry_run else 'are'} tried again.")


@enrichment_app.command()
def report(
    tenant: Annotated[str, typer.Option("--tenant", help="Whose report.")] = DEFAULT,
    period: Annotated[str, typer.Option("--period", help="daily or weekly.")] = "daily",
    lang: Annotated[str, typer.Option("--lang", help="en or nl.")] = "en",
    as_json: Json = False,
) -> None:
    """What became of the records in a day or a week, beside the period before."""
    from seeding_platform.enrichment.report import report_of

    if period not in ("daily", "weekly") or lang not in ("en", "nl"):
        raise typer.BadParameter("--period is daily or weekly, --lang en or nl")
    with _house("cli") as house:
        made = report_of(house.monitor.source, tenant, period, thresholds=house.monitor.thresholds(), now=house.bench.now())  # type: ignore[arg-type]
    if as_json:
        out(made.as_json())
    else:
        typer.echo(made.markdown(lang), nl=False)  # type: ignore[arg-type]
