"""Commands about what may be known and what was done: the audit log, personal data in texts and columns."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seeding_platform.cli.terms import FAILED, Json, Tenant, out, say
from seeding_platform.settings import Settings

NOTHING = 4
audit_app = typer.Typer(help="Who did what: the sealed audit log.", no_args_is_help=True)


@audit_app.command("verify")
def audit_verify(
    copies: Annotated[
        Path | None,
        typer.Option("--copies", metavar="FILE", help="Checkpoints that were kept elsewhere, a line each.", exists=True, dir_okay=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check every event and every seal; exit 1 when anything was changed, deleted or put in, 4 when there is nothing to verify."""
    from seeding_platform.governance.audit import Trail
    from seeding_platform.storage.state import State

    settings = Settings()
    with State.open(settings.state_url) as state:
        found = Trail(settings, state).verify(copies.read_text(encoding="utf-8").splitlines() if copies else ())
    if as_json:
        out(found.as_dict())
    else:
        for problem in found.problems:
            typer.echo(problem)
        typer.echo(f"{found.events:,} events, {found.seals:,} seals hold, {found.unsealed:,} events are not sealed yet.")
    if not found.ok:
        raise typer.Exit(FAILED)
    if not found.events and not found.seals:
        raise typer.Exit(NOTHING)


@audit_app.command("list")
def audit_list(
    tenant: Tenant = None,
    action: Annotated[str, typer.Option("--action", help="Only what begins with this.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many, the newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """What was done, the newest first."""
    from seeding_platform.governance.audit import Trail
    from seeding_platform.storage.state import State

    settings = Settings()
    with State.open(settings.state_url) as state:
        events = Trail(settings, state).log.newest(tenant=tenant, action=action, limit=limit)
    if as_json:
        out([{"seq": r.seq, "sound": r.sound, **{n: getattr(r.event, n) for n in r.event.__slots__}} for r in events])
        return
    for r in events:
        e = r.event
        typer.echo(f"{r.seq:>7}  {e.at:%Y-%m-%d %H:%M:%S}  {e.tenant or '-':12}  {e.actor:14}  {e.outcome:8}  {e.action} {e.subject}")


@audit_app.command("seal")
def audit_seal() -> None:
    """Sign for the events that no checkpoint covers yet; the service and the nightly upkeep do so by themselves."""
    import datetime as dt

    from seeding_platform.governance.audit import Trail
    from seeding_platform.storage.state import State

    settings = Settings()
    with State.open(settings.state_url) as state:
        sealed = Trail(settings, state).seal(now=dt.datetime.now(dt.UTC))
    say(f"{sealed:,} events sealed; the checkpoints are in {settings.checkpoints}")


pii_app = typer.Typer(help="Personal data in texts.", no_args_is_help=True)


@pii_app.command("scan")
def pii_scan(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON lines, CSV or Parquet (also .gz).", exists=True, dir_okay=False, readable=True)],
    text: Annotated[str, typer.Option("--text", metavar="FIELD", help="Field that is read.")],
    target: Annotated[Path, typer.Option("--out", metavar="SPANS.jsonl", help="Where the spans are written, a line a row.", dir_okay=False)],
    weak: Annotated[bool, typer.Option("--weak", help="Also names and addresses, by lists of words: many are missed.")] = False,
) -> None:
    """Find personal data in a file: id, and spans with start, end (code points), label and score. Nothing of the texts is shown."""
    from seeding_platform.governance.pii.scan import scan

    told = scan(file, text, target, weak=weak, progress=say)
    labels = ", ".join(f"{n:,} {label}" for label, n in told.labels.items()) or "nothing"
    say(f"{told.rows:,} rows read, {told.flagged:,} hold personal data: {labels}. Written to {target}")


@pii_app.command("columns")
def pii_columns(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, Parquet or JSON lines (also .gz).", exists=True, dir_okay=False, readable=True)],
    as_json: Json = False,
) -> None:
    """Say which columns of a file are personal data, by their name and by what stands in them, with the evidence; no value is shown."""
    from seeding_platform.cleaning.files import read_table
    from seeding_platform.governance.pii.columns import judged_columns

    found = judged_columns(read_table(file))
    if as_json:
        out(found.to_dicts())
        return
    width = max((len(c) for c in found["column"]), default=6)
    for row in found.iter_rows(named=True):
        typer.echo(f"{row['column']:<{width}}  {row['verdict']:<10} {row['label'] if row['verdict'] != 'none' else '':<14} {row['evidence']}")
