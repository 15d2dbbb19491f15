"""Running the suites of contracts on rows, and what came of it: counts by promise and a site for people.

No value of a row is kept: results are cut down to `COUNTS` before anything is written, and what an expectation stumbled over is told in our words,
since messages and tracebacks of others may quote cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import polars as pl

from seeding_platform.catalog import TABLES
from seeding_platform.errors import ConfigError
from seeding_platform.quality.expectations.docs import Shown, sealed_site
from seeding_platform.quality.expectations.rows import pandas_rows
from seeding_platform.quality.expectations.suite import checks_of, great_expectations, suite_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from seeding_platform.catalog.contract import TableContract
    from seeding_platform.quality.expectations.suite import Check, Layer

SITE, DATASOURCE = "data_docs", "contracts"
RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0, "exclude_unexpected_values": True, "include_unexpected_rows": False}
COUNTS = ("element_count", "unexpected_count", "unexpected_percent", "missing_count", "missing_percent")
NAMES_ONLY = ("expect_table_columns_to_match_set", "expect_column_values_to_be_in_type_list")
"""Expectations whose observed value is the name of a column or a type."""
STUMBLED = "Not evaluated: a column is missing, or its type does not allow this check."
ROWS_SCHEMA = {
    "kind": pl.String,
    "column": pl.String,
    "contract": pl.String,
    "says": pl.String,
    "success": pl.Boolean,
    "evaluated": pl.Boolean,
    "unexpected_count": pl.Int64,
    "element_count": pl.Int64,
    "unexpected_percent": pl.Float64,
}


@dataclass(frozen=True, slots=True)
class Expectations:
    """What came of a table's suite.

    Args:
        table: contract name.
        success: every expectation held.
        evaluated: expectations run.
        successful: those that held.
        rows: one row an expectation, in the order of the contract: `ROWS_SCHEMA`. `contract` is the part of the contract it comes from; percentages
            are of the values that are not missing; `evaluated` is false where a check could not be done at all, which counts as failed.
        index: first page of the site.
        page: this table's page.
    """

    table: str
    success: bool
    evaluated: int
    successful: int
    rows: pl.DataFrame
    index: Path
    page: Path

    @property
    def broken(self) -> list[str]:
        """Parts of the contract that do not hold."""
        return self.rows.filter(~pl.col("success"))["contract"].to_list()


def validate(frame: pl.DataFrame, contract: TableContract, *, folder: Path, layer: Layer = "clean", now: dt.datetime | None = None) -> Expectations:
    """Run the suite of one table and write its site; see `validate_all`."""
    return validate_all([(contract, frame)], folder=folder, layer=layer, now=now)[0]


def validate_all(
    frames: Mapping[str, pl.DataFrame] | Iterable[tuple[TableContract, pl.DataFrame]],
    *,
    folder: Path,
    layer: Layer = "clean",
    now: dt.datetime | None = None,
) -> list[Expectations]:
    """Run the suites of some tables and write one site about them; the site of an earlier call in the same folder is replaced.

    Args:
        frames: rows of one layer by table name, or with their contracts.
        folder: where the site goes, as `data_docs/index.html`; nothing is written elsewhere.
        layer: the layer of all frames.
        now: moment of the run; times that lie too far after it are told. None leaves that check out.

    Raises:
        ConfigError: a name is no table's, or a table is given twice.
    """
    pairs = _pairs(frames)
    folder.mkdir(parents=True, exist_ok=True)
    site = folder / SITE
    with TemporaryDirectory(dir=folder, prefix=".data_docs-") as scratch:
        made = Path(scratch) / "new"
        made.mkdir()
        context = _context(made)
        found = [_rows_of(context, contract, frame, layer, now) for contract, frame in pairs]
        context.build_data_docs()
        tables = [Shown(c.name, c.description, rows.height, int(rows["success"].sum())) for (c, _), rows in zip(pairs, found, strict=True)]
        pages = sealed_site(made, tables)
        if site.exists():
            site.rename(Path(scratch) / "old")
        made.rename(site)
    return [
        Expectations(t.name, t.kept, t.evaluated, t.successful, rows, site / "index.html", site / pages[t.name])
        for t, rows in zip(tables, found, strict=True)
    ]


def _pairs(frames: Mapping[str, pl.DataFrame] | Iterable[tuple[TableContract, pl.DataFrame]]) -> list[tuple[TableContract, pl.DataFrame]]:
    if isinstance(frames, Mapping):
        unknown = sorted(frames.keys() - TABLES.keys())
        if unknown:
            raise ConfigError(f"No contract is named {', '.join(unknown)}.", fix="Give the frames with their contracts instead.")
        return [(TABLES[name], frame) for name, frame in frames.items()]
    pairs = list(frames)
    names = [contract.name for contract, _ in pairs]
    if len(set(names)) < len(names):
        raise ConfigError("A table is given twice.", fix="Give each table once; its tenants stand in one frame.")
    return pairs


def _context(site: Path) -> Any:
    """A context of its own: kept in memory but for its site, silent, telling nobody of its use."""
    gx = great_expectations()
    from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults

    # a dollar in a path would be read as a variable
    backend = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(site.resolve()).replace("$", r"\$")}
    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        data_docs_sites={"contracts": {"class_name": "SiteBuilder", "show_how_to_buttons": False, "store_backend": backend}},
        analytics_enabled=False,
        progress_bars={"globally": False},
    )
    context = gx.get_context(project_config=config, mode="ephemeral")
    context.data_sources.add_pandas(DATASOURCE)
    return context


def _rows_of(context: Any, contract: TableContract, frame: pl.DataFrame, layer: Layer, now: dt.datetime | None) -> pl.DataFrame:
    """Run one suite, leave its result in the context's store without anything of the rows, and give it as a table."""
    suite = context.suites.add(suite_of(contract, layer, now=now))
    asset = context.data_sources.get(DATASOURCE).add_dataframe_asset(contract.name)
    batch = asset.add_batch_definition_whole_dataframe("rows").get_batch({"dataframe": pandas_rows(frame, contract, layer)})
    result = batch.validate(suite, result_format=RESULT_FORMAT)
    _strip(result)
    _keep(context, result, batch.id, layer, now)
    by_part = {one.expectation_config.meta["contract"]: one for one in result.results}
    return pl.DataFrame([_row(by_part[check.part], check) for check in checks_of(contract, layer, now=now)], schema=ROWS_SCHEMA)


