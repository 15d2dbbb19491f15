"""Drift of what came since a version was made: found on new rows only, told with the column that is worst, and answered by an evaluation."""

import json
import random
import uuid

import polars as pl
import pytest

from seeding_platform.models.operations.checking import Data, checked
from seeding_platform.models.operations.drifting import FOUND, REFERENCE, Drifting, drifting, judged_features, reference_of
from seeding_platform.models.operations.rows import fingerprints
from seeding_platform.models.operations.serving import Predictor
from seeding_platform.models.spec import ModelSpec
from seeding_platform.storage.ml.jobs import Ended
from seeding_platform.storage.ml.predictions import Prediction
from seeding_platform_tests.models.operations.conftest import rows


def moved(many: int, *, seed: int = 7) -> pl.DataFrame:
    """Rows whose x lies in the upper half only; the label follows it as ever."""
    return rows(4 * many, seed=seed).filter(pl.col("x") > 6).head(many)


def data(frame: pl.DataFrame, version: str = "orders@2") -> Data:
    return Data(version, lambda: frame.height, lambda: frame)


def standing(shop) -> dict[str, dict]:
    return {a.rule: dict(a.evidence) for a in shop.bench.desk.alerts.standing()}


def answered(shop, values: list) -> None:
    """Answers of the first version, past the model itself."""
    more = {"whose": shop.whose, "version": "1", "features_sha256": "", "predicted_at": shop.clock()}
    shop.bench.predictions.keep([Prediction(prediction_id=f"prd_{uuid.uuid4().hex}", value=value, **more) for value in values])


def test_answers_that_moved_are_told_of_though_no_row_came(shop):
    """Of two labels by their scores; rows of training did not change, and nothing is evaluated or trained for it."""
    shop.train(rows(600))
    predictor, draw = Predictor(shop.bench), random.Random(3)

    def asked(low: float) -> None:
        predictor.answer(shop.whose, [{"x": draw.uniform(low, 10), "kind": draw.choice("ab")} for _ in range(300)])

    same = Data("orders@1", lambda: 600, lambda: pytest.fail("no frame is built for it"))
    assert checked(shop.bench, shop.whose, shop.spec, same).drifted is None
    asked(0)
    fine = checked(shop.bench, shop.whose, shop.spec, same)
    assert (fine.due, fine.drifted.columns, fine.drifted.given) == (None, (), 300)
    shop.clock.later(hours=4)
    for _ in range(3):
        asked(5)
    found = checked(shop.bench, shop.whose, shop.spec, same)
    assert (found.due, found.job_id, found.drifted.columns) == ("drift", None, ("prediction",))
    assert {n: standing(shop)["model.drift"][n] for n in ("column", "columns", "answers", "rows")} == {
        "column": "prediction", "columns": ["prediction"], "answers": 1200, "rows": 0,
    }  # fmt: skip
    version = shop.bench.registry.version(shop.whose.registered, "1")
    assert Drifting.parsed(shop.bench.registry.document(version, FOUND)).columns == ("prediction",)
    grown = checked(shop.bench, shop.whose, shop.spec, data(pl.concat([rows(600), moved(300)])), ask=False)
    assert grown.drifted.columns == ("x", "prediction"), "features stand beside it"


@pytest.mark.parametrize(
    ("told", "target", "usual", "other"),
    [
        ({"kind": "regression", "metric": "rmse", "floor": 9.0}, pl.col("x") * 2, lambda i: (i * 7919 % 1000) / 50, lambda i: 30 + i / 100),
        ({"kind": "classification", "metric": "accuracy"}, (pl.col("x") / 3.4).floor().cast(pl.Int64),
         lambda i: str(i % 3), lambda i: "2" if i % 9 else "1"),
    ],
    ids=["numbers", "several labels"],
)  # fmt: skip
def test_answers_that_are_no_score_are_judged_by_themselves(shop, told, target, usual, other):
    spec = ModelSpec.model_validate(shop.spec.model_dump(exclude_unset=True, exclude={"direction", "positive"}) | told)
    assert shop.train(rows(600).with_columns(y=target), spec=spec).verdict == "deploy"
    same = Data("orders@1", lambda: 600)
    answered(shop, [usual(i) for i in range(300)])
    assert checked(shop.bench, shop.whose, spec, same).drifted.columns == ()
    answered(shop, [other(i) for i in range(300)])
    assert checked(shop.bench, shop.whose, spec, same).drifted.columns == ("prediction",)


def test_rows_of_the_same_kind_are_no_drift(shop):
    old = rows(400)
    shop.train(old)
    found = checked(shop.bench, shop.whose, shop.spec, data(pl.concat([old, rows(90, seed=5)])))
    assert found.due is None
    version = shop.bench.registry.version(shop.whose.registered, "1")
    few = Drifting.parsed(shop.bench.registry.document(version, FOUND))
    assert (few.rows, few.table, few.columns) == (90, None, ()), "too few new rows judge nothing"
    many = drifting(shop.bench, shop.spec, version, lambda: pl.concat([old, rows(900, seed=5)]), "orders@3")
    assert (many.rows, many.columns) == (900, ())
    assert standing(shop) == {}


