"""Clusters of rows with the same text, as one tenant sees them: members side by side, words that differ, what became of them."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any, Literal

import polars as pl
from pydantic import BaseModel

from seeding_platform.catalog.contract import TIMESTAMP
from seeding_platform.service.cleaned import FILE, LINEAGE, MASK
from seeding_platform.service.withheld import texts_told

if TYPE_CHECKING:
    from collections.abc import Collection

    from seeding_platform.service.cleaned import Tables

Kind = Literal["strict", "fuzzy", "semantic"]
MOST_MEMBERS = 40
"""Members of a cluster that are shown; what its size says goes beyond."""
MOST_WORDS = 400


class Piece(BaseModel, frozen=True):
    """Words of a text: in both, only in this one (`added`), or only in the first member (`removed`)."""

    change: Literal["none", "added", "removed"]
    text: str


class Member(BaseModel, frozen=True):
    """A row of a cluster.

    Args:
        record: its key.
        source: where it came from.
        file: the file that brought it.
        when: when the fact was true.
        text: what it says; masked where the column is personal.
        pieces: the same, compared with the first member.
        duplicate_kind: original, or how it is the same.
        similarity: 0-1, to the text through which it joined.
        decided_by: a mode, or a person.
        outcome: marked, merged into another row, or survivor of those.
        filled: columns of a survivor that were blank and were filled from the merged rows.
    """

    record: str
    source: str
    file: str
    when: str | None
    text: str
    pieces: list[Piece]
    duplicate_kind: str
    similarity: float
    decided_by: str
    outcome: Literal["marked", "merged", "survivor"]
    filled: list[str]


class Cluster(BaseModel, frozen=True):
    """Rows whose texts are the same; the first member is the one that the others are compared with."""

    cluster_id: str
    size: int
    merged: bool
    members: list[Member]


def clusters(tables: Tables, *, kind: Kind | None, limit: int, offset: int) -> tuple[int, list[Cluster]]:
    """Clusters with a member of a kind, the biggest first: how many there are, and a page of them."""
    rows = tables.rows("clean", "clusters")
    sizes = rows.group_by("cluster_id").agg(size=pl.len(), kinds=pl.col("duplicate_kind").unique())
    sizes = sizes if kind is None else sizes.filter(pl.col("kinds").list.contains(kind))
    total, page = pl.collect_all([sizes.select(pl.len()), sizes.sort(["size", "cluster_id"], descending=[True, False]).slice(offset, limit)])
    if not page.height:
        return total.item(), []
    first = pl.col("duplicate_kind") == "original"
    members = rows.filter(pl.col("cluster_id").is_in(page["cluster_id"].to_list())).sort(~first, "record", *LINEAGE).collect()
    shown = members.group_by("cluster_id", maintain_order=True).head(MOST_MEMBERS)
    told = _told(tables, shown)
    return total.item(), [_cluster(row["cluster_id"], row["size"], told[row["cluster_id"]]) for row in page.iter_rows(named=True)]


def _cluster(cluster_id: str, size: int, members: list[dict[str, Any]]) -> Cluster:
    """A cluster; its original comes first, then the rest as their time says."""
    ordered = sorted(members, key=lambda m: (m["duplicate_kind"] != "original", m["when"] is None, str(m["when"]), m["record"]))
    first = ordered[0]["text"]
    made = [Member(**member, pieces=compared(first, member["text"])) for member in ordered]
    return Cluster(cluster_id=cluster_id, size=size, merged=any(m.outcome != "marked" for m in made), members=made)


def _told(tables: Tables, members: pl.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """Members by cluster, with what they say, when, and what became of them."""
    merged = _merged(tables, members["cluster_id"].unique())
    losers = merged.select(*LINEAGE, outcome=pl.lit("merged"))
    survivors = merged.select(*(pl.col(f"survivor{c}").alias(c) for c in LINEAGE), outcome=pl.lit("survivor")).unique()
    outcomes = members.join(pl.concat([losers, survivors]), on=LINEAGE, how="left", maintain_order="left")
    said = outcomes.join(_said(tables, members), on=LINEAGE, how="left", maintain_order="left")
    said = said.with_columns(text=pl.Series(texts_told(said["text"].to_list()), dtype=pl.String))
    filled = _filled(tables, merged)
    found: dict[str, list[dict[str, Any]]] = {}
    for row in said.with_columns(file=FILE).iter_rows(named=True):
        told = {name: row[name] for name in ("record", "file", "when", "duplicate_kind", "similarity", "decided_by")}
        place = (row["_source"], row["_batch"], row["_row"])
        more = {"source": row["_source"], "text": row["text"] or "", "outcome": row["outcome"] or "marked", "filled": filled.get(place, [])}
        found.setdefault(row["cluster_id"], []).append({**told, **more})
    return found


def _merged(tables: Tables, cluster_ids: pl.Series) -> pl.DataFrame:
    return tables.rows("clean", "duplicates").filter(pl.col("cluster_id").is_in(cluster_ids.to_list())).collect()


def _said(tables: Tables, members: pl.DataFrame) -> pl.DataFrame:
    """Text and time of rows: as they were kept, or as they came where they were merged."""
    contract, wanted = tables.contract, members.select(LINEAGE).unique().lazy()
    if contract.text is None:
        return wanted.with_columns(text=pl.lit(""), when=pl.lit(None, dtype=pl.String)).collect()
    text = pl.lit(MASK) if contract.text in tables.personal() else pl.col(contract.text)
    moment = pl.col(contract.time) if contract.time else pl.lit(None, dtype=TIMESTAMP)
    kept = tables.rows("clean").select(*LINEAGE, text=text, when=moment.dt.strftime("%Y-%m-%dT%H:%M:%SZ")).join(wanted, on=LINEAGE, how="semi")
    there = kept.collect()
    if there.height >= members.height:
        return there
    moment = pl.col(contract.time) if contract.time else pl.lit(None, dtype=pl.String)
    came = tables.rows("raw").select(*LINEAGE, text=text, when=moment).join(wanted, on=LINEAGE, how="semi")
    return pl.concat([there, came.join(there.lazy(), on=LINEAGE, how="anti").collect()])


def _filled(tables: Tables, merged: pl.DataFrame) -> dict[tuple[str, str, int], list[str]]:
    """Columns of each survivor that came blank, are filled now, and had a value in a row merged into it; repaired cells aside."""
    if not merged.height:
        return {}
    contract = tables.contract
    columns = [c for c in contract.columns if c not in contract.derived and c not in contract.key]
    names = [f"survivor{c}" for c in LINEAGE]
    survivors = merged.select(pl.col(name).alias(c) for name, c in zip(names, LINEAGE, strict=True)).unique()
    raw = tables.rows("raw").select(*LINEAGE, *(pl.col(c).str.strip_chars().fill_null("") != "" for c in columns))
    asked = [
        raw.join(survivors.lazy(), on=LINEAGE, how="semi"),
        merged.lazy().select(*LINEAGE, *names).join(raw, on=LINEAGE, how="inner").group_by(names).agg(pl.col(columns).any()),
        tables.rows("clean").select(*LINEAGE, *(pl.col(c).is_not_null() for c in columns)).join(survivors.lazy(), on=LINEAGE, how="semi"),
        tables.rows("clean", "repairs").select(*LINEAGE, "column").join(survivors.lazy(), on=LINEAGE, how="semi"),
    ]
    came, others, kept, repaired = pl.collect_all(asked)
    cells = {(*row[:3], row[3]) for row in repaired.iter_rows()}
    before, given = ({tuple(row[:3]): row[3:] for row in frame.iter_rows()} for frame in (came, others))
    found: dict[tuple[str, str, int], list[str]] = {}
    for row in kept.iter_rows():
        place = (row[0], row[1], row[2])
        if place in before and place in given:
            now = zip(columns, before[place], given[place], row[3:], strict=True)
            found[place] = [c for c, was, other, there in now if there and other and not was and (*place, c) not in cells]
    return found


def compared(first: str, other: str) -> list[Piece]:
    """The words of a text, and where they are not those of the first; of long texts the beginning.

    >>> [(p.change, p.text) for p in compared("now in our shop", "now in your shop")]
    [('none', 'now in'), ('removed', 'our'), ('added', 'your'), ('none', 'shop')]
    """
    before, after = first.split()[:MOST_WORDS], other.split()[:MOST_WORDS]
    pieces: list[Piece] = []
    for change, i, j, k, m in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if change == "equal":
            pieces.append(Piece(change="none", text=" ".join(after[k:m])))
            continue
        if j > i:
            pieces.append(Piece(change="removed", text=" ".join(before[i:j])))
        if m > k:
            pieces.append(Piece(change="added", text=" ".join(after[k:m])))
    return pieces


def known_records(tables: Tables, records: Collection[str]) -> set[str]:
    """Those of some keys that name a row of the tenant's: a kept one, or one that was merged by its text."""
    wanted = pl.col("record").is_in(list(records))
    rows = (tables.rows("clean").select(record=tables.record()), tables.rows("clean", "clusters").select("record"))
    return {record for frame in pl.collect_all([r.filter(wanted).unique() for r in rows]) for record in frame["record"]}


def together(tables: Tables, pairs: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of some pairs whose records share a cluster in the tables in force."""
    wanted = {record for pair in pairs for record in pair}
    rows = tables.rows("clean", "clusters").filter(pl.col("record").is_in(list(wanted))).select("record", "cluster_id").collect()
    place = dict(rows.iter_rows())
    return {pair for pair in pairs if place.get(pair[0]) is not None and place.get(pair[0]) == place.get(pair[1])}
