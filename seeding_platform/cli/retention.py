"""Commands about how long rows are kept, and what must be kept all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from seeding_platform.cli.terms import Json, Tenant, out, running, say
from seeding_platform.settings import Settings

if TYPE_CHECKING:
    from seeding_platform.governance.expiring import Expiry, Retention
    from seeding_platform.governance.holding import Holding
    from seeding_platform.storage.state import State

retention_app = typer.Typer(help="How long rows are kept, and legal holds.", no_args_is_help=True)


def _retention(settings: Settings, state: State) -> Retention:
    import datetime as dt

    from seeding_platform.governance.audit import Trail
    from seeding_platform.governance.expiring import Retention

    return Retention(settings, state, Trail(settings, state), lambda: dt.datetime.now(dt.UTC))


def _holding(settings: Settings, state: State) -> Holding:
    import datetime as dt

    from seeding_platform.governance.audit import Trail
    from seeding_platform.governance.holding import Holding

    return Holding(state, Trail(settings, state), lambda: dt.datetime.now(dt.UTC))


@retention_app.command("plan")
def retention_plan(as_json: Json = False) -> None:
    """Say what is past the time that it may be kept; nothing is changed."""
    from seeding_platform.storage.state import State

    settings = Settings()
    with State.open(settings.state_url) as state:
        _told(_retention(settings, state).plan(), "would go", as_json=as_json)


@retention_app.command("apply")
def retention_apply(as_json: Json = False) -> None:
    """Take out what is past, in every layer with its old versions; the nightly upkeep does so by itself."""
    from seeding_platform.storage.state import State

    settings = Settings()

    def work(instance: Any) -> Expiry:
        from seeding_platform.defs.restoring import tell_changed

        with State.open(settings.state_url) as state:
            done = _retention(settings, state).apply(actor="cli")
        tell_changed(instance, sorted(t for t in done.gone if t.startswith("quality/")), "rows were past the time that they may be kept")
        return done

    _told(running(settings, "retention", work), "went", as_json=as_json)


def _told(found: Expiry, what: str, *, as_json: bool) -> None:
    if as_json:
        out({"gone": found.gone, "tables": found.tables, "report": str(found.report) if found.report else None})
        return
    for place, count in found.gone.items():
        typer.echo(f"{count:>9,}  {place}")
    for table, told in found.tables.items():
        say(
            f"{table}: {told['days']} days, older than {told['older_than']}: {told['past']:,} rows; "
            f"{told['without_time']:,} without a time are kept, {told['held']:,} are held."
        )
    if not found.tables:
        say("No table has a limit: set governance.retention for a table.")
    say(f"{len(found.gone)} places from which something {what}." + (f" Report: {found.report}" if found.report else ""))


@retention_app.command("holds")
def retention_holds(as_json: Json = False) -> None:
    """List the holds that stand."""
    import dataclasses

    from seeding_platform.storage.holds import Holds
    from seeding_platform.storage.state import State

    with State.open(Settings().state_url) as state:
        found = Holds(state).standing()
    if as_json:
        out([dataclasses.asdict(hold) for hold in found])
        return
    for hold in found:
        typer.echo(f"{hold.hold_id}  {hold.at:%Y-%m-%d}  {hold.tenant or 'everybody':12}  {hold.kind:10}  {hold.target or '-':20}  {hold.reason}")


@retention_app.command("hold")
def retention_hold(
    reason: Annotated[str, typer.Option("--reason", help="Why; it goes on record.")],
    table: Annotated[str, typer.Option("--table", help="Keep a table.")] = "",
    subject: Annotated[list[str] | None, typer.Option("--subject", metavar="LABEL=VALUE", help="Keep a person; repeatable.")] = None,
    tenant: Tenant = None,
) -> None:
    """Keep a table, a person, or everything, whatever retention and erasure say; without --tenant, of everybody (a person: of `default`)."""
    from seeding_platform.governance.subject_rights.matcher import Identifier
    from seeding_platform.storage.state import State

    settings = Settings()
    person = [Identifier.parsed(text) for text in subject or []]
    whose = tenant or ("default" if person else "")
    with State.open(settings.state_url) as state:
        hold = _holding(settings, state).place(tenant=whose, reason=reason, actor="cli", table=table, person=person)
    typer.echo(hold.hold_id)


@retention_app.command("release")
def retention_release(hold: Annotated[str, typer.Argument(metavar="HOLD", help="Id of the hold.")]) -> None:
    """Lift a hold: erasures that it kept waiting go on, and ages count again."""
    from seeding_platform.storage.state import State

    settings = Settings()
    with State.open(settings.state_url) as state:
        found = _holding(settings, state).release(hold, actor="cli")
    say(f"Hold {found.hold_id} is lifted.")
