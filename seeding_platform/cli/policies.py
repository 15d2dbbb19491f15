"""Commands about obligations: what this installation can show for them."""

from __future__ import annotations

from typing import Annotated

import typer

from seeding_platform.cli.terms import FAILED, Json, out, say
from seeding_platform.settings import Settings

policies_app = typer.Typer(help="Obligations of laws, held against this installation. No certification.", no_args_is_help=True)


@policies_app.callback()
def policies() -> None:
    """Obligations of laws, held against this installation. No certification."""


@policies_app.command("check")
def policies_check(
    pack: Annotated[list[str] | None, typer.Option("--pack", help="gdpr, ccpa, hipaa or sox; repeatable; default: all.")] = None,
    as_json: Json = False,
) -> None:
    """Say for each obligation whether it is met, with what was looked at; exit 1 when one is not."""
    import datetime as dt

    from seeding_platform.governance.audit import Trail
    from seeding_platform.governance.controls.evaluate import controls
    from seeding_platform.governance.controls.finding import Status
    from seeding_platform.governance.controls.installation import Installation
    from seeding_platform.governance.controls.packs import PACKS
    from seeding_platform.storage.state import State

    settings = Settings()
    with State.open(settings.state_url) as state:
        found = controls(Installation(settings, state, Trail(settings, state), dt.datetime.now(dt.UTC)), pack or PACKS)
    if as_json:
        out([control.told() for control in found])
    else:
        for control in found:
            typer.echo(f"{control.status:<15} {control.pack:<6} {control.obligation.id:<20} {control.obligation.cites}")
            if control.status is Status.NOT_MET:
                for check, finding in control.findings.items():
                    for what in finding.lacking:
                        typer.echo(f"{'':15} {check}: {what}")
                typer.echo(f"{'':15} -> {control.obligation.fix}")
    counts = ", ".join(f"{sum(c.status is status for c in found)} {status}" for status in Status)
    say(f"{len(found)} obligations: {counts}. This is what was found, not a certification.")
    if any(c.status is Status.NOT_MET for c in found):
        raise typer.Exit(FAILED)
