"""Commands for whoever runs the platform: how the delivery to engines stands, and what is done about it, without the service.

What is put in force here is delivered by the service, which finds it by itself within a second.
"""

from __future__ import annotations

import datetime as dt
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from seeding_platform.cli.engine import engine_app
from seeding_platform.cli.terms import FAILED, Json, out, say
from seeding_platform.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seeding_platform.distribution.delivery.publishing import Publisher
    from seeding_platform.governance.audit import Trail
    from seeding_platform.storage.delivery.records import Endpoint

__all__ = ["engine_app"]
endpoint_app = typer.Typer(help="Addresses that bundles go to.", no_args_is_help=True)
engine_app.add_typer(endpoint_app, name="endpoint")
CLI = "cli"
Engine = Annotated[str, typer.Argument(metavar="ENGINE", help="Its name, as `seeding engine list` shows it.")]
Tenant = Annotated[str, typer.Option("--tenant", help="Whose engines.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it goes to the engine and on record.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many, the newest first.")]


@engine_app.command("list")
def engine_list(tenant: Tenant = "default", as_json: Json = False) -> None:
    """List engines: the generation that is wanted, what is acknowledged, how long it lags, health, rows, uptime of 30 days."""
    import dataclasses

    from seeding_platform.distribution.delivery import standing
    from seeding_platform.distribution.delivery.overview import share_up

    with _delivery() as (publisher, _):
        found = standing.standing(publisher, tenant, _now())
    if as_json:
        out({"engines": [dataclasses.asdict(one) | {"uptime_share": share_up(one.uptime)} for one in found]})
        return
    if not found:
        say("No engine has a generation yet: build the bundles first, with `seeding seed`.")
    for one in found:
        up = share_up(one.uptime)
        lag = "-" if one.lag_s is None else f"{one.lag_s:.0f} s"
        parts = (f"{one.engine:<28}", f"wants {one.desired:>5}", f"has {one.acknowledged or '-':>5}", f"{one.up_to_date}/{one.addresses} addresses")
        more = (
            f"lag {lag:>8}",
            f"{one.health:<8}",
            f"{one.rows if one.rows is not None else '-':>9} rows",
            "-" if up is None else f"{up:.2%}",
            one.note,
        )
        typer.echo("  ".join((*parts, *more)).rstrip())


@engine_app.command("generations")
def engine_generations(engine: Engine, tenant: Tenant = "default", limit: Limit = 20, as_json: Json = False) -> None:
    """List generations of an engine: number, kind, state, when, by whom, content, why."""
    import dataclasses

    from seeding_platform.distribution.delivery import standing

    with _delivery() as (publisher, _):
        found = standing.generations(publisher, tenant, engine, limit=limit)
    if as_json:
        out({"generations": [dataclasses.asdict(g) for g in found]})
        return
    for g in found:
        why = "; ".join(filter(None, (g.reason, g.note)))
        typer.echo(
            f"{g.generation:>6}  {g.kind:<11}  {g.state:<11}  {g.issued_at:%Y-%m-%d %H:%M:%S}  {g.actor:<14}  {g.content_id[:12]}  {why}".rstrip()
        )


