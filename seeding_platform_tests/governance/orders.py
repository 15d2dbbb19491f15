"""A small chain of orders, raw to quality, in an installation of its own: what tests of people's rights are carried out on."""

import datetime as dt

import polars as pl

from seeding_platform.catalog import LANDED
from seeding_platform.cleaning import clean
from seeding_platform.defs.platform import Platform
from seeding_platform.governance.protection import protect

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
ORDERS = LANDED["orders"]
TENANT = "default"
EUROPEAN = '{"decimal": ",", "timezone": "Europe/Amsterdam"}'


def raw(people, *, tenant=TENANT, notation=EUROPEAN, batch="a.csv@1", at="2026-02-0{n}T10:00:00Z"):
    """Raw orders: one a person, with their reference; the note of each names the next."""
    frame = pl.DataFrame(
        {
            "tenant": [tenant] * len(people),
            "order_id": [f"{tenant}-{batch}-{n}" for n in range(len(people))],
            "customer_ref": people,
            "status": ["shipped"] * len(people),
            "created_at": [at.format(n=n % 9 + 1) for n in range(len(people))],
            "amount": ["12,50" if notation == EUROPEAN else "12.50"] * len(people),
            "currency": ["EUR"] * len(people),
            "carrier": ["DHL"] * len(people),
            "note": [f"thanks to {people[(n + 1) % len(people)]}" for n in range(len(people))],
            "_source": ["shop"] * len(people),
            "_batch": [batch] * len(people),
            "_row": list(range(len(people))),
            "_op": ["I"] * len(people),
            "_landed_at": [NOW] * len(people),
            "_position": [str(n + 2) for n in range(len(people))],
            "_notation": [notation] * len(people),
            "synthetic": [False] * len(people),
        }
    )
    return pl.concat([ORDERS.empty("raw"), frame.cast({"_landed_at": ORDERS.schema("raw")["_landed_at"]})], how="diagonal_relaxed")


def carried(platform: Platform, rows: pl.DataFrame) -> None:
    """Bring raw rows through the graph the way the assets do."""
    lake = platform.lake
    lake.overwrite("raw/orders", platform.corrected(rows.lazy(), ORDERS)[0].collect())
    result = clean(lake.read("raw/orders"), ORDERS, platform.cleaning(ORDERS), now=NOW)
    lake.overwrite("clean/orders", result.kept)
    lake.overwrite("clean/orders__quarantine", result.quarantined)
    lake.overwrite("clean/orders__duplicates", result.duplicates)
    allowed = platform.unrestricted(lake.read("clean/orders"))[0].collect()
    made = protect(allowed, ORDERS, platform.personal_data(ORDERS), platform.keys, platform.subject_keys)
    lake.overwrite("quality/orders", made.rows.with_columns(confidence=pl.lit(0.9)))


def refs(platform: Platform, layer: str, tenant: str = TENANT) -> list[str]:
    """Customers in a layer."""
    return platform.lake.read(f"{layer}/orders", tenant=tenant).collect()["customer_ref"].sort().to_list()
