"""Labels are read as the model reads its own; what is none is told, by row."""

import math

import polars as pl
import pytest

from seeding_platform.models.operations.checking import Data, checked
from seeding_platform.models.operations.labelling import Reader, brought
from seeding_platform.models.operations.serving import Predictor
from seeding_platform.models.spec import ModelSpec
from seeding_platform.storage.ml.predictions import Label
from seeding_platform_tests.models.operations.conftest import rows


def test_classes_of_numbers_are_met_by_numbers_however_they_are_written(shop):
    spec = shop.spec.model_copy(update={"positive": None})
    shop.train(rows(400).with_columns(y=(pl.col("y") == "yes").cast(pl.Int64)), spec=spec)
    predictor = Predictor(shop.bench)
    answers = predictor.answer(shop.whose, [{"x": i / 12, "kind": "a"} for i in range(120)]).answers
    assert {a.value for a in answers} == {"0", "1"}
    ways = (float, int, str, lambda value: f"{value}.0")
    labels = [Label(a.prediction_id, ways[i % 4](a.value), shop.clock()) for i, a in enumerate(answers)]
    done = brought(shop.bench, predictor, labels, tenant=shop.whose.tenant)
    assert (len(done.kept.taken), done.refused, done.new_class) == (120, (), ())
    found = checked(shop.bench, shop.whose, spec, Data("orders@1", lambda: 400))
    assert (found.value, found.rows) == (1.0, 120)
    assert list(shop.bench.desk.alerts.standing()) == []
    again = [Label(a.prediction_id, int(a.value), shop.clock()) for a in answers]
    assert len(brought(shop.bench, predictor, again, tenant=shop.whose.tenant).kept.repeated) == 120


@pytest.mark.parametrize(
    ("classes", "actual", "kept"),
    [
        (("false", "true"), True, "true"), (("false", "true"), "TRUE", "true"), (("0", "1"), 1.0, "1"), (("0", "1"), "1.0", "1"),
        (("No", "no"), "NO", "NO"), (("No", "no"), "no", "no"), (("a", "b"), " a ", "a"), (("a", "b"), "c", "c"), (("0.5", "1"), 0.5, "0.5"),
        ((), 10**30, str(10**30)),
    ],
)  # fmt: skip
def test_a_label_is_the_class_that_is_meant(shop, classes, actual, kept):
    assert Reader(shop.spec, classes).read(actual) == (kept, "")


@pytest.mark.parametrize(
    ("actual", "kept"), [(3, 3.0), ("2.5", 2.5), (0, 0.0), (-1, None), ("many", None), (None, None), (math.inf, None), ("inf", None)]
)
def test_a_count_is_a_number_of_0_or_more(actual, kept):
    spec = ModelSpec.model_validate({"name": "toy", "kind": "counts", "target": "y", "features": {"x": "numeric"}})
    value, why = Reader(spec, ()).read(actual)
    assert (value, bool(why)) == (kept, kept is None)
