"""`seeding settings ...`: what people adjust while the platform runs, as lists and as one YAML file that can be kept beside other code."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seeding_platform.errors import ConfigError
from seeding_platform.settings import Settings

if TYPE_CHECKING:
    from seeding_platform.catalog.adjustable import Adjustable
    from seeding_platform.governance.audit import Trail
    from seeding_platform.storage.adjusted import Adjusted

app = typer.Typer(
    no_args_is_help=True, help="What people adjust while the platform runs: limits, schedules, rules; every version kept and on record."
)
Name = Annotated[str, typer.Argument(help="Setting, such as quality.gate (see `seeding settings list`).")]
Scope = Annotated[str, typer.Option("--scope", help="A table, an engine or a schedule; everywhere without it.")]
ACTOR = "cli"
Reason = Annotated[str, typer.Option("--reason", help="Why; it stays on record.")]


def _store() -> tuple[Adjusted, Trail]:
    from seeding_platform.governance.audit import Trail
    from seeding_platform.storage.adjusted import Adjusted
    from seeding_platform.storage.state import State

    settings = Settings()
    settings.state.mkdir(parents=True, exist_ok=True)
    state = State.open(settings.state_url)
    return Adjusted(state), Trail(settings, state)


def _named(name: str) -> Adjustable:
    from seeding_platform.service.adjustables import SETTINGS

    if name not in SETTINGS:
        raise ConfigError(f"There is no setting {name!r}.", fix=f"There are {', '.join(SETTINGS)}.")
    return SETTINGS[name]


@app.command("list")
def listing() -> None:
    """Every setting, its fields with their values everywhere, and the scopes that differ."""
    from seeding_platform.service.adjustables import SETTINGS

    store, _ = _store()
    for name, setting in SETTINGS.items():
        typer.echo(f"{name}: {setting.describes}")
        if setting.scopes != "schedule":
            for field, value in store.value(setting).model_dump(mode="json").items():
                typer.echo(f"  {field} = {value}")
        for scope in filter(None, store.scopes(setting)):
            told = dict(store.current(setting, scope).values)
            typer.echo(f"  {scope}: {', '.join(f'{k} = {v}' for k, v in told.items()) or 'as everywhere'}")


@app.command("set")
def change(
    name: Name,
    reason: Reason,
    values: Annotated[list[str] | None, typer.Argument(help="Several; none = as if nobody had adjusted it.", metavar="FIELD=VALUE")] = None,
    scope: Scope = "",
) -> None:
    """Adjust fields for one scope; fields that are not named stay as they are."""
    setting = _named(name)
    store, trail = _store()
    why = _plain(reason)
    told = dict(store.current(setting, scope).values) if values else {}
    for pair in values or ():
        field, found, value = pair.partition("=")
        if not found:
            raise ConfigError(f"{pair!r} is no field=value.", fix=f"Fields are {', '.join(setting.model.model_fields)}.")
        told[field] = _read(value)
    made = store.change(setting, told, scope=scope, actor=ACTOR, reason=why, now=dt.datetime.now(dt.UTC))
    _record(trail, name, scope, why, made.number)
    _tell(setting, scope, f"version {made.number}.")


@app.command()
def history(name: Name, scope: Scope = "") -> None:
    """Every version for one scope, the newest first."""
    store, _ = _store()
    for version in reversed(store.history(_named(name), scope)):
        values = ", ".join(f"{k} = {v}" for k, v in version.values.items()) or "as if nobody had adjusted it"
        typer.echo(f"{version.number:>4}  {version.written_at:%Y-%m-%d %H:%M}  {version.actor}  {values}  ({version.reason})")


@app.command()
def back(
    name: Name,
    version: Annotated[int, typer.Option("--version", min=0, help="0 = as if nobody had adjusted it.")],
    reason: Reason,
    scope: Scope = "",
) -> None:
    """Return to an earlier version; it becomes the newest."""
    setting = _named(name)
    store, trail = _store()
    why = _plain(reason)
    made = store.back(setting, version, scope=scope, actor=ACTOR, reason=why, now=dt.datetime.now(dt.UTC))
    _record(trail, name, scope, why, made.number)
    _tell(setting, scope, f"version {made.number}, as {version} was.")


@app.command()
def export() -> None:
    """Everything that somebody has adjusted, as the YAML that `apply` takes."""
    import yaml

    from seeding_platform.service.adjustables import SETTINGS

    store, _ = _store()
    told: dict[str, dict[str, Any]] = {}
    for name, setting in SETTINGS.items():
        scopes = {scope or "everywhere": dict(store.current(setting, scope).values) for scope in store.scopes(setting)}
        told |= {name: kept} if (kept := {s: v for s, v in scopes.items() if v}) else {}
    typer.echo(yaml.safe_dump(told, sort_keys=True, allow_unicode=True), nl=False)


@app.command()
def apply(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="YAML: setting, then `everywhere` or a scope, then fields.")],
    reason: Reason,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
) -> None:
    """Make the settings that a file names what it says; others stay. All of it is checked before anything changes."""
    from seeding_platform.cleaning.files import read_yaml

    store, trail = _store()
    why = _plain(reason)
    wanted = _wanted(read_yaml(file), file.name)
    changes = [(s, scope, values) for s, scope, values in wanted if dict(store.current(s, scope).values) != values]
    for setting, scope, values in wanted:
        store.check(setting, values, scope=scope)
    for setting, scope, values in changes:
        if not dry_run:
            made = store.change(setting, values, scope=scope, actor=ACTOR, reason=why, now=dt.datetime.now(dt.UTC))
            _record(trail, setting.name, scope, why, made.number)
        typer.echo(f"{'would change' if dry_run else 'changed'} {setting.name}{f' for {scope}' if scope else ''}: {values}")
    if not changes:
        typer.echo("Nothing to change: everything is as the file says.")


def _wanted(content: Any, where: str) -> list[tuple[Adjustable, str, dict[str, Any]]]:
    shaped = isinstance(content, dict) and all(isinstance(s, dict) and all(isinstance(v, dict) for v in s.values()) for s in content.values())
    if not shaped:
        raise ConfigError(
            f"{where}: expected settings, in each `everywhere` or a scope, in each fields.", fix="`seeding settings export` shows the form."
        )
    return [(_named(name), "" if s == "everywhere" else str(s), dict(v)) for name, scopes in content.items() for s, v in scopes.items()]


def _read(value: str) -> Any:
    """A value as YAML has it; what is none, such as the hours of a schedule, and a text of several lines is the text itself."""
    import yaml

    try:
        read = yaml.safe_load(value)
    except yaml.YAMLError:
        return value
    return value if isinstance(read, str) and "\n" in value else read


def _tell(setting: Adjustable, scope: str, what: str) -> None:
    """Say what was done, and which tables follow."""
    concerned = setting.affects(scope)
    said = ", ".join(concerned[:5]) + (f" and {len(concerned) - 5} more" if len(concerned) > 5 else "")
    follows = f" Concerns {said}; they follow while `make ui` is up." if concerned else ""
    typer.echo(f"{setting.name}{f' for {scope}' if scope else ''}: {what}{follows}")


def _record(trail: Trail, name: str, scope: str, reason: str, version: int) -> None:
    from seeding_platform.storage.audit import Event

    detail = {"scope": scope, "reason": reason, "version": version}
    trail.record(Event(at=dt.datetime.now(dt.UTC), tenant="", actor=ACTOR, action="settings.change", subject=name, detail=detail))


def _plain(reason: str) -> str:
    """A reason without personal data: it stands for good."""
    import polars as pl

    from seeding_platform.governance import redacted

    return str(redacted(pl.Series([reason]))[0])