@engine_app.command("deliveries")
def engine_deliveries(
    engine: Annotated[str | None, typer.Argument(metavar="ENGINE", help="Of one engine; default: of all.")] = None,
    state: Annotated[
        str | None, typer.Option("--state", help="waiting, held, delivering, prepared, acknowledged, dead, superseded, aborted.")
    ] = None,
    tries: Annotated[bool, typer.Option("--tries", help="With every try.")] = False,
    tenant: Tenant = "default",
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List deliveries, the newest generation first; `--state dead` gives the dead letters."""
    import dataclasses

    from seeding_platform.distribution.delivery import standing
    from seeding_platform.storage.delivery.records import DeliveryState

    if state is not None and state not in list(DeliveryState):
        raise typer.BadParameter(f"--state is one of {', '.join(DeliveryState)}")
    with _delivery() as (publisher, _):
        found = standing.deliveries(publisher, tenant, engine=engine, state=state, limit=limit)
        known = {d.delivery_id: standing.attempts(publisher, tenant, d.delivery_id) for d in found} if tries else {}
    if as_json:
        out(
            {
                "deliveries": [
                    dataclasses.asdict(d) | ({"tries": [dataclasses.asdict(t) for t in known[d.delivery_id]]} if tries else {}) for d in found
                ]
            }
        )
        return
    for d in found:
        head = f"{d.delivery_id}  {d.engine:<28}  {d.endpoint_id:<20}  {d.generation:>6}  {d.state:<12}  {d.attempts:>3} tries"
        typer.echo(f"{head}  {d.error}".rstrip())
        for t in known.get(d.delivery_id, []):
            typer.echo(f"    {t.at:%Y-%m-%d %H:%M:%S}  {t.outcome:<12}  {t.code or '-':>4}  {t.took_ms:>6} ms  {t.error}".rstrip())


@engine_app.command("replay")
def engine_replay(
    delivery_ids: Annotated[
        list[str], typer.Argument(metavar="DELIVERY...", help="Dead ones, as `seeding engine deliveries --state dead` lists them.")
    ],
    tenant: Tenant = "default",
    as_json: Json = False,
) -> None:
    """Send dead letters again, each under its own id; exit 1 when one cannot be."""
    from seeding_platform.distribution.delivery import standing

    done: dict[str, str] = {}
    with _delivery() as (publisher, trail):
        for delivery_id in delivery_ids:
            try:
                sent = standing.replay(publisher, tenant, delivery_id, now=_now())
            except standing.NoSuchDelivery as error:
                done[delivery_id] = str(error)
                continue
            _record(trail, tenant, "engines.replay", delivery_id, {"engine": sent.engine})
            done[delivery_id] = sent.state
    if as_json:
        out({"deliveries": done})
    else:
        for delivery_id, told in done.items():
            typer.echo(f"{delivery_id}: {told}")
    if any(told != "waiting" for told in done.values()):
        raise typer.Exit(FAILED)


@engine_app.command("rollback")
def engine_rollback(
    engine: Engine,
    reason: Reason,
    to: Annotated[
        int | None, typer.Option("--to", min=1, help="Generation whose content is wanted; default: the newest before that did no harm.")
    ] = None,
    tenant: Tenant = "default",
    as_json: Json = False,
) -> None:
    """Put an earlier content in force, under a new number."""
    from seeding_platform.distribution.delivery import standing

    with _delivery() as (publisher, trail):
        made = standing.rollback(publisher, tenant, engine, reason=reason, actor=CLI, now=_now(), to=to)
        _record(trail, tenant, "engines.rollback", engine, {"generation": made.generation, "reason": reason})
    if as_json:
        out({"engine": engine, "generation": made.generation, "content_id": made.content_id})
    else:
        typer.echo(f"{engine}: generation {made.generation} is in force, with content {made.content_id[:12]}.")


@engine_app.command("redistribute")
def engine_redistribute(
    reason: Reason,
    engine: Annotated[list[str] | None, typer.Option("--engine", help="Of this engine; may be repeated; default: of all.")] = None,
    tenant: Tenant = "default",
    as_json: Json = False,
) -> None:
    """Send what is in force to every address again, under a new number; exit 1 when something cannot be sent."""
    from seeding_platform.distribution.delivery.overview import redistributed

    with _delivery() as (publisher, trail):
        done = redistributed(publisher, tenant, reason=reason, actor=CLI, now=_now(), engines=engine or None)
        for name, made, _ in done:
            if made is not None:
                _record(trail, tenant, "engines.redistribute", name, {"generation": made.generation, "reason": reason})
    if as_json:
        out({"engines": [{"engine": n, "generation": m.generation if m else None, "problem": str(w) if w else None} for n, m, w in done]})
    else:
        for name, made, why in done:
            typer.echo(f"{name}: generation {made.generation} is in force." if made is not None else f"{name}: {why}")
    if any(why is not None for _, _, why in done):
        raise typer.Exit(FAILED)


@endpoint_app.command("list")
def endpoint_list(
    engine: Annotated[str | None, typer.Argument(metavar="ENGINE", help="Of one engine; default: of all.")] = None,
    tenant: Tenant = "default",
    as_json: Json = False,
) -> None:
    """List addresses: id, engine, kind, whether it is on, when it last answered, and where it is."""
    import dataclasses

    with _delivery() as (publisher, _):
        found = publisher.endpoints.all(tenant=tenant, engine=engine)
    if as_json:
        out({"endpoints": [dataclasses.asdict(e) for e in found]})
        return
    for e in found:
        seen = f"{e.seen_at:%Y-%m-%d %H:%M}" if e.seen_at is not None else "never"
        typer.echo(
            f"{e.endpoint_id:<20}  {e.engine:<28}  {e.kind:<8}  {'on' if e.enabled else 'off':<4}  {seen:<16}  {e.target}  {e.schedule}".rstrip()
        )


@endpoint_app.command("add")
def endpoint_add(
    engine: Engine,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="http, folder, s3 or webhook.")],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="URL, folder below SEEDING_ENGINE_FOLDERS, or s3://bucket/prefix.")],
    schedule: Annotated[str, typer.Option("--schedule", help="Cron of five fields in UTC; default: at once.")] = "",
    tenant: Tenant = "default",
    as_json: Json = False,
) -> None:
    """Keep an address; what is in force goes to it. Its secret is on stdout, and shown this once."""
    from seeding_platform.catalog.engine import shipped_engines
    from seeding_platform.distribution.delivery import standing
    from seeding_platform.storage.delivery.records import EndpointKind

    if kind not in (EndpointKind.HTTP, EndpointKind.FOLDER, EndpointKind.S3, EndpointKind.WEBHOOK):
        raise typer.BadParameter("KIND is http, folder, s3 or webhook")
    with _delivery() as (publisher, trail):
        if engine not in shipped_engines() and publisher.ledger.newest(tenant, engine) is None:
            raise typer.BadParameter(f"there is no engine {engine}")
        made, secret = standing.registered(
            publisher, tenant, engine, kind=EndpointKind(kind), target=target, endpoint_id=f"ep_{secrets.token_hex(8)}", actor=CLI, now=_now(),
            private=trail.settings.private_addresses, schedule=schedule,
        )  # fmt: skip
        _record(trail, tenant, "engines.endpoint.add", made.endpoint_id, {"engine": engine, "kind": kind})
    if as_json:
        out({"endpoint_id": made.endpoint_id, "engine": engine, "secret": secret})
        return
    typer.echo(secret)
    say(f"Address {made.endpoint_id} of {engine} is kept; its secret is shown this once.")


@endpoint_app.command("remove")
def endpoint_remove(endpoint_id: Annotated[str, typer.Argument(metavar="ADDRESS")], tenant: Tenant = "default", as_json: Json = False) -> None:
    """Take an address away; nothing goes there any more."""
    from seeding_platform.distribution.delivery import standing

    with _delivery() as (publisher, trail):
        found: Endpoint | None = publisher.endpoints.one(endpoint_id, tenant=tenant)
        if found is None:
            say(f"There is no address {endpoint_id}; `seeding engine endpoint list` shows them.")
            raise typer.Exit(FAILED)
        standing.taken_away(publisher, found, now=_now())
        _record(trail, tenant, "engines.endpoint.remove", endpoint_id, {"engine": found.engine})
    if as_json:
        out({"endpoint_id": endpoint_id, "removed": True})
    else:
        typer.echo(f"{endpoint_id} of {found.engine} is taken away.")


@contextmanager
def _delivery() -> Iterator[tuple[Publisher, Trail]]:
    from seeding_platform.distribution.delivery.publishing import Publisher
    from seeding_platform.distribution.delivery.rules import rules_of
    from seeding_platform.governance.audit import Trail
    from seeding_platform.storage.state import State

    settings = Settings()
    settings.state.mkdir(parents=True, exist_ok=True)
    with State.open(settings.state_url) as state:
        trail = Trail(settings, state)
        yield Publisher(state, settings.bundles, trail.keys, lambda: secrets.token_hex(16), rules_of(settings)), trail


def _record(trail: Trail, tenant: str, action: str, subject: str, detail: dict[str, object]) -> None:
    from seeding_platform.storage.audit import Event

    trail.record(Event(at=_now(), tenant=tenant, actor=CLI, action=action, subject=subject, detail=detail))


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
