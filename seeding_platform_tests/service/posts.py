"""Posts of two tenants as they land, and the tables that a cleaning makes of them: what the pages and routes of cleaning show."""

import datetime as dt
from pathlib import Path

import polars as pl

from seeding_platform.catalog import LANDED, TableContract
from seeding_platform.cleaning import CleaningResult, clean
from seeding_platform.cleaning.policies import load_policy
from seeding_platform.storage.lake import Lake

POSTS = LANDED["content_posts"]
LONG = "We moved to the new warehouse in Gent last week and our packers already know every aisle by heart"
BASE = {"account_id": "a1", "platform": "LinkedIn", "status": "published", "language": "en", "content_type": "text"}
ROWS = [
    {"post_id": "P-1", "text": LONG, "published_at": "2026-09-01T10:00:00Z", "url": "https://Shop.example/A"},
    {
        "post_id": "P-2",
        "text": LONG.replace("warehouse", "warehuose"),
        "published_at": "2026-09-02T10:00:00Z",
        "author_email": "Personal@Example.org",
    },
    {"post_id": "P-3", "text": "Ten signs that your stock room is too small for what you sell", "published_at": "2026-09-03T10:00:00Z"},
    {
        "post_id": "P-4",
        "text": "How we drew the card that goes into every single box",
        "published_at": "2026-09-04T10:00:00Z",
        "url": "https://SHOP.example/B",
    },
    {"post_id": "P-4", "text": "How we drew the card that goes into every single box", "published_at": "2026-09-04T10:00:00Z"},
    {"post_id": "P-5", "text": "Refused", "published_at": "2026-09-05T10:00:00Z", "platform": "Nowhere<b>"},
    {"post_id": "P-6", "text": "", "published_at": "some day"},
]
THEIRS = [
    {"post_id": "S-1", "text": "Secret plan: " + LONG, "published_at": "2026-09-01T10:00:00Z", "url": "https://SECRET.example/"},
    {"post_id": "S-2", "text": "Secret plan: " + LONG, "published_at": "2026-09-02T10:00:00Z"},
    {"post_id": "S-3", "text": "Secret", "published_at": "2026-09-05T10:00:00Z", "platform": "Secret platform"},
]
RULES = """\
# what the team agreed on
iqr_factor: 3  # wide on purpose
repairs:
  - {name: url_lower, kind: format, column: url, case: lower}
  - {name: mail_lower, kind: format, column: author_email, case: lower}
"""


def raw_posts(*tenants: tuple[str, list[dict[str, str]]]) -> pl.DataFrame:
    """Rows as they land, tenant by tenant, with their lineage."""
    lineage = {"_source": "made__main", "_op": "I", "_landed_at": dt.datetime(2026, 9, 6, tzinfo=dt.UTC), "_notation": "", "synthetic": False}
    rows = [
        {**BASE, **row, **lineage, "tenant": tenant, "_batch": f"{tenant}.csv@0123456789ab", "_row": n, "_position": f"line {n + 2}"}
        for tenant, listed in tenants
        for n, row in enumerate(listed)
    ]
    schema = POSTS.schema("raw")
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)


def cleaned_into(lake: Lake, raw: pl.DataFrame, policies: Path, *, contract: TableContract = POSTS) -> CleaningResult:
    """Clean rows by the policy in force and write every table, as the platform does."""
    result = clean(raw, contract, load_policy(contract, policies))
    lake.overwrite(f"raw/{contract.name}", raw)
    lake.overwrite(f"clean/{contract.name}", result.kept)
    for side, frame in (
        ("quarantine", result.quarantined),
        ("duplicates", result.duplicates),
        ("repairs", result.repairs),
        ("clusters", result.clusters),
    ):
        lake.overwrite(f"clean/{contract.name}__{side}", frame)
    return result
