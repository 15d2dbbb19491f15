"""Commands that answer people about their data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seeding_platform.cli.terms import FAILED, Json, Tenant, out, running, say
from seeding_platform.settings import Settings

if TYPE_CHECKING:
    from seeding_platform.governance.subject_rights.identity import Identity
    from seeding_platform.governance.subject_rights.rectification import Correction
    from seeding_platform.governance.subject_rights.requests import Done, SubjectRights
    from seeding_platform.storage.state import State
    from seeding_platform.storage.subject_keys import Counted

privacy_app = typer.Typer(help="Answering people about their data: what is held, erasing it everywhere, proof.", no_args_is_help=True)
Subject = Annotated[list[str], typer.Option("--subject", metavar="LABEL=VALUE", help="An identifier, such as EMAIL=jan@example.nl; repeatable.")]


def _rights(settings: Settings, state: State) -> SubjectRights:
    import datetime as dt

    from seeding_platform.service.people import people

    return people(settings, state, now=lambda: dt.datetime.now(dt.UTC))


RequestId = Annotated[str, typer.Option("--request", metavar="ID", help="Names the request; the same id again goes on where it ended.")]
By = Annotated[str, typer.Option("--identity-by", metavar="WHO", help="Who confirmed that the person is who they say.")]
How = Annotated[str, typer.Option("--identity-how", metavar="NOTE", help="How, in a few words; without it the request says `not_verified`.")]


def _identity(by: str, how: str) -> Identity | None:
    from seeding_platform.governance.subject_rights.identity import Identity

    return Identity.confirmed(by, how) if by or how else None


def _carried_out(kind: str, subject: list[str], whose: str, request: str, identity: Identity | None, correction: Correction | None = None) -> Done:
    """Carry a request out, alone on the installation, and tell Dagster which tables changed."""
    from seeding_platform.governance.subject_rights.matcher import Identifier
    from seeding_platform.storage.state import State

    settings = Settings()
    identifiers = [Identifier.parsed(text) for text in subject]

    def work(instance: Any) -> Done:
        from seeding_platform.defs.restoring import tell_changed

        with State.open(settings.state_url) as state:
            rights = _rights(settings, state)
            taken = rights.receive(kind, identifiers, tenant=whose, actor="cli", request_id=request, identity=identity, correction=correction)
            found = rights.carry_out(taken)
        changed = {t for store in ("lake", "tables", "quality tables") for t in found.stores.get(store, {}).get("changed", {})}
        tell_changed(instance, sorted(changed), f"a person: {kind}")
        return found

    done: Done = running(settings, f"a request of a person ({kind})", work)
    return done


def _told(done: Done, whose: str, *, as_json: bool) -> None:
    """Say what was done; exit 1 when a hold keeps it."""
    if as_json:
        out(
            {
                "request": done.request_id,
                "state": done.state,
                "stores": done.stores,
                "certificate": str(done.certificate) if done.certificate else None,
            }
        )
    else:
        for store, receipt in done.stores.items():
            changed = receipt.get("changed", {})
            typer.echo(f"{store:<14} {len(changed):>5} places changed" if "changed" in receipt else f"{store:<14} done")
        changes = [receipt["changed"] for receipt in done.stores.values() if "changed" in receipt]
        if changes and not any(changes):
            say(f"Nothing of this person was held for tenant {whose} that had to be changed; what comes in from now on meets the request.")
        say(f"Request {done.request_id} is {done.state}." + (f" Certificate: {done.certificate}" if done.certificate else ""))
    if done.state == "held":
        for reason in done.stores.get("hold", {}).get("held_by", []):
            say(f"Held by {reason}")
        raise typer.Exit(FAILED)


@privacy_app.command("access")
def privacy_access(
    subject: Subject,
    target: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.zip", help="Write everything that is held, as JSON lines a data set.", dir_okay=False)
    ] = None,
    portable: Annotated[bool, typer.Option("--portable", help="Record it as a request for portability: to take along, by a program.")] = False,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Say what is held about a person, where and what for; with --out, all of it in one file: JSON lines, CSV and a manifest."""
    from seeding_platform.governance.subject_rights.access import export, held_with_reasons
    from seeding_platform.governance.subject_rights.matcher import Identifier, Matcher
    from seeding_platform.storage.state import State

    settings, whose = Settings(), tenant or "default"
    identifiers = [Identifier.parsed(text) for text in subject]
    with State.open(settings.state_url) as state:
        rights = _rights(settings, state)
        if portable and target is None:
            raise typer.BadParameter("--portable needs --out.")
        request = rights.receive("portability" if portable else "access", identifiers, tenant=whose, actor="cli")
        held = rights.held(Matcher(identifiers), tenant=whose)
        if target is not None:
            export(rights, Matcher(identifiers), tenant=whose, target=target)
        about = held_with_reasons(rights, held, whose)
        rights.answered(request, {store: sum(places.values()) for store, places in held.items()})
    if as_json:
        out({"request": request.request_id, "tenant": whose, "held": held, "about": about, "file": str(target) if target else None})
        return
    for store, places in held.items():
        for place, count in places.items():
            typer.echo(f"{store:<14} {count:>7,}  {place}")
    say(f"{sum(len(places) for places in held.values())} places hold something." + (f" All of it is in {target}" if target else ""))


