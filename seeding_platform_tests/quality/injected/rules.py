"""The repair rules that a keeper of these tables would declare."""

from __future__ import annotations

from typing import Any


def _decides(column: str, determinant: str) -> dict[str, Any]:
    return {"name": f"{determinant}_has_{column}", "kind": "fd", "column": column, "determinant": [determinant]}


def _size(column: str, *per: str) -> dict[str, Any]:
    return {"name": f"{column}_unit", "kind": "slip", "column": column, "per": list(per)}


ADS = (
    *(_decides(column, "campaign_id") for column in ("campaign", "account", "country", "platform")),
    _decides("currency", "account"),
    {"name": "ad_group_spelt", "kind": "snap", "column": "ad_group"},
    _size("spend", "clicks", "impressions"),
    _size("impressions", "clicks", "spend"),
    _size("clicks", "impressions", "spend"),
    _size("revenue", "conversions", "clicks"),
    _size("conversions", "clicks", "impressions", "revenue"),
    _decides("campaign_id", "campaign"),
)
_COUNTS = ("impressions", "reach", "likes", "clicks", "shares", "comments")
MEASUREMENTS = tuple(_size(c, *(w for w in _COUNTS if w != c)) for c in (*_COUNTS, "saves"))
