"""Commands about models: how good one is on a table of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seeding_platform.cli.terms import Json, out, say

if TYPE_CHECKING:
    from seeding_platform.models import Evaluation, Figure, ModelSpec
    from seeding_platform.models.seeding_experiment import SeedingExperiment

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
    """Train a model on rows of a table and judge it by the others; nothing is kept. Exits with 1 where the floor of the specification is not kept."""
    from seeding_platform.models.own_table import judged_by_files

    if data is None and train is None:
        raise typer.BadParameter("give --data FILE, which is parted as the specification says, or --train FILE and --test FILE")
    say(f"Training and judging by {spec.name}")
    told, judged = judged_by_files(spec, data=data, train=train, test=test, seed=seed)
    if as_json:
        facts = {"model": told.name, "floor": told.floor, "meets_floor": judged.meets_floor(told), "beats_dummy": judged.beats_baseline(told)}
        out(judged.as_dict() | facts | {"broken_guardrails": judged.broken_guardrails(told), "enough_rows": _enough(told, judged)})
    else:
        for line in _lines(told, judged):
            typer.echo(line)
    if told.floor is not None and not judged.meets_floor(told):
        raise typer.Exit(1)


def _enough(spec: ModelSpec, judged: Evaluation) -> bool:
    """Whether the table has the rows that the specification asks for."""
    whole = judged.test_rows if judged.split.get("kind") in ("none", "kfold") else judged.train_rows + judged.test_rows
    return whole >= spec.minimum_rows


def _lines(spec: ModelSpec, judged: Evaluation) -> list[str]:
    """What people read."""
    lines = [f"{spec.name}: {judged.says()}"]
    if spec.floor is not None:
        lines.append(f"The floor of {spec.floor:g} is {'kept' if judged.meets_floor(spec) else 'not kept'}.")
    lines += [f"Guardrail: {broken}." for broken in judged.broken_guardrails(spec)]
    if not _enough(spec, judged):
        lines.append(f"The specification asks for {spec.minimum_rows:,} rows: with these the platform would not train by itself.")
    if seen := judged.split.get("also_trained_on"):
        lines.append(f"{seen:,} of the rows that judge were trained on too: the figures are better than what new rows will show.")
    if without := judged.split.get("without_target"):
        lines.append(f"{without:,} rows have no {spec.target} and were left out.")
    lines += ["", f"{'figure':<20} {'value':>9}  {'95 % interval':<20} {'rows':>8} {'dummy':>9}"]
    for name, figure in judged.metrics.items():
        other = judged.dummy.get(name)
        lines.append(f"{name:<20} {_cells(figure)} {'' if other is None or other.value is None else f'{other.value:.4f}':>9}")
    for column, values in judged.slices.items():
        lines += ["", "share of the rows by group" if spec.target is None else f"{judged.metric} by {column}"]
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


@model_app.command("predict")
def model_predict(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Whose version that serves is asked.")],
    data: Annotated[Path, typer.Option("--data", metavar="FILE", help="CSV, TSV, Parquet or JSON lines (also .gz).", **_File)],
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="Where rows and answers go: .csv, .parquet or .jsonl.", dir_okay=False)],
    tenant: Annotated[str, typer.Option("--tenant", help="Whose model.")] = "default",
    environment: Annotated[str, typer.Option("--environment", help="dev, staging or prod.")] = "prod",
    as_json: Json = False,
) -> None:
    """Score a whole table by the version that serves. Labels are for single answers of the API; of these nothing is kept but the file."""
    from seeding_platform.cleaning.files import write_table
    from seeding_platform.defs.platform import Platform
    from seeding_platform.models.operations.scoring import scored_table, serving
    from seeding_platform.models.own_table import table
    from seeding_platform.settings import Settings
    from seeding_platform.storage.ml.whose import Whose

    if data.resolve() == to.resolve():
        raise typer.BadParameter("--to is the file that is read", param_hint="--to")
    platform = Platform(Settings())
    whose = Whose(tenant, model, environment)
    version, spec, fitted = serving(platform.bench.registry, platform.bench.standings, whose)
    found = scored_table(spec, fitted, table(data))
    write_table(found, to)
    if as_json:
        out({"model": model, "tenant": tenant, "version": version, "rows": found.height, "file": str(to)})
    else:
        typer.echo(f"{whose.registered} version {version}: {found.height:,} rows in {to}")


@model_app.command("search")
def model_search(
    spec: Annotated[Path, typer.Option("--spec", metavar="SPEC.yaml", help="What is predicted from what.", **_File)],
    data: Annotated[Path, typer.Option("--data", metavar="FILE", help="CSV, TSV, Parquet or JSON lines (also .gz).", **_File)],
    cpu_seconds: Annotated[float, typer.Option("--cpu-seconds", min=0.1, help="Budget; the trial under way when it ends is finished.")] = 60.0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of fits and of the order of trials.")] = 0,
    as_json: Json = False,
) -> None:
    """Look for parameters that do better than ours, by rows that train alone; prints what to write into the specification."""
    from seeding_platform.models.own_table import searched

    say(f"Searching parameters of {spec.name} for {cpu_seconds:g} CPU-seconds")
    told, found = searched(spec, data=data, cpu_seconds=cpu_seconds, seed=seed)
    if as_json:
        out({"model": told.name, "params": found})
    elif not found:
        typer.echo(f"{told.name}: nothing did better than what is set already.")
    else:
        typer.echo(f"params: {{{', '.join(f'{name}: {value}' for name, value in found.items())}}}")


@model_app.command("experiment")
def model_experiment(
    spec: Annotated[Path, typer.Option("--spec", metavar="SPEC.yaml", help="What is predicted from what.", **_File)],
    data: Annotated[Path, typer.Option("--data", metavar="FILE", help="Your own rows; those marked synthetic count as seed.", **_File)],
    seed_data: Annotated[Path | None, typer.Option("--seed-data", metavar="FILE", help="Rows from outside.", **_File)] = None,
    sizes: Annotated[str, typer.Option("--labels", metavar="N,N", help="How many labels of your own are tried.")] = "48,150,500",
    draws: Annotated[int, typer.Option("--draws", min=1, help="How often they are drawn.")] = 20,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of draws and fits.")] = 0,
    as_json: Json = False,
) -> None:
    """What rows from outside are worth: a model of few labels of your own, with them and without, judged by the same rows; nothing is kept."""
    from seeding_platform.models.own_table import experiment_by_files

    try:
        tried = [int(part) for part in sizes.split(",")]
    except ValueError as error:
        raise typer.BadParameter("write whole numbers with commas between them, such as 48,150,500", param_hint="--labels") from error
    say(f"Trying {spec.name} with {sizes} labels, {draws} draws each")
    told, found = experiment_by_files(spec, data=data, package=seed_data, sizes=tried, draws=draws, seed=seed)
    if as_json:
        out(found.as_dict() | {"draws": draws, "seed": seed})
    else:
        for line in _experiment_lines(told, found):
            typer.echo(line)
    if not found.rungs:
        raise typer.Exit(1)


def _experiment_lines(spec: ModelSpec, found: SeedingExperiment) -> list[str]:
    """What people read."""
    if not found.rungs:
        return [f"{spec.name}: {found.says}"]
    lines = [
        f"{spec.name}: {found.metric} ({found.direction} is better) on {found.held_out:,} held-out rows of one's own; "
        f"{found.seed_rows:,} rows of the seed package, {found.left_out:,} left out",
        "",
        f"{'labels':>8} {'cold':>9} {'warm':>9} {'gain':>9}  {'95 % interval':<20} {'draws':>6} {'CPU-s cold':>11} {'CPU-s warm':>11}",
    ]
    for rung in found.rungs:
        between = "" if rung.ci_low is None or rung.ci_high is None else f"{rung.ci_low:+.4f} to {rung.ci_high:+.4f}"
        lines.append(
            f"{rung.labels:>8,} {rung.cold:>9.4f} {rung.warm:>9.4f} {rung.gain:>+9.4f}  {between:<20} {rung.draws:>6} "
            f"{rung.cold_cpu_s:>11.3f} {rung.warm_cpu_s:>11.3f}"
        )
    if found.seed_alone is not None:
        lines.append(f"The package alone, without a label of one's own: {found.seed_alone:.4f}.")
    if spec.floor is not None:
        cold, warm = (f"with {n:,} labels" if n is not None else "with none of these" for n in (found.cold_needs, found.warm_needs))
        lines.append(f"The floor of {spec.floor:g} is reached {cold} of one's own alone, {warm} and the package.")
    return lines
