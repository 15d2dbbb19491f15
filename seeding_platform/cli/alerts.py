"""`seeding alerts ...`: what is not as it should be, and taking it on, without the service."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from seeding_platform.cli.terms import Json, out
from seeding_platform.settings import Settings

if TYPE_CHECKING:
    from seeding_platform.monitoring import AlertDesk
    from seeding_platform.storage.alerts import Occurrence

alerts_app = typer.Typer(help="What is not as it should be, and who has taken it on.", no_args_is_help=True)
AlertId = Annotated[str, typer.Argument(help="Id of the alert, as `seeding alerts list` shows it.")]
ACTOR = "cli"
LONGEST_H = 90 * 24


@contextmanager
def _desk() -> Iterator[AlertDesk]:
    from seeding_platform.monitoring import AlertDesk
    from seeding_platform.storage.state import State

    settings = Settings()
    settings.state.mkdir(parents=True, exist_ok=True)
    with State.open(settings.state_url) as state:
        yield AlertDesk(state, settings)


@alerts_app.command("list")
def alerts_list(
    state: Annotated[str, typer.Option("--state", help="open, acknowledged, muted, resolved or all.")] = "open",
    tenant: Annotated[str | None, typer.Option("--tenant", help="Of one tenant; `-` for the whole installation's; default: everybody's.")] = None,
    rule: Annotated[str, typer.Option("--rule", help="Only of rules whose name begins with this.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many, what was raised last first.")] = 50,
    as_json: Json = False,
) -> None:
    """List alerts: id, severity, state, since when, how often, whose, and what."""
    import dataclasses

    from seeding_platform.monitoring.alert import AlertState
    from seeding_platform.monitoring.notices import title_of
    from seeding_platform.monitoring.rules import RULES
    from seeding_platform.storage.alerts import Wanted

    if state not in (*AlertState, "all"):
        raise typer.BadParameter(f"--state is one of {', '.join(AlertState)}, all")
    with _desk() as desk:
        tenants = desk.alerts.tenants() if tenant is None else ["" if tenant == "-" else tenant]
        rules = [name for name in RULES if name.startswith(rule)]
        found = desk.alerts.listed(Wanted(tenants=tenants, rules=rules, states=[] if state == "all" else [state]), limit=limit)
    if as_json:
        out({"alerts": [{**dataclasses.asdict(a), "title": title_of(a, "en")} for a in found]})
        return
    for a in found:
        head = f"{a.alert_id}  {a.severity:<8}  {a.state:<12}  {a.opened_at:%Y-%m-%d %H:%M}  {a.count:>5}x"
        typer.echo(f"{head}  {a.tenant or '-':<12}  {a.rule}  {title_of(a, 'en')}")


@alerts_app.command("ack")
def alerts_ack(alert_id: AlertId) -> None:
    """Take an alert on: nobody is reminded of it, unless it gets worse."""
    with _desk() as desk:
        _said(desk.acknowledge(alert_id, actor=ACTOR, now=dt.datetime.now(dt.UTC)))


@alerts_app.command("mute")
def alerts_mute(
    alert_id: AlertId, hours: Annotated[float, typer.Option("--hours", min=0.1, max=LONGEST_H, help="For how long nobody is told.")] = 24
) -> None:
    """Have nobody told of an alert for a while, whatever becomes of it."""
    with _desk() as desk:
        now = dt.datetime.now(dt.UTC)
        _said(desk.mute(alert_id, now + dt.timedelta(hours=hours), actor=ACTOR, now=now))


@alerts_app.command("resolve")
def alerts_resolve(alert_id: AlertId) -> None:
    """Say that an alert is over; where it is not, it opens anew when it is next raised."""
    with _desk() as desk:
        _said(desk.resolve(alert_id, actor=ACTOR, now=dt.datetime.now(dt.UTC)))


def _said(alert: Occurrence) -> None:
    until = f" until {alert.muted_until:%Y-%m-%d %H:%M} UTC" if alert.muted_until is not None and alert.state == "muted" else ""
    typer.echo(f"Alert {alert.alert_id} ({alert.rule}, {alert.subject}) is {alert.state}{until}.")
