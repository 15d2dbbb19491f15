"""Commands about bundles: whether one is whole and signed, and the keys that sign."""

from __future__ import annotations

import datetime as dt
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seeding_platform.cli.terms import FAILED, Json, out, say
from seeding_platform.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seeding_platform.distribution.signing import TrustedKey
    from seeding_platform.governance.audit import Trail

bundle_app = typer.Typer(help="Bundles for engines.", no_args_is_help=True)
CLI = "cli"


@bundle_app.command("verify")
def bundle_verify(
    path: Annotated[Path, typer.Argument(help="A bundle, or an engine's folder.")],
    key: Annotated[
        Path | None, typer.Option("--key", exists=True, dir_okay=False, help="Public keys to trust, as /api/v1/engines/keys gives them.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check a bundle: every file, size, hash, row count and schema, and the signature by the installation's keys or those of --key."""
    from seeding_platform.distribution.verify import verify_bundle

    trusted = _trusted(key)
    found = verify_bundle(path, trusted=trusted, now=_now())
    if as_json:
        told = {"engine": found.engine, "tenant": found.tenant, "generation": found.generation, "rows": found.rows, "content_id": found.content_id}
        out(told | {"signature": "valid" if trusted is not None else "not checked"})
        return
    signed = "signed by a key that counts" if trusted is not None else "its signature was not checked: no state here, and no --key"
    typer.echo(f"{found.engine}: generation {found.generation}, {found.rows:,} rows, whole{f' ({found.reason})' if found.reason else ''}; {signed}")


@bundle_app.command("keys")
def bundle_keys(as_json: Json = False) -> None:
    """List the public keys that sign bundles, and until when each counts."""
    from seeding_platform.distribution.signers import published_keys

    with _installation() as trail:
        keys = published_keys(trail.state, trail.keys)
    if as_json:
        out({"keys": [k.model_dump(mode="json") for k in keys]})
        return
    if not keys:
        say("None yet: the first is made when the first bundle is built.")
    for version, k in enumerate(keys, 1):
        until = f"counts until {k.not_after:%Y-%m-%d %H:%M} UTC" if k.not_after is not None and k.status == "retired" else ""
        typer.echo(f"version {version:<3} {k.key_id}  {k.status:<8} since {k.not_before:%Y-%m-%d %H:%M} UTC  {k.public_key}  {until}".rstrip())


@bundle_app.command("rotate-key")
def bundle_rotate_key(
    days: Annotated[
        int, typer.Option("--counts-for-days", min=0, max=3650, help="How long signatures of the key before still count.", metavar="N")
    ] = 90,
    sign_again: Annotated[bool, typer.Option("--sign-again", help="Sign every whole bundle that there is anew.")] = False,
    as_json: Json = False,
) -> None:
    """Let a new key sign; what the one before signed counts for a while. Bundles in force are signed anew when they are built again."""
    from seeding_platform.distribution.signers import sign_again as signed_again
    from seeding_platform.distribution.signing import Signer
    from seeding_platform.storage.signing_keys import SigningKeys

    now = _now()
    with _installation() as trail:
        made = SigningKeys(trail.state).rotate(now=now, counts_for=dt.timedelta(days=days))
        signer = Signer(trail.keys, made.version)
        _record(trail, now, "bundles.rotate-key", str(made.version), {"key_id": signer.key_id, "old_counts_for_days": days})
        done, damaged = signed_again(trail.settings.bundles, signer) if sign_again else (0, [])
        if sign_again:
            _record(trail, now, "bundles.sign-again", str(made.version), {"key_id": signer.key_id, "signed": done, "damaged": len(damaged)})
    for folder in damaged:
        say(f"{folder} is not whole and was not signed.")
    if as_json:
        out({"version": made.version, "key_id": signer.key_id, "signed": done, "damaged": damaged})
    else:
        typer.echo(f"Version {made.version} ({signer.key_id}) signs from now on; {done} bundles were signed anew.")
    if damaged:
        raise typer.Exit(FAILED)


@bundle_app.command("revoke-key")
def bundle_revoke_key(version: Annotated[int, typer.Argument(metavar="VERSION", min=1, help="As `seeding bundle keys` lists it.")]) -> None:
    """Let a key count no more, because somebody else may have it; where it signs, a new one takes its place."""
    from seeding_platform.distribution.signing import Signer
    from seeding_platform.storage.signing_keys import SigningKeys

    now = _now()
    with _installation() as trail:
        active = SigningKeys(trail.state).revoke(version, now=now)
        _record(trail, now, "bundles.revoke-key", str(version), {"key_id": Signer(trail.keys, version).key_id, "active": active.version})
    typer.echo(f"Version {version} counts no more; version {active.version} signs.")
    say("What it signed is refused until it is signed anew: build the bundles again, or `seeding bundle rotate-key --sign-again`.")


def _trusted(file: Path | None) -> Mapping[str, TrustedKey] | None:
    """Keys of a file, else of the installation; None where there is neither."""
    from seeding_platform.distribution.signers import published_keys, read_keys
    from seeding_platform.distribution.signing import trusted_keys

    if file is not None:
        return read_keys(file)
    settings = Settings()
    if not settings.database_url and not (settings.state / "state.db").is_file():
        return None
    with _installation() as trail:
        return trusted_keys(published_keys(trail.state, trail.keys)) or None


@contextmanager
def _installation() -> Iterator[Trail]:
    from seeding_platform.governance.audit import Trail
    from seeding_platform.storage.state import State

    settings = Settings()
    settings.state.mkdir(parents=True, exist_ok=True)
    with State.open(settings.state_url) as state:
        yield Trail(settings, state)


def _record(trail: Trail, now: dt.datetime, action: str, subject: str, detail: dict[str, object]) -> None:
    from seeding_platform.storage.audit import Event

    trail.record(Event(at=now, tenant="", actor=CLI, action=action, subject=subject, detail=detail))


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