def test_new_rows_that_moved_are_told_of_and_the_model_is_measured_on_them(shop):
    old = rows(4000)
    shop.train(old)
    shop.clock.later(hours=25)
    grown = pl.concat([old, moved(99), rows(1, seed=99).with_columns(x=pl.lit(9.5))])
    found = checked(shop.bench, shop.whose, shop.spec, data(grown))
    assert found.due == "new_data", "a hundred new labels are a reason to train, whatever else is so"
    shop.bench.jobs.end(found.job_id, Ended(state="skipped", says="not in this test"), now=shop.clock())
    evidence = standing(shop)["model.drift"]
    assert (evidence["column"], evidence["columns"], evidence["rows"]) == ("x", ["x"], 100)
    assert evidence["method"] == "p_ks"
    assert evidence["value"] < evidence["limit"]
    unlabelled = Data("orders@3", lambda: 0, lambda: grown)
    drift = checked(shop.bench, shop.whose, shop.spec, unlabelled)
    assert (drift.due, drift.job_id) == ("drift", None), "drift asks for an evaluation only"
    assert drift.evidence["evaluated"] == pytest.approx(0.9, abs=0.12)
    holdout = shop.bench.standings.measurements(shop.whose, source="holdout", version="1")
    assert [m.rows for m in holdout] == [100, 1600]
    checked(shop.bench, shop.whose, shop.spec, unlabelled)
    assert len(shop.bench.standings.measurements(shop.whose, source="holdout")) == 2, "once a data version"


def test_among_many_old_rows_a_few_new_ones_that_moved_are_still_found(shop):
    """On all rows together the change would be lost: 300 among 4,000."""
    old = rows(4000)
    shop.train(old)
    version = shop.bench.registry.version(shop.whose.registered, "1")
    found = drifting(shop.bench, shop.spec, version, lambda: pl.concat([old, moved(300)]), "orders@2")
    assert found.columns == ("x",)
    assert found.rows == 300


def test_it_is_over_with_a_version_that_was_made_from_the_new_rows(shop):
    old = rows(400)
    shop.train(old)
    grown = pl.concat([old, moved(400)])
    checked(shop.bench, shop.whose, shop.spec, data(grown), ask=False)
    assert set(standing(shop)) == {"model.drift"}
    other = shop.train(rows(600, turned=True), version="orders@2")
    assert other.verdict == "deploy"
    checked(shop.bench, shop.whose, shop.spec, data(grown), ask=False)
    assert standing(shop) == {}


def test_what_was_found_is_kept_and_not_worked_out_again(shop):
    shop.train(rows(400))
    version = shop.bench.registry.version(shop.whose.registered, "1")
    first = drifting(shop.bench, shop.spec, version, lambda: moved(300), "orders@2")

    def never():
        raise AssertionError

    again = drifting(shop.bench, shop.spec, version, never, "orders@2")
    assert again.columns == first.columns == ("x",)
    assert again.worst == first.worst
    assert again.table.equals(first.table)


def test_texts_and_dates_are_left_out_and_the_sample_holds_features_only():
    spec = ModelSpec.model_validate(
        {
            "name": "toy", "kind": "classification", "target": "y", "group": "who",
            "features": {"x": "numeric", "kind": "category", "said": "text", "day": "date"},
        }
    )  # fmt: skip
    assert judged_features(spec) == {"x": "numeric", "kind": "category"}
    frame = rows(5000).with_columns(said=pl.lit("a"), day=pl.lit("2026-01-01"), who=pl.lit("c1"), synthetic=pl.int_range(pl.len()) % 2 == 0)
    told = json.loads(reference_of(spec, frame, fingerprints(spec, frame.head(100)), seed=1))
    assert {name: len(values) for name, values in told["features"].items()} == {"x": 2000, "kind": 2000}
    assert set(told["features"]["x"]) <= set(frame.filter(~pl.col("synthetic"))["x"]), "made-up rows are no reference"
    only_text = ModelSpec.model_validate({"name": "toy", "kind": "classification", "target": "y", "features": {"said": "text"}})
    assert reference_of(only_text, frame, [], seed=1) is None


def test_a_version_without_a_reference_is_not_judged(shop):
    shop.train(rows(400))
    version = shop.bench.registry.version(shop.whose.registered, "1")
    assert shop.bench.registry.document(version, REFERENCE) is not None
    bare = shop.bench.registry.register(f"{shop.whose.registered}_bare", _model(shop), metrics={}, params={}, tags={}, documents={})
    assert drifting(shop.bench, shop.spec, bare, lambda: moved(300), "orders@2") is None


def _model(shop):
    return shop.bench.registry.load(shop.whose.registered, "1")[1]
