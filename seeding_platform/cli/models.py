"""Commands about models: how good one is on a table of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seeding_platform.cli.terms import Json, out, say

if TYPE_CHECKING:
    from seeding_platform.models import Evaluation, Figure, ModelSpec

model_app = typer.Typer(help="Models: what they are worth.", no_args_is_help=True)
_File = {"exists": True, "dir_okay": False, "readable": True}


@model_app.command("evaluate")
def model_evaluate(
    spec: Annotated[Path, typer.Option("--spec", metavar="SPEC.yaml", help="What is predicted from what.", **_File)],
    data: Annotated[Path | None, typer.Option("--data", metavar="FILE", help="CSV, TSV, Parquet or JSON lines (also .gz).", **_File)] = None,
    train: Annotated[Path | None, typer.Option("--train", metavar="FILE", help="Rows to train on, in place of --data.", **_File)] = None,
    test: Annotated[Path | None, typer.Option("--test", metavar="FILE", help="Rows to be judged by.", **_File)] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of fits and intervals.")] = 0,
    as_json: Json = False,
) -> None:
    """Train a model on rows of a table and judge it by the others; nothing is kept."""
    from seeding_platform.models.own_table import judged_by_files

    if data is None and train is None:
        raise typer.BadParameter("give --data FILE, or --train FILE and --test FILE")
    say(f"Training and judging by {spec.name}")
    told, judged = judged_by_files(spec, data=data, train=train, test=test, seed=seed)
    if as_json:
        facts = {"model": told.name, "floor": told.floor, "meets_floor": judged.meets_floor(told), "beats_dummy": judged.beats_baseline(told)}
        out(judged.as_dict() | facts)
        return
    for line in _lines(told, judged):
        typer.echo(line)


def _lines(spec: ModelSpec, judged: Evaluation) -> list[str]:
    """What people read."""
    lines = [f"{spec.name}: {judged.says()}"]
    if spec.floor is not None:
        lines.append(f"The floor of {spec.floor:g} is {'kept' if judged.meets_floor(spec) else 'not kept'}.")
    lines += ["", f"{'figure':<20} {'value':>9}  {'95 % interval':<20} {'rows':>8} {'dummy':>9}"]
    for name, figure in judged.metrics.items():
        other = judged.dummy.get(name)
        lines.append(f"{name:<20} {_cells(figure)} {'' if other is None or other.value is None else f'{other.value:.4f}':>9}")
    for column, values in judged.slices.items():
        lines += ["", f"{judged.metric} by {column}"]
        lines += [f"{value[:20]:<20} {_cells(figure)}" for value, figure in values.items()]
    if judged.calibration is not None:
        lines += ["", f"Probabilities of {judged.calibration.of}: expected calibration error {judged.calibration.ece:.4f}"]
    size = "" if judged.size_bytes is None else f", {judged.size_bytes / 1e6:.2f} MB"
    lines.append(f"One prediction takes {judged.latency_ms['p50']:.1f} ms (99th percentile {judged.latency_ms['p99']:.1f}){size}.")
    return lines


def _cells(figure: Figure) -> str:
    value = "?" if figure.value is None else f"{figure.value:.4f}"
    between = "" if figure.ci_low is None or figure.ci_high is None else f"{figure.ci_low:.4f} to {figure.ci_high:.4f}"
    return f"{value:>9}  {between:<20} {figure.n:>8,}"