@privacy_app.command("erase")
def privacy_erase(
    subject: Subject,
    request: RequestId = "",
    identity_by: By = "",
    identity_how: How = "",
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Erase a person everywhere, keep them from coming in again, and sign a certificate; exit 1 when something is left or a hold keeps it."""
    whose = tenant or "default"
    _told(_carried_out("erase", subject, whose, request, _identity(identity_by, identity_how)), whose, as_json=as_json)


@privacy_app.command("rectify")
def privacy_rectify(
    subject: Subject,
    table: Annotated[str, typer.Option("--table", metavar="TABLE", help="Contract, such as customers.")],
    values: Annotated[list[str], typer.Option("--set", metavar="COLUMN=VALUE", help="The right value; nothing behind = means none; repeatable.")],
    request: RequestId = "",
    identity_by: By = "",
    identity_how: How = "",
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Put values of a person right, in the tables and in whatever brings the wrong ones in again."""
    from seeding_platform.governance.subject_rights.rectification import Correction

    told = dict(text.partition("=")[::2] for text in values)
    if any("=" not in text for text in values):
        raise typer.BadParameter("--set needs COLUMN=VALUE.")
    whose, correction = tenant or "default", Correction.checked(table, {name: value or None for name, value in told.items()})
    _told(_carried_out("rectify", subject, whose, request, _identity(identity_by, identity_how), correction), whose, as_json=as_json)


@privacy_app.command("restrict")
def privacy_restrict(
    subject: Subject,
    request: RequestId = "",
    identity_by: By = "",
    identity_how: How = "",
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Leave a person out of everything behind the clean tables until it is lifted; what is stored stays."""
    whose = tenant or "default"
    _told(_carried_out("restrict", subject, whose, request, _identity(identity_by, identity_how)), whose, as_json=as_json)


@privacy_app.command("lift")
def privacy_lift(
    subject: Subject,
    request: RequestId = "",
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Lift a person's restriction; the tables have them again when they are judged next."""
    whose = tenant or "default"
    _told(_carried_out("lift", subject, whose, request, None), whose, as_json=as_json)


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

    def work(instance: Any) -> tuple[int, Counted]:
        with State.open(settings.state_url) as state:
            trail = Trail(settings, state)
            keys = SubjectKeys(state, trail.keys, now=lambda: now)
            done = keys.rotate()
            trail.record(Event(at=now, tenant="", actor="cli", action="privacy.rewrap", detail={"keys": done}))
            return done, keys.counted()

    done, found = running(settings, "the wrapping of people's keys", work)
    say(f"{done:,} keys are wrapped with version {max(found.versions, default=1)}; {found.shredded:,} were shredded before.")