def _keep(context: Any, result: Any, batch: str, layer: Layer, now: dt.datetime | None) -> None:
    gx = great_expectations()
    from great_expectations.data_context.types.resource_identifiers import ExpectationSuiteIdentifier, ValidationResultIdentifier

    run = gx.RunIdentifier(run_name=layer, run_time=now)
    result.meta |= {"run_id": run, "validation_time": run.run_time}
    key = ValidationResultIdentifier(ExpectationSuiteIdentifier(result.suite_name), run, batch)
    context.validation_results_store.add(key, result)


def _strip(result: Any) -> None:
    result.meta["batch_markers"].pop("pandas_data_fingerprint", None)  # a hash of a few cells can be guessed back
    for one in result.results:
        kept = (*COUNTS, "observed_value", "details") if one.expectation_config.type in NAMES_ONLY else COUNTS
        one.result = {name: value for name, value in one.result.items() if name in kept}
        if _stumbled(one):
            one.exception_info = {"raised_exception": True, "exception_message": STUMBLED, "exception_traceback": ""}


def _stumbled(one: Any) -> bool:
    info = one.exception_info or {}
    return bool(info["raised_exception"]) if "raised_exception" in info else bool(info)


def _row(one: Any, check: Check) -> dict[str, Any]:
    counts = {name: one.result.get(name) for name in ("unexpected_count", "element_count", "unexpected_percent")}
    about = ", ".join(check.columns) or None
    verdict = {"success": bool(one.success), "evaluated": not _stumbled(one)}
    return {"kind": one.expectation_config.type, "column": about, "contract": check.part, "says": check.says, **verdict, **counts}
