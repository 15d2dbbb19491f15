"""The command that starts Dagster's web UI with all that belongs to it."""

from __future__ import annotations

from typing import Annotated

import typer

from seeding_platform.cli.terms import FAILED, say
from seeding_platform.settings import Settings

webui_app = typer.Typer()


@webui_app.command()
def ui(
    port: Annotated[int | None, typer.Option("--port", help="Port on 127.0.0.1; default SEEDING_UI_PORT (3000).", min=1, max=65535)] = None,
    auth: Annotated[str | None, typer.Option("--auth", help="on, off, or auto: ask for a key once there is one; default SEEDING_UI_AUTH.")] = None,
) -> None:
    """Start Dagster's web UI, sensors and schedules: viewers look, operators start and stop runs, admins do the rest.

    Everything ends with Ctrl-C. Keys are those of the API (`seeding keys create`). What it shows is the installation as a whole: only keys of the
    tenants in SEEDING_UI_TENANTS enter, or of the only tenant there is. Every change made in it is on record (`seeding audit list --action ui.`).
    """
    import datetime as dt
    import secrets

    from seeding_platform.webui.serve import serve

    if auth not in (None, "auto", "on", "off"):
        raise typer.BadParameter("is auto, on or off", param_hint="--auth")
    given = {name: value for name, value in (("ui_port", port), ("ui_auth", auth)) if value is not None}
    settings = Settings().model_copy(update=given)
    if not serve(settings, now=lambda: dt.datetime.now(dt.UTC), new_id=secrets.token_hex, says=say):
        raise typer.Exit(FAILED)
