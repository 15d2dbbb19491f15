"""No row trains that the held-out rows could leak into: not of their group, not of their time, not made up and held out."""

import datetime as dt

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seeding_platform.errors import ConfigError, ContractBroken, PermanentError
from seeding_platform.models.learning.splits import parted, split_rows
from seeding_platform_tests.models.made import START, spec, table

FREELY = settings(deadline=None, max_examples=60)


@st.composite
def rows(draw):
    size = draw(st.integers(12, 40))
    return pl.DataFrame(
        {
            "x": range(size),
            "kind": "a",
            "y": draw(st.lists(st.sampled_from(["u", "v"]), min_size=size, max_size=size)),
            "g": draw(st.lists(st.sampled_from([*"abcdefgh", None]), min_size=size, max_size=size)),
            "at": [START + dt.timedelta(hours=h) for h in draw(st.lists(st.integers(0, 15), min_size=size, max_size=size))],
            "synthetic": draw(st.lists(st.booleans(), min_size=size, max_size=size)),
        }
    )


def parts(told, frame):
    try:
        return parted(told, frame)
    except PermanentError:
        return []


@FREELY
@given(rows(), st.sampled_from(["holdout", "kfold"]), st.booleans(), st.integers(0, 3))
def test_parts_by_chance(frame, kind, grouped, seed):
    split = {"kind": kind, "seed": seed} | ({"folds": 3} if kind == "kfold" else {"test_fraction": 0.4})
    found = parts(spec(split=split, group="g" if grouped else None), frame)
    held = [x for _, test in found for x in test["x"]]
    assert len(held) == len(set(held))
    for train, test in found:
        assert not test["synthetic"].any()
        assert not set(train["x"]) & set(test["x"])
        if grouped:
            assert not (set(train["g"]) & set(test["g"])) - {None}
    if kind == "kfold" and found:
        assert set(held) == set(frame.filter(~pl.col("synthetic"))["x"]), "every row that happened is held out once"


@FREELY
@given(rows(), st.booleans(), st.floats(0.1, 0.8))
def test_parts_by_time(frame, grouped, fraction):
    for train, test in parts(spec(split={"kind": "time", "column": "at", "test_fraction": fraction}, group="g" if grouped else None), frame):
        assert train["at"].max() < test["at"].min(), "not even a row of the same moment, nor a made-up one of later"
        assert not test["synthetic"].any()
        if grouped:
            assert not (set(train["g"]) & set(test["g"])) - {None}


@FREELY
@given(rows(), st.integers(0, 3))
def test_the_same_seed_gives_the_same_parts(frame, seed):
    told = spec(split={"kind": "holdout", "seed": seed})
    one, other = parts(told, frame), parts(told, frame)
    assert [[p.to_dicts() for p in pair] for pair in one] == [[p.to_dicts() for p in pair] for pair in other]


def test_classes_are_held_out_alike():
    frame = table(200).with_columns(y=pl.when(pl.int_range(pl.len()) < 20).then(pl.lit("yes")).otherwise(pl.lit("no")))
    _, test = split_rows(spec(split={"kind": "holdout", "test_fraction": 0.3}), frame)
    assert test["y"].value_counts().sort("y")["count"].to_list() == [54, 6]


def test_rows_are_parted_as_given():
    frame = table(60).with_columns(part=pl.when(pl.int_range(pl.len()) < 40).then(pl.lit("Train")).otherwise(pl.lit("test")))
    train, test = split_rows(spec(split={"kind": "given", "column": "part"}), frame)
    assert (train.height, test.height) == (40, 20)
    with pytest.raises(ContractBroken, match="says neither train nor test"):
        split_rows(spec(split={"kind": "given", "column": "kind"}), frame)
    with pytest.raises(ConfigError, match="--train and --test"):
        split_rows(spec(split={"kind": "given"}), frame)


def test_what_cannot_be_parted_is_explained():
    with pytest.raises(PermanentError, match="17 values of account cannot make 20 folds"):
        parted(spec(split={"kind": "kfold", "folds": 20}, group="account"), table())
    with pytest.raises(PermanentError, match="3 rows cannot make 5 folds"):
        parted(spec(split={"kind": "kfold"}), table(3))
    with pytest.raises(ContractBroken, match="has no value, and rows are parted by it"):
        split_rows(spec(split={"kind": "time", "column": "at"}), table(20).with_columns(at=pl.when(pl.col("x") > 5).then("at")))
    with pytest.raises(ContractBroken, match="rows are kept together by it"):
        split_rows(spec(group="nowhere"), table())
    with pytest.raises(ConfigError, match="5 parts"):
        split_rows(spec(split={"kind": "kfold"}), table())
    with pytest.raises(PermanentError, match="leaves no row to train on"):
        split_rows(spec(group="kind", split={"kind": "time", "column": "at"}), table())
