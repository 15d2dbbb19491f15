"""Commands about what may be known and what was done: the audit log, personal data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seeding_platform.cli.terms import FAILED, Json, Tenant, out, running, say
from seeding_platform.settings import Settings

if TYPE_CHECKING:
    from seeding_platform.governance.subject_rights.requests import SubjectRights
    from seeding_platform.storage.state import State

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


privacy_app = typer.Typer(help="Answering people about their data: what is held, erasing it everywhere, proof.", no_args_is_help=True)
Subject = Annotated[list[str], typer.Option("--subject", metavar="LABEL=VALUE", help="An identifier, such as EMAIL=jan@example.nl; repeatable.")]


def _rights(settings: Settings, state: State) -> SubjectRights:
    import datetime as dt

    from seeding_platform.governance.subject_rights.requests import SubjectRights

    return SubjectRights(settings, state, now=lambda: dt.datetime.now(dt.UTC))


@privacy_app.command("access")
def privacy_access(
    subject: Subject,
    target: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.zip", help="Write everything that is held, as JSON lines a data set.", dir_okay=False)
    ] = None,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Say what is held about a person, and where; with --out, all of it in one file."""
    from seeding_platform.governance.subject_rights.access import export
    from seeding_platform.governance.subject_rights.matcher import Identifier, Matcher
    from seeding_platform.storage.state import State

    settings, whose = Settings(), tenant or "default"
    identifiers = [Identifier.parsed(text) for text in subject]
    with State.open(settings.state_url) as state:
        rights = _rights(settings, state)
        request = rights.receive("access", identifiers, tenant=whose, actor="cli")
        held = rights.held(Matcher(identifiers), tenant=whose)
        if target is not None:
            export(rights, Matcher(identifiers), tenant=whose, target=target)
        rights.answered(request)
    if as_json:
        out({"request": request.request_id, "tenant": whose, "held": held, "file": str(target) if target else None})
        return
    for store, places in held.items():
        for place, count in places.items():
            typer.echo(f"{store:<14} {count:>7,}  {place}")
    say(f"{sum(len(places) for places in held.values())} places hold something." + (f" All of it is in {target}" if target else ""))


@privacy_app.command("erase")
def privacy_erase(
    subject: Subject,
    request: Annotated[str, typer.Option("--request", metavar="ID", help="Names the request; the same id again goes on where it ended.")] = "",
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Erase a person everywhere, keep them from coming in again, and sign a certificate; exit 1 when something is left."""
    from seeding_platform.governance.subject_rights.matcher import Identifier
    from seeding_platform.storage.state import State

    settings, whose = Settings(), tenant or "default"
    identifiers = [Identifier.parsed(text) for text in subject]

    def work(instance: Any) -> Any:
        from seeding_platform.defs.restoring import tell_erased

        with State.open(settings.state_url) as state:
            rights = _rights(settings, state)
            found = rights.erase(rights.receive("erase", identifiers, tenant=whose, actor="cli", request_id=request))
        tell_erased(instance, list(found.stores.get("lake", {}).get("changed", {})))
        return found

    done = running(settings, "erasure of a person", work)
    if as_json:
        out({"request": done.request_id, "state": done.state, "stores": done.stores, "certificate": str(done.certificate)})
        return
    for store, receipt in done.stores.items():
        changed = receipt.get("changed", {})
        typer.echo(f"{store:<14} {len(changed):>5} places changed" if "changed" in receipt else f"{store:<14} done")
    if not any(receipt.get("changed") for receipt in done.stores.values()):
        say(f"Nothing of this person was held for tenant {whose}; they cannot come in from now on.")
    say(f"Request {done.request_id} is {done.state}. Certificate: {done.certificate}")


@privacy_app.command("verify")
def privacy_verify(
    subject: Annotated[list[str] | None, typer.Option("--subject", metavar="LABEL=VALUE", help="Search for these again; repeatable.")] = None,
    request: Annotated[str, typer.Option("--request", metavar="ID", help="Check the certificate of a request.")] = "",
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Search every store for a person, decoded as deep as it goes, and check a certificate; exit 1 when something is left or it is not ours."""
    from seeding_platform.governance.subject_rights.matcher import Identifier, Matcher
    from seeding_platform.storage.state import State

    if not subject and not request:
        raise typer.BadParameter("Give --subject, --request, or both.")
    settings, whose = Settings(), tenant or "default"
    with State.open(settings.state_url) as state:
        rights = _rights(settings, state)
        left = rights.residue(Matcher([Identifier.parsed(text) for text in subject]), tenant=whose) if subject else {}
        holds = rights.certificate_holds(request) if request else None
    ok = not left and holds is not False
    if as_json:
        out({"ok": ok, "residue": left, "certificate": holds, "searched": bool(subject)})
    else:
        for store, places in left.items():
            for place in places:
                typer.echo(f"{store:<14} {place}")
        say(("Nothing is left." if not left else "Something is left.") if subject else "")
        if holds is not None:
            say("The certificate is ours and as it was signed." if holds else "The certificate is not as it was signed.")
    if not ok:
        raise typer.Exit(FAILED)
