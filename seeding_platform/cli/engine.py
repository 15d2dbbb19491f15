"""Commands for an engine's team: a receiver to try, the kit that tries one, a profile for Delta Sharing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seeding_platform.cli.terms import FAILED, Json, out, say
from seeding_platform.settings import Settings

engine_app = typer.Typer(help="Engines: receive bundles, try a receiver, read over Delta Sharing.", no_args_is_help=True)
Secret = Annotated[str, typer.Option("--secret", envvar="SEEDING_ENGINE_SECRET", help="Shared with the platform, whsec_...")]
LOOPBACK = "127.0.0.1"


@engine_app.command("receive")
def engine_receive(
    folder: Annotated[Path, typer.Option("--folder", metavar="DIR", help="Where bundles are kept.", file_okay=False)],
    keys: Annotated[Path, typer.Option("--keys", metavar="FILE", help="Public keys that are trusted.", exists=True, dir_okay=False)],
    secret: Secret,
    port: Annotated[int, typer.Option("--port", min=1, max=65535)] = 8900,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = LOOPBACK,
) -> None:
    """Run the reference receiver: it takes bundles by the protocol and keeps them in a folder."""
    import datetime as dt

    import uvicorn

    from seeding_platform.distribution.receipt import keys_in
    from seeding_platform.distribution.receiver import Receiver

    receiver = Receiver(folder, keys_in(keys.read_bytes()), secret, now=lambda: dt.datetime.now(dt.UTC))
    say(f"Receiver on http://{host}:{port}, bundles in {folder}")
    uvicorn.run(receiver, host=host, port=port, log_level="warning", server_header=False, lifespan="off")


@engine_app.command("conformance")
def engine_conformance(
    url: Annotated[str | None, typer.Argument(help="Base address of the receiver.")] = None,
    secret: Secret = "",
    keys: Annotated[Path | None, typer.Option("--keys", metavar="FILE", help="The kit's keys, as --write-keys wrote them.")] = None,
    write_keys: Annotated[
        Path | None, typer.Option("--write-keys", metavar="FILE", help="Write the kit's public keys, for the receiver, and stop.")
    ] = None,
    engine: Annotated[str | None, typer.Option("--engine", help="The one engine that the receiver knows; default: one a case.")] = None,
    tenant: Annotated[str, typer.Option("--tenant", help="Whose bundles they are said to be.")] = "conformance",
    only: Annotated[list[str] | None, typer.Option("--case", help="Only this case; may be repeated.")] = None,
    restart: Annotated[str | None, typer.Option("--restart", metavar="COMMAND", help="Starts the receiver again, and ends when it is up.")] = None,
    as_json: Json = False,
) -> None:
    """Try every rule of the engine protocol against a receiver; exit 1 when it breaks one.

    First --write-keys FILE, then start the receiver with FILE as the keys that it trusts, then run with --keys FILE.
    """
    import datetime as dt
    import os
    import shlex
    import subprocess

    from seeding_platform.distribution.conformance import keys as kit
    from seeding_platform.distribution.conformance.caller import HttpLine
    from seeding_platform.distribution.conformance.run import CASES, table, tried

    if write_keys is not None:
        private = kit.write_keys(write_keys, now=dt.datetime.now(dt.UTC), fresh=os.urandom)
        typer.echo(f"Public keys in {write_keys}: start the receiver with them. {private.name} is the kit's own; delete both when you are done.")
        return
    if url is None or keys is None or not secret:
        raise typer.BadParameter("give URL, --keys and --secret, or --write-keys FILE first")
    unknown = sorted(set(only or ()) - {case.name for case in CASES})
    if unknown:
        raise typer.BadParameter(f"there is no case {', '.join(unknown)}")

    def restarted() -> None:
        subprocess.run(shlex.split(restart or ""), check=True)

    results = tried(
        HttpLine(url),
        secret,
        kit.read_private(keys),
        now=lambda: dt.datetime.now(dt.UTC),
        fresh=os.urandom,
        tenant=tenant,
        engine=engine,
        only=only or (),
        restart=None if restart is None else restarted,
    )
    failed = any(result.outcome == "failed" for result in results)
    if as_json:
        out({"conforms": not failed, "cases": [result.as_dict() for result in results]})
    else:
        for line in table(results):
            typer.echo(line)
    if failed:
        raise typer.Exit(FAILED)


@engine_app.command("share-profile")
def engine_share_profile(
    file: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the profile is written; it holds a key.", dir_okay=False)],
    engine: Annotated[list[str] | None, typer.Option("--engine", help="An engine whose bundles may be read; default: all.")] = None,
    tenant: Annotated[str, typer.Option("--tenant", help="Whose bundles.")] = "default",
    endpoint: Annotated[str | None, typer.Option("--endpoint", help="Address of the service as its readers see it.")] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=3650, help="How long the key is good for.")] = 90,
) -> None:
    """Make a key, and write the profile with which Delta Sharing clients read bundles."""
    import datetime as dt

    from seeding_platform.service.key_commands import share_profile

    settings = Settings()
    base = (endpoint or f"http://{LOOPBACK}:{settings.port}").rstrip("/")
    key_id = share_profile(settings, file, endpoint=base, tenant=tenant, engines=engine or (), lasts=dt.timedelta(days=days))
    typer.echo(f"Profile in {file}, with key {key_id} for {days} days; whoever has the file can read.")
