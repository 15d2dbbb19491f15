"""A contract with a field of every type, and frames that keep it: for tests of formats, deltas and metadata."""

import datetime as dt
import decimal

import polars as pl
from hypothesis import strategies as st

from seeding_platform.catalog.engine import EngineContract
from seeding_platform.distribution.feeds import Feed

TYPES = {
    "i": "int",
    "f": "float",
    "d": "decimal",
    "b": "bool",
    "day": "date",
    "at": "timestamp",
    "s": "string",
    "tags": "list[string]",
    "xs": "list[float]",
}
TEXTS = st.text(st.sampled_from("aé€ ,;:\"'\n\r\t\\[]{}01"), max_size=4)
NUMBERS = st.floats(-1e12, 1e12).map(lambda x: x + 0.0)


def contract(kind="parquet", *, name="every_type", label=False, without=(), nullable=True, k=None, **more):
    """Key `k`, and a nullable field of each type; with `label` also one `y` that is a truth value."""
    fields = [{"name": "k", "type": "string", "role": "key", "description": "Key"}]
    for field, kind_of in TYPES.items():
        if field not in without:
            fields.append({"name": field, "type": kind_of, "nullable": nullable, "description": f"A {kind_of}"})
    if label:
        fields.append({"name": "y", "type": "bool", "role": "label", "description": "What is predicted"})
    told = {
        "name": name, "title": "Every type", "family": "content", "description": "Has a field of every type.", "grain": "One key.",
        "key": ["k"], "inputs": ["content_posts"], "fields": fields, "format": kind, "delivery": ["batch"], "maximum_lag_seconds": 60,
    }  # fmt: skip
    return EngineContract.model_validate(told | more)


def values(field):
    at = st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2040, 1, 1), timezones=st.just(dt.UTC))
    of = {
        "i": st.integers(-(2**40), 2**40),
        "f": NUMBERS,
        "d": st.integers(-(10**14), 10**14).map(lambda n: decimal.Decimal(n) / 100),
        "b": st.booleans(),
        "day": st.dates(dt.date(1990, 1, 1), dt.date(2040, 1, 1)),
        "at": at,
        "s": TEXTS,
        "tags": st.lists(TEXTS, max_size=2),
        "xs": st.lists(NUMBERS, max_size=2),
        "y": st.booleans(),
    }[field]
    return of if field == "y" else st.none() | of


def frames(engine, *, keys=TEXTS, max_size=5):
    """Frames of a contract, each key once."""
    names = [f.name for f in engine.fields if f.name != "k"]
    row = st.fixed_dictionaries({"k": keys, **{n: values(n) for n in names}})
    return st.lists(row, unique_by=lambda r: r["k"], max_size=max_size).map(lambda rows: pl.DataFrame(rows, schema=engine.schema()))


def fixed(rows):
    """A feed that gives these rows whatever it reads."""
    return Feed("every_type", ("content_posts",), lambda tables, context: rows)
