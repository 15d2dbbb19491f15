"""What holds for any table: order tells nothing, sizes are always there, limits hold their value."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seeding_platform.quality.bias import model_fairness, outcome, representation, resample, reweigh, simpson

ROW = st.tuples(
    st.sampled_from(["a", "b", "c", None]),
    st.sampled_from([0, 1, None]),
    st.sampled_from([0, 1, None]),
    st.floats(0, 1),
    st.sampled_from(["x", "y", None]),
    st.floats(0.01, 100),
)
SCHEMA = {"g": pl.String, "y": pl.Int64, "p": pl.Int64, "score": pl.Float64, "s": pl.String, "w": pl.Float64}
FRAMES = st.lists(ROW, max_size=60).map(lambda rows: pl.DataFrame(rows, schema=SCHEMA, orient="row"))
COLUMNS = {
    "metric": pl.String,
    "group": pl.String,
    "value": pl.Float64,
    "n": pl.Int64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "verdict": pl.String,
}
VERDICTS = {"ok", "biased", "insufficient_evidence", "not_judged"}


def answers(frame):
    yield representation(frame, group="g", reference={"a": 0.5, "d": 0.3, "b": 0.2})
    yield representation(frame, group=["g", "s"])
    yield outcome(frame, group="g", label="y", positive=1, strata="s")
    yield outcome(frame, group="g", label="y", positive=0, strata=["s", "p"], weights="w")
    yield model_fairness(frame, group="g", label="y", prediction="p", score="score")
    yield model_fairness(frame.with_columns(y=pl.col("w") + 1.5), group="g", label="y", prediction="score")
    yield simpson(frame, group="g", label="y", stratum="s")


@settings(max_examples=20, deadline=None)
@given(FRAMES)
def test_rows_are_whole(frame):
    for found in answers(frame):
        assert dict(found.schema) == COLUMNS
        assert found.height
        assert found["n"].null_count() == 0
        assert found["n"].min() >= 0
        assert set(found["verdict"]) <= VERDICTS
        assert found.filter(pl.col("value").is_nan() | pl.col("value").is_infinite()).is_empty()
        assert found.select("metric", "group").is_unique().all()
        outside = found.filter((pl.col("ci_low") > pl.col("value") + 1e-9) | (pl.col("ci_high") < pl.col("value") - 1e-9))
        assert outside.is_empty(), outside
        assert found.filter((pl.col("verdict") == "biased") & pl.col("value").is_null()).is_empty()


@settings(max_examples=10, deadline=None)
@given(FRAMES, st.randoms(use_true_random=False))
def test_order_of_rows_tells_nothing(frame, dice):
    order = list(range(frame.height))
    dice.shuffle(order)
    for one, other in zip(answers(frame), answers(frame[order]), strict=True):
        assert one.select("metric", "group", "n", "verdict").equals(other.select("metric", "group", "n", "verdict"))
        for column in ("value", "ci_low", "ci_high"):
            assert one[column].is_null().equals(other[column].is_null())
            assert one[column].drop_nulls().to_list() == pytest.approx(other[column].drop_nulls().to_list(), abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(FRAMES)
def test_weights_are_positive_and_take_the_label_off_the_group(frame):
    weights = reweigh(frame, group="g", label="y")
    assert weights.len() == frame.height
    assert weights.null_count() == 0
    assert (weights > 0).all()
    cells = frame.select("g", "y").n_unique()
    if frame.height and cells == frame["g"].n_unique() * frame["y"].n_unique():
        assert weights.mean() == pytest.approx(1.0)
        found = outcome(frame.with_columns(w=weights), group="g", label="y", positive=1, weights="w")
        ratio = found.filter(pl.col("metric") == "demographic_parity_ratio")["value"].item()
        assert ratio is None or ratio == pytest.approx(1.0, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(FRAMES, st.integers(1, 4), st.integers(0, 9))
def test_no_row_is_drawn_more_often_than_the_cap(frame, cap, seed):
    numbered = frame.with_row_index("row")
    drawn = resample(numbered, group="g", label="y", cap=cap, seed=seed)
    assert drawn.group_by("row").len().filter(pl.col("len") > cap).is_empty()
    sizes = {key: n for *key, n in numbered.group_by("g", "y").len().rows() for key in [tuple(key)]}
    got = {key: n for *key, n in drawn.group_by("g", "y").len().rows() for key in [tuple(key)]}
    groups, labels = dict(frame["g"].value_counts().rows()), dict(frame["y"].value_counts().rows())
    for (g, y), n in sizes.items():
        expected = groups[g] * labels[y] / frame.height
        assert abs(got.get((g, y), 0) - min(expected, cap * n)) <= 0.5 + 1e-9
