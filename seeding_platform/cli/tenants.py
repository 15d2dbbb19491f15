"""Commands about tenants: what each holds, how much it may, whether it is served, taking it along, removing it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seeding_platform.cli.terms import Json, out, running, say
from seeding_platform.settings import Settings

if TYPE_CHECKING:
    from seeding_platform.governance.tenants import Removed, Standing
    from seeding_platform.service.tenanted import Tenancy
    from seeding_platform.storage.state import State
    from seeding_platform.storage.tenants import Quota

tenants_app = typer.Typer(help="Organisations: what they hold, quotas, suspending, taking along, removing.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="TENANT", help="Its name.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it goes on record.")]
Rows = Annotated[int | None, typer.Option("--rows", min=0, help="Most rows in all its tables together; default: no limit.")]
Bytes = Annotated[int | None, typer.Option("--bytes", min=0, help="Most bytes of all its tables together; default: no limit.")]
Requests = Annotated[int | None, typer.Option("--requests", min=1, help="Most requests a minute of all its keys together; default: no limit.")]
CLI = "cli"


def _tenancy(settings: Settings, state: State) -> Tenancy:
    import datetime as dt

    from seeding_platform.service.tenanted import Tenancy

    return Tenancy(settings, state, lambda: dt.datetime.now(dt.UTC))


def _opened(settings: Settings) -> State:
    from seeding_platform.storage.state import State

    settings.state.mkdir(parents=True, exist_ok=True)
    return State.open(settings.state_url)


def _quota(rows: int | None, size: int | None, requests: int | None) -> Quota:
    from seeding_platform.storage.tenants import Quota

    return Quota(rows=rows, bytes=size, requests_a_minute=requests)


@tenants_app.command("list")
def tenants_list(as_json: Json = False) -> None:
    """List every tenant: state, rows and bytes in the lake, keys, when something was last done, quota."""
    import dataclasses

    settings = Settings()
    with _opened(settings) as state:
        found = _tenancy(settings, state).list()
    if as_json:
        out({"tenants": [{**dataclasses.asdict(s.tenant), **_counted(s)} for s in found]})
        return
    for standing in found:
        t, told = standing.tenant, _counted(standing)
        last = f"{standing.last_at:%Y-%m-%d %H:%M}" if standing.last_at is not None else "never"
        limits = ", ".join(f"{n} {v:,}" for n, v in dataclasses.asdict(t.quota).items() if v is not None)
        counts = f"{told['rows']:>12,} rows {told['bytes']:>14,} bytes {told['keys']:>3} keys"
        typer.echo(f"{t.tenant:<20} {t.state:<9} {counts}  last {last}{f'  at most {limits}' if limits else ''}")


def _counted(standing: Standing) -> dict[str, Any]:
    held = standing.held
    told = {"tables": held.tables, "rows": held.rows, "bytes": held.bytes}
    return told | {"state_rows": standing.state_rows, "keys": standing.keys, "last_at": standing.last_at}


@tenants_app.command("add")
def tenants_add(
    tenant: Name,
    label: Annotated[str, typer.Option("--label", help="What it is called, for people.")] = "",
    rows: Rows = None,
    size: Bytes = None,
    requests: Requests = None,
) -> None:
    """Add a tenant, with a quota or without."""
    settings = Settings()
    with _opened(settings) as state:
        _tenancy(settings, state).add(tenant, label=label, quota=_quota(rows, size, requests), actor=CLI)
    say(f"Tenant {tenant} is there. `seeding keys create --role admin --tenant {tenant}` makes its first key.")


@tenants_app.command("quota")
def tenants_quota(tenant: Name, rows: Rows = None, size: Bytes = None, requests: Requests = None) -> None:
    """Give a tenant another quota, whole: what is not said has no limit."""
    settings = Settings()
    with _opened(settings) as state:
        _tenancy(settings, state).limit(tenant, _quota(rows, size, requests), actor=CLI)
    say(f"Tenant {tenant} has another quota; a service that runs knows it within seconds.")


@tenants_app.command("suspend")
def tenants_suspend(tenant: Name, reason: Reason) -> None:
    """Refuse a tenant's keys and files; everything it has stays."""
    from seeding_platform.storage.tenants import TenantState

    settings = Settings()
    with _opened(settings) as state:
        _tenancy(settings, state).move(tenant, TenantState.SUSPENDED, reason=reason, actor=CLI)
    say(f"Tenant {tenant} is suspended; a service that runs refuses its keys within seconds.")


@tenants_app.command("resume")
def tenants_resume(tenant: Name, reason: Reason) -> None:
    """Serve a suspended tenant again."""
    from seeding_platform.storage.tenants import TenantState

    settings = Settings()
    with _opened(settings) as state:
        _tenancy(settings, state).move(tenant, TenantState.ACTIVE, reason=reason, actor=CLI)
    say(f"Tenant {tenant} is served again.")


@tenants_app.command("export")
def tenants_export(
    tenant: Name,
    target: Annotated[Path, typer.Option("--out", metavar="FILE.zip", help="The archive to write; not one that is there.", dir_okay=False)],
) -> None:
    """Write everything of a tenant as one archive: tables as Parquet, rows of the state database as JSON lines, bundles, a manifest with digests."""
    settings = Settings()
    if target.exists():
        raise typer.BadParameter(f"{target} is there already")
    partial = target.with_name(f".{target.name}.part")
    try:
        with _opened(settings) as state:
            manifest = _tenancy(settings, state).export(partial, tenant, actor=CLI)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    say(f"{len(manifest['files'])} files of tenant {tenant} are in {target}.")


@tenants_app.command("remove")
def tenants_remove(
    tenant: Name,
    confirm: Annotated[str, typer.Option("--confirm", metavar="TENANT", help="Its name once more: what is removed is gone for good.")],
    reason: Reason,
    as_json: Json = False,
) -> None:
    """Delete all that a tenant has, for good, with a signed certificate; a legal hold refuses it."""
    settings = Settings()

    def work(instance: Any) -> Removed:
        from seeding_platform.defs.restoring import tell_changed

        with _opened(settings) as state:
            done = _tenancy(settings, state).remove(tenant, confirm=confirm, reason=reason, actor=CLI)
        tell_changed(instance, sorted(done.stores["tables"]), f"tenant {tenant} was removed")
        return done

    done: Removed = running(settings, f"removing tenant {tenant}", work)
    if as_json:
        out({"tenant": done.tenant, "stores": done.stores, "certificate": str(done.certificate)})
        return
    for store, gone in done.stores.items():
        typer.echo(f"{store:<8} {len(gone):>5} places {sum(gone.values()):>12,} entries")
    say(f"Tenant {tenant} is removed; nothing is left. Certificate: {done.certificate}")
