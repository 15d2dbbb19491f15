"""Commands about tables of one's own: a file in, a file out, nothing of the platform's is touched."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from seeding_platform.cli.terms import say

tables_app = typer.Typer()


@tables_app.command()
def dedup(
    file: Annotated[Path, typer.Argument(help="CSV, Parquet or JSON lines (also .gz).", exists=True, dir_okay=False, readable=True)],
    id_column: Annotated[str, typer.Option("--id", metavar="COL", help="Column that names each row.")],
    text: Annotated[str, typer.Option("--text", metavar="COL", help="Column that is compared.")],
    target: Annotated[Path, typer.Option("--out", metavar="OUT.parquet", help="Where the clusters are written.", dir_okay=False)],
    mode: Annotated[
        str,
        typer.Option(
            "--mode",
            help="strict = equal after normalisation; fuzzy = also typos, reposts, cut-off texts, additions; semantic = also other words.",
        ),
    ] = "fuzzy",
) -> None:
    """Group the rows of a file whose texts are the same: id, cluster_id, duplicate_kind, similarity."""
    from seeding_platform.cleaning import deduplicate
    from seeding_platform.cleaning.files import read_table, write_table

    frame = read_table(file, text_columns=(id_column, text))
    say(f"{frame.height:,} rows read from {file.name}")
    found = deduplicate(frame, id=id_column, text=text, mode=mode, progress=say)  # type: ignore[arg-type]
    write_table(found.rename({id_column: "id"}), target)
    clusters = found["cluster_id"].n_unique()
    say(f"{clusters:,} clusters; {found.height - clusters:,} rows are duplicates. Written to {target}")


@tables_app.command()
def clean(
    file: Annotated[Path, typer.Argument(help="CSV, Parquet or JSON lines (also .gz).", exists=True, dir_okay=False, readable=True)],
    contract: Annotated[str, typer.Option("--contract", metavar="NAME", help="The table whose contract the rows must keep.")],
    target: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the tables and the report are written.", file_okay=False)],
    policy: Annotated[
        Path | None, typer.Option("--policy", metavar="POLICY.yaml", help="Entries in place of the contract's policy.", exists=True, dir_okay=False)
    ] = None,
    dates: Annotated[str | None, typer.Option("--dates", help="day-first or month-first, for columns that can be read both ways.")] = None,
    timezone: Annotated[str, typer.Option("--timezone", help="IANA zone of times without an offset.")] = "UTC",
    tenant: Annotated[str, typer.Option("--tenant", help="Whose data it is, where the file does not say.")] = "default",
) -> None:
    """Clean a file by a contract: kept, quarantined, duplicates, repairs and clusters as Parquet, and report.json."""
    from seeding_platform.cleaning.whole import clean_file

    if dates not in (None, "day-first", "month-first"):
        raise typer.BadParameter("is neither day-first nor month-first", param_hint="--dates")
    told = clean_file(
        file,
        contract,
        target,
        policy=policy,
        dates=dates,  # type: ignore[arg-type]
        timezone=timezone,
        tenant=tenant,
        now=dt.datetime.now(dt.UTC),
        progress=say,
    )
    rows = {what: told["rows"][what] for what in ("kept", "merged", "quarantined")}
    say(
        f"{told['rows']['in']:,} rows in: " + ", ".join(f"{n:,} {what}" for what, n in rows.items()) + f". Score {told['score']}. Written to {target}"
    )


@tables_app.command()
def repair(
    file: Annotated[Path, typer.Argument(help="CSV, Parquet or JSON lines (also .gz).", exists=True, dir_okay=False, readable=True)],
    rules: Annotated[Path, typer.Option("--rules", metavar="RULES.yaml", help="What to repair and how.", exists=True, dir_okay=False)],
    target: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the repaired table is written; its log beside it.", dir_okay=False)],
) -> None:
    """Repair the cells of a file by declared rules; FILE.log.parquet says what was changed, why, and what is only suspect."""
    from seeding_platform.cleaning import repair as repair_table
    from seeding_platform.cleaning.files import read_table, write_table
    from seeding_platform.cleaning.repair.rules import load_rules

    parsed = load_rules(rules)
    frame = read_table(file)
    say(f"{frame.height:,} rows read from {file.name}, {len(parsed)} rules from {rules.name}")
    result = repair_table(frame, parsed, progress=say)
    log = target.with_name(target.name + ".log.parquet")
    write_table(result.log, log)
    write_table(result.frame, target)
    say(f"{result.changed.height:,} cells changed, {result.suspects.height:,} suspect and left alone. Written to {target} and {log.name}")


@tables_app.command()
def link(
    a: Annotated[Path, typer.Argument(metavar="A", help="CSV, Parquet or JSON lines (also .gz).", exists=True, dir_okay=False, readable=True)],
    policy: Annotated[Path, typer.Option("--policy", metavar="POLICY.yaml", help="Id and fields that are compared.", exists=True, dir_okay=False)],
    target: Annotated[Path, typer.Option("--out", metavar="PAIRS.parquet", help="Where the pairs are written.", dir_okay=False)],
    b: Annotated[
        Path | None, typer.Argument(metavar="[B]", help="A second table; without it, A is linked within.", exists=True, dir_okay=False)
    ] = None,
) -> None:
    """Find the records of one or two files that are the same thing, by several fields: id_a, id_b, score."""
    from seeding_platform.cleaning import link as link_tables
    from seeding_platform.cleaning.files import read_table, write_table
    from seeding_platform.cleaning.link.policy import load_policy

    chosen = load_policy(policy)
    columns = (chosen.id, *chosen.fields)
    tables = [read_table(file, text_columns=columns) for file in (a, b) if file is not None]
    say(" and ".join(f"{table.height:,} records" for table in tables) + f", {len(chosen.fields)} fields")
    found = link_tables(*tables, policy=chosen, progress=say)
    write_table(found, target)
    say(f"{found.height:,} pairs of at least {chosen.threshold:g}. Written to {target}")
