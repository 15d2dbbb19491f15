"""Commands that answer people about their data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seeding_platform.cli.terms import FAILED, Json, Tenant, out, running, say
from seeding_platform.settings import Settings

if TYPE_CHECKING:
    from seeding_platform.governance.subject_rights.requests import SubjectRights
    from seeding_platform.storage.state import State

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


@privacy_app.command("reveal")
def privacy_reveal(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="Contract, such as content_posts.")],
    column: Annotated[str, typer.Argument(metavar="COLUMN", help="Column that is encrypted.")],
    value: Annotated[list[str], typer.Option("--value", metavar="enc1...", help="A value as it stands in the quality table; repeatable.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it goes on record.")],
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Decrypt values of an encrypted column; each one goes on record before it is shown."""
    import datetime as dt

    from seeding_platform.governance.audit import Trail
    from seeding_platform.governance.reveal import Revealer
    from seeding_platform.storage.state import State

    settings = Settings()
    with State.open(settings.state_url) as state:
        reads = Revealer(state, Trail(settings, state), lambda: dt.datetime.now(dt.UTC))
        values = reads.revealed(value, table=table, column=column, tenant=tenant or "default", actor="cli", reason=reason)
    if as_json:
        out({"values": values})
        return
    for told in values:
        typer.echo(told)


@privacy_app.command("rewrap")
def privacy_rewrap() -> None:
    """Wrap the keys of all people anew with the next key-encryption key; no table is touched."""
    import datetime as dt

    from seeding_platform.governance.audit import Trail
    from seeding_platform.storage.audit import Event
    from seeding_platform.storage.state import State
    from seeding_platform.storage.subject_keys import SubjectKeys

    settings, now = Settings(), dt.datetime.now(dt.UTC)
    with State.open(settings.state_url) as state:
        trail = Trail(settings, state)
        keys = SubjectKeys(state, trail.keys, now=lambda: now)
        done = keys.rotate()
        trail.record(Event(at=now, tenant="", actor="cli", action="privacy.rewrap", detail={"keys": done}))
        found = keys.counted()
    say(f"{done:,} keys are wrapped with version {max(found.versions, default=1)}; {found.shredded:,} were shredded before.")
