"""Commands about enrichment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seeding_platform.cli.terms import say

enrichment_app = typer.Typer(help="Enrichment of orders and exceptions.", no_args_is_help=True)


@enrichment_app.callback()
def enrichment() -> None:
    """Enrichment of orders and exceptions."""


@enrichment_app.command("fake-ai")
def fake_ai(
    script: Annotated[Path, typer.Option("--script", help="What it does to whom; examples/enrichment/outage.yaml is one.")],
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="On 127.0.0.1; 0 takes one that is free.")] = 0,
) -> None:
    """Serve a chat completions endpoint that misbehaves as a script says, until it is interrupted; its address is the line on stdout."""
    import datetime as dt

    from seeding_platform.enrichment.fake_server import FakeServer
    from seeding_platform.enrichment.providers.script import load_script

    server = FakeServer(load_script(script), now=lambda: dt.datetime.now(dt.UTC), port=port)
    typer.echo(server.url)
    say("Set SEEDING_AI_URL to it; Ctrl-C ends it.")
    try:
        server.serve()
    except KeyboardInterrupt:
        say(", ".join(f"{outcome} {n}" for outcome, n in server.met.items() if n) or "nothing was asked")
