"""What commands share: words on stderr and results on stdout, options that mean the same everywhere, the lock of a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from seeding_platform.settings import Settings, project_root

FAILED, BUSY = 1, 3
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
Tenant = Annotated[str | None, typer.Option("--tenant", help="Whose data; default: the source's own tenant.")]


def say(text: str) -> None:
    """A line of progress, on stderr."""
    typer.echo(text, err=True)


def out(data: Any) -> None:
    """One JSON document on stdout."""
    import json

    typer.echo(json.dumps(data, ensure_ascii=False, indent=1, default=str))


def running(settings: Settings, what: str, work: Callable[[Any], Any]) -> Any:
    """Do work that only one process may do at a time, on Dagster's instance."""
    import datetime as dt

    from seeding_platform.storage.locks import exclusive

    for folder in (settings.state, settings.lake, settings.landing, settings.sources):
        folder.mkdir(parents=True, exist_ok=True)
    _require_space(settings)
    since = dt.datetime.now(dt.UTC).strftime("%H:%M:%S UTC")
    with exclusive(settings.state / "seeding.lock", holder=f"{what}, since {since}"):
        from seeding_platform.defs.run import bury_dead_runs, instance_for

        instance = instance_for(settings, root=project_root())
        bury_dead_runs(instance)
        return work(instance)


def _require_space(settings: Settings) -> None:
    import shutil

    from seeding_platform.errors import TransientError

    for folder in {settings.state, settings.lake}:
        free = shutil.disk_usage(folder).free // 1_000_000
        if free < settings.min_free_mb:
            raise TransientError(
                f"Only {free} MB are free under {folder}; {settings.min_free_mb} MB are needed. Nothing was started and the tables are intact.",
                fix="Free disk space, or lower SEEDING_MIN_FREE_MB, then run it again.",
            )


def exit_by(result: Any) -> None:
    """Exit 1 when a run failed or a check refused something."""
    if not result.success or result.failed_checks:
        raise typer.Exit(FAILED)
