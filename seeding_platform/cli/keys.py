"""Commands about keys of the API and the pages."""

from __future__ import annotations

from typing import Annotated

import typer

from seeding_platform.cli.terms import Json, out, say
from seeding_platform.settings import Settings

keys_app = typer.Typer(help="Keys of the API and the pages.", no_args_is_help=True)
KeyId = Annotated[str, typer.Argument(help="Id of the key: what stands between the first two underscores of it.")]
MOST_DAYS = 3650


@keys_app.command("create")
def keys_create(
    role: Annotated[str, typer.Option("--role", help="viewer, analyst, operator, steward or admin; of an engine: viewer.")] = "",
    tenant: Annotated[str, typer.Option("--tenant", help="Whose data the key sees.")] = "default",
    label: Annotated[str, typer.Option("--label", help="What it is for.")] = "",
    holder: Annotated[str, typer.Option("--for", help="The person or system that it is for.")] = "",
    days: Annotated[int | None, typer.Option("--days", min=1, max=MOST_DAYS, help="After how many days it ends; default: never.")] = None,
    grants: Annotated[
        list[str] | None, typer.Option("--grant", metavar="PATTERN", help="Limit it: clean/orders, quality/*, source:ad_exports; repeatable.")
    ] = None,
    engines: Annotated[
        list[str] | None, typer.Option("--engine", metavar="NAME", help="For an engine: it fetches that engine's bundles, and says what it has.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a key; it is shown here and never again."""
    import datetime as dt

    from seeding_platform.service.key_commands import new_key
    from seeding_platform.storage.api_keys import Role
    from seeding_platform.storage.grants import ENGINE

    limits = [*(grants or ()), *(f"{ENGINE}{name}" for name in engines or ())]
    role = role or (Role.VIEWER if engines else "")
    if role not in list(Role):
        raise typer.BadParameter(f"--role is one of {', '.join(Role)}")
    ends = None if days is None else dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
    key_id, key = new_key(Settings(), role=Role(role), tenant=tenant, label=label, holder=holder, expires_at=ends, grants=limits)
    if as_json:
        out({"id": key_id, "key": key})
    else:
        typer.echo(key)


@keys_app.command("list")
def keys_list(
    tenant: Annotated[str | None, typer.Option("--tenant", help="Keys of one tenant; default: of all.")] = None, as_json: Json = False
) -> None:
    """List keys without their secrets: role, tenant, last use, who made them, when they end."""
    import dataclasses
    import datetime as dt

    from seeding_platform.service.key_commands import listed_keys

    keys, now = listed_keys(Settings(), tenant=tenant), dt.datetime.now(dt.UTC)
    if as_json:
        told = [{n: v for n, v in dataclasses.asdict(k).items() if n not in ("mark", "old_mark")} | {"valid": k.valid(now)} for k in keys]
        out({"keys": told})
        return
    for k in keys:
        state = "revoked" if k.revoked_at is not None else "ended" if not k.valid(now) else "valid"
        used = f"last used {k.last_used_at:%Y-%m-%d %H:%M}" if k.last_used_at is not None else "never used"
        ends = f", ends {k.expires_at:%Y-%m-%d %H:%M}" if k.expires_at is not None else ""
        limited = f", limited to {' '.join(k.grants)}" if k.grants else ""
        named = " / ".join(text for text in (k.holder, k.label) if text)
        typer.echo(f"{k.key_id:<14} {k.role:<8} {k.tenant:<12} {state:<8} {used}{ends}, made by {k.made_by or 'unknown'}{limited}  {named}".rstrip())


@keys_app.command("rotate")
def keys_rotate(
    key_id: KeyId,
    grace_hours: Annotated[int, typer.Option("--grace-hours", min=0, max=24, help="How long the secret before is still taken.")] = 1,
    as_json: Json = False,
) -> None:
    """Give a key a new secret; it is shown here and never again."""
    from seeding_platform.service.key_commands import rotated_key

    found, key = rotated_key(Settings(), key_id, grace_hours=grace_hours)
    until = f"is taken until {found.old_until:%Y-%m-%d %H:%M} UTC" if found.old_until is not None else "is no longer taken"
    say(f"The secret before {until}.")
    if as_json:
        out({"id": key_id, "key": key, "old_until": found.old_until})
    else:
        typer.echo(key)


@keys_app.command("revoke")
def keys_revoke(key_id: KeyId) -> None:
    """End a key at once; the last valid admin key of a tenant is refused."""
    from seeding_platform.service.key_commands import revoked_key

    found = revoked_key(Settings(), key_id)
    typer.echo(f"Key {key_id} ({found.role}, tenant {found.tenant}) is revoked: what uses it is refused from now on.")
