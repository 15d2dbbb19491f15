"""The check in real use: a drop is found and trained on, a bad deployment goes back, a clock that stood still catches up once."""

import datetime as dt
import random
import uuid
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from seeding_platform.errors import ConfigError, TransientError
from seeding_platform.models.learning import judging
from seeding_platform.models.operations import checking
from seeding_platform.models.operations.checking import Data, ask_for, checked
from seeding_platform.models.operations.clocks import clocks, due_checks
from seeding_platform.models.operations.rows import live_frame, live_metric
from seeding_platform.models.operations.serving import MOST_ROWS, NothingServes, Predictor
from seeding_platform.models.operations.settings import RETRAINING
from seeding_platform.models.operations.watching import troubled, watched
from seeding_platform.models.promotion.metrics import metric, scored
from seeding_platform.storage.ml.deployments import ChampionChanged, Deployment, DeploymentUnderWay
from seeding_platform.storage.ml.jobs import Ended, JobActive
from seeding_platform.storage.ml.predictions import Label, Prediction
from seeding_platform.storage.ml.whose import Whose
from seeding_platform_tests.models.operations.conftest import rows

HOUR = dt.timedelta(hours=1)
SAME = Data("orders@1", lambda: 400)


def use(shop, many: int, *, right: float, seed: int = 0, predictor: Predictor | None = None) -> None:
    """Real use: questions over a day, each with its label an hour later; `right` is how often the world agrees."""
    draw, predictor = random.Random(seed), predictor or Predictor(shop.bench)
    asked = [{"x": round(draw.uniform(0, 10), 6), "kind": "a"} for _ in range(many)]
    answers = predictor.answer(shop.whose, asked).answers
    shop.clock.later(hours=1)
    other = {"yes": "no", "no": "yes"}
    labels = [Label(a.prediction_id, a.value if draw.random() < right else other[a.value], shop.clock()) for a in answers]
    assert len(shop.bench.predictions.label(labels, tenant=shop.whose.tenant, now=shop.clock()).taken) == many


def active(shop):
    return shop.bench.jobs.active(shop.whose)


def rules(shop) -> set[str]:
    return {a.rule for a in shop.bench.desk.alerts.standing()}


def test_a_drop_in_real_use_is_found_told_of_and_trained_on(shop):
    shop.train(rows(400))
    predictor = Predictor(shop.bench)
    for day in range(4):
        use(shop, 300, right=0.92, seed=day, predictor=predictor)
        shop.clock.later(hours=23)
    fine = checked(shop.bench, shop.whose, shop.spec, SAME)
    assert (fine.due, fine.job_id) == (None, None), fine.says
    assert fine.rows == 300
    assert fine.value == pytest.approx(0.92, abs=0.06)
    use(shop, 300, right=0.72, seed=9, predictor=predictor)
    found = checked(shop.bench, shop.whose, shop.spec, SAME)
    assert found.due == "performance", found.says
    job = active(shop)
    assert (job.job_id, job.trigger) == (found.job_id, "performance")
    assert job.evidence["windows"]
    assert rules(shop) == {"model.performance_drop"}
    assert {m.source for m in shop.bench.standings.measurements(shop.whose)} == {"live", "holdout"}
    again = checked(shop.bench, shop.whose, shop.spec, SAME)
    assert again.job_id is None, "it is being trained already"


def labelled(shop, answers: list[tuple[dt.datetime, bool]], *, version: str = "1", score: float | None = None) -> None:
    """Answers `yes` with their labels, as (when the label was seen, whether it was right), past the model itself."""
    mark = uuid.uuid4().hex
    given = [
        Prediction(
            prediction_id=f"{mark}_{i}", whose=shop.whose, version=version, features_sha256="", value="yes", score=score, predicted_at=at - HOUR
        )
        for i, (at, _) in enumerate(answers)
    ]  # fmt: skip
    shop.bench.predictions.keep(given)
    told = [Label(g.prediction_id, "yes" if right else "no", at) for g, (at, right) in zip(given, answers, strict=True)]
    assert len(shop.bench.predictions.label(told, tenant=shop.whose.tenant, now=shop.clock()).taken) == len(answers)


def spread(since: dt.datetime, days: float, many: int, *, wrong: int) -> list[tuple[dt.datetime, bool]]:
    """So many labels over so many days, so many of them wrong, spread evenly."""
    return [(since + (i + 1) * dt.timedelta(days=days) / (many + 1), i * wrong % many >= wrong) for i in range(many)]


def test_of_more_labels_than_are_read_the_newest_count_and_the_first_days_too(shop, monkeypatch):
    monkeypatch.setattr(checking, "MOST_LABELS", 400)
    shop.train(rows(400))
    begun = shop.clock()
    labelled(shop, spread(begun, 19, 1900, wrong=152))
    fallen = spread(begun + dt.timedelta(days=19), 2, 300, wrong=120)
    shop.clock.later(days=21)
    labelled(shop, fallen)
    shop.bench.standings.note(shop.whose, now=shop.clock(), trained_at=shop.clock())
    found = checked(shop.bench, shop.whose, shop.spec, SAME)
    assert (found.due, found.rows) == ("performance", 150), found.says
    assert found.value == pytest.approx(0.6, abs=0.25)
    assert "model.performance_drop" in rules(shop)


def test_the_first_days_of_a_version_that_has_served_for_long_are_still_its_baseline(shop):
    shop.train(rows(400))
    labelled(shop, spread(shop.clock(), 10, 300, wrong=24))
    shop.clock.later(days=200)
    shop.bench.standings.note(shop.whose, now=shop.clock(), trained_at=shop.clock())
    labelled(shop, spread(shop.clock() - dt.timedelta(hours=20), 0.8, 300, wrong=120))
    assert checked(shop.bench, shop.whose, shop.spec, SAME).due == "performance"


def test_a_floor_is_missed_by_enough_labels_and_by_more_than_chance(shop):
    shop.train(rows(400))
    labelled(shop, spread(shop.clock() - dt.timedelta(hours=2), 0.08, 2, wrong=2))
    assert checked(shop.bench, shop.whose, shop.spec, SAME).value == 0.0
    assert rules(shop) == set(), "two labels prove nothing"
    labelled(shop, spread(shop.clock() - dt.timedelta(hours=2), 0.08, 98, wrong=40))
    assert checked(shop.bench, shop.whose, shop.spec, SAME).value == pytest.approx(0.58)
    assert rules(shop) == set(), "58 of a hundred are no proof that it is below .6"
    labelled(shop, spread(shop.clock() - dt.timedelta(hours=2), 0.08, 40, wrong=40))
    checked(shop.bench, shop.whose, shop.spec, SAME)
    assert rules(shop) == {"model.below_floor"}
    (alert,) = shop.bench.desk.alerts.standing()
    assert (alert.evidence["rows"], alert.evidence["value"]) == (140, pytest.approx(58 / 140))
    shop.clock.later(days=2)
    labelled(shop, spread(shop.clock() - dt.timedelta(hours=2), 0.08, 100, wrong=8))
    checked(shop.bench, shop.whose, shop.spec, SAME)
    assert rules(shop) == set()


def test_labels_of_one_class_say_nothing_of_an_area(shop):
    spec = shop.spec.model_copy(update={"metric": "auc"})
    shop.train(rows(400))
    labelled(shop, spread(shop.clock() - dt.timedelta(hours=2), 0.08, 120, wrong=0), score=0.9)
    found = checked(shop.bench, shop.whose, spec, SAME)
    assert (found.value, found.rows) == (None, 120)
    assert "model.below_floor" not in rules(shop)


def test_labels_that_come_slowly_reach_the_floor_together(shop):
    shop.train(rows(400))
    shop.clock.later(days=20)
    shop.bench.standings.note(shop.whose, now=shop.clock(), trained_at=shop.clock())
    labelled(shop, spread(shop.clock() - dt.timedelta(days=19), 19, 120, wrong=80))
    checked(shop.bench, shop.whose, shop.spec, SAME)
    assert rules(shop) == {"model.below_floor"}


def test_a_check_by_other_bars_raises_and_ends_nothing(shop):
    shop.train(rows(400))
    labelled(shop, spread(shop.clock(), 4, 400, wrong=32))
    shop.clock.later(days=5)
    fallen = spread(shop.clock() - dt.timedelta(hours=20), 0.8, 300, wrong=150)
    labelled(shop, fallen)
    other = checked(shop.bench, shop.whose, shop.spec, SAME, time_window=1, ask=False)
    assert (other.due, rules(shop)) == ("performance", set())
    checked(shop.bench, shop.whose, shop.spec, SAME, ask=False)
    raised = rules(shop)
    assert raised == {"model.performance_drop", "model.below_floor"}
    lax = checked(shop.bench, shop.whose, shop.spec, SAME, threshold=0.9, time_window=90, ask=False)
    assert (lax.due, rules(shop)) == (None, raised)


OWN = {"metric": "cost", "metrics": {"cost": "avg(case when truth = prediction then 0.0 else score end)"}, "direction": "down", "floor": 0.3}


@pytest.mark.parametrize(
    ("metric", "before", "now"), [(OWN, 0.072, 0.45), ({"metric": "entry:misses", "direction": "down", "floor": 0.3}, 24.0, 150.0)]
)
def test_a_figure_of_ones_own_is_measured_on_labels_too(shop, monkeypatch, metric, before, now):
    """An SQL expression over truth, prediction and score, and an entry point: measured, held against the first days and against the floor."""

    class Misses:
        def load(self):
            return lambda table: (table["truth"] != table["prediction"]).sum()

    monkeypatch.setattr(judging, "entry_points", lambda **_: [Misses()])
    spec = shop.spec.model_validate(shop.spec.model_dump(exclude_unset=True) | metric)
    shop.train(rows(400))
    labelled(shop, spread(shop.clock(), 3, 300, wrong=24), score=0.9)
    shop.clock.later(days=4)
    labelled(shop, spread(shop.clock() - dt.timedelta(hours=20), 0.8, 300, wrong=150), score=0.9)
    found = checked(shop.bench, shop.whose, spec, SAME)
    assert (found.due, found.value) == ("performance", pytest.approx(now)), found.says
    assert found.evidence["windows"][0][1]["baseline"] == pytest.approx(before)
    assert rules(shop) >= {"model.performance_drop", "model.below_floor"}


def test_a_figure_that_answers_do_not_tell_is_left_alone(shop):
    """Probabilities of several labels are not kept with an answer; errors as a share of the truth are told by both."""
    several = shop.spec.model_validate(
        shop.spec.model_dump(exclude_unset=True) | {"metric": "sure", "metrics": {"sure": "avg(p_yes)"}, "direction": "up"}
    )
    assert live_metric(several) is None
    ranked = {"name": "toy", "kind": "next_item", "target": "y", "features": {"x": "category"}, "metric": "mrr"}
    assert live_metric(shop.spec.model_validate(ranked)) is None
    amounts = shop.spec.model_validate({"name": "toy", "kind": "regression", "target": "y", "features": {"x": "numeric"}, "metric": "mape"})
    frame = pl.DataFrame({"truth": [10.0, 20.0, 0.0], "prediction": [11.0, 18.0, 5.0]})
    mape = live_metric(amounts)
    assert mape.value(scored(frame, mape)) == pytest.approx(0.1)


def set_to(shop, **values) -> None:
    shop.bench.adjusted.change(RETRAINING, values, scope="", actor="key1", reason="as asked", now=shop.clock())


def test_it_is_a_models_turn_by_the_hours_that_are_set(shop):
    def turn() -> bool:
        return due_checks(shop.bench, [shop.whose]) == [shop.whose]

    assert turn(), "it was never looked at"
    checked(shop.bench, shop.whose, shop.spec, SAME)
    shop.clock.later(hours=3)
    assert not turn()
    assert kept(shop)["performance_check"] == ("0 */4 * * *", dt.datetime(2026, 11, 2, 12, tzinfo=dt.UTC))
    set_to(shop, check_hours=1)
    assert turn()
    assert kept(shop)["performance_check"] == ("0 * * * *", dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC))
    checked(shop.bench, shop.whose, shop.spec, SAME, asked_by="key1", threshold=0.5)
    assert turn(), "a check that somebody asked for takes no turn of the clock"
    checked(shop.bench, shop.whose, shop.spec, SAME)
    assert not turn()
    set_to(shop, check_hours=24, zone="Asia/Kolkata")
    assert kept(shop)["performance_check"] == ("0 0 * * *", dt.datetime(2026, 11, 2, 19, tzinfo=dt.UTC)), "midnight there, at the full hour after it"
    shop.clock.later(days=3)
    assert turn(), "what was missed is made up for"
    checked(shop.bench, shop.whose, shop.spec, SAME)
    assert not turn()


def kept(shop) -> dict[str, tuple[str, dt.datetime]]:
    """By kind, hours of a clock and when it is next a model's turn."""
    return {row["kind"]: (row["cron"], row["next_run_at"]) for row in clocks(shop.bench, tenant=shop.whose.tenant)}


def test_labels_are_compared_as_the_model_reads_them(shop):
    """Names that are not ASCII, whole numbers with a decimal point, and what JSON does not have."""
    shop.train(rows(400))
    kept = pl.DataFrame(
        {
            "truth": ['"\\u00e9\\u00e9n"', "1.0", "true", "Infinity", "null"], "prediction": ['"\\u00e9\\u00e9n"', '"1"', '"true"', '"1"', '"1"'],
            "score": [0.9, 0.8, 0.7, 0.6, 0.5], "observed_at": [shop.clock()] * 5,
        }
    )  # fmt: skip
    accuracy, auc = (live_frame(shop.spec, kept, metric(name), positive="één") for name in ("accuracy", "auc"))
    assert accuracy.select("truth", "prediction").rows() == [("één", "één"), ("1", "1"), ("true", "true")]
    assert auc["truth"].to_list() == [1, 0, 0]
    amounts = shop.spec.model_validate({"name": "toy", "kind": "regression", "target": "y", "features": {"x": "numeric"}})
    numbers = kept.with_columns(truth=pl.Series(["2.5", "3", "Infinity", "NaN", "null"]), prediction=pl.lit("1.0"))
    assert live_frame(amounts, numbers, metric("rmse"), positive=None)["truth"].to_list() == [2.5, 3.0]


def test_a_check_may_ask_for_another_drop_and_another_window(shop):
    shop.train(rows(400))
    use(shop, 300, right=0.9)
    shop.clock.later(days=5)
    use(shop, 300, right=0.8, seed=2)
    assert checked(shop.bench, shop.whose, shop.spec, SAME, threshold=0.5, time_window=3, ask=False).due is None
    with pytest.raises(ConfigError, match="time_window"):
        checked(shop.bench, shop.whose, shop.spec, SAME, time_window=91)


def test_new_labels_are_a_reason_but_not_while_the_model_rests(shop):
    shop.train(rows(400))
    fresh = Data("orders@2", lambda: 600)
    resting = checked(shop.bench, shop.whose, shop.spec, fresh)
    assert (resting.due, resting.job_id) == ("new_data", None)
    shop.clock.later(hours=25)
    assert checked(shop.bench, shop.whose, shop.spec, fresh).job_id is not None
    assert checked(shop.bench, shop.whose, shop.spec, Data("orders@3", lambda: 450)).due is None


@pytest.mark.long
def test_a_month_with_three_days_of_silence_and_a_change_of_the_clock_trains_once_a_week(shop):
    """Checked every four hours of UTC from 12 October to 11 November 2026, but for three days; the last Sunday of October has 25 hours."""
    shop.clock.at = dt.datetime(2026, 10, 12, tzinfo=dt.UTC)
    asked: list[dt.datetime] = []
    for tick in range(30 * 6):
        moment = dt.datetime(2026, 10, 12, tzinfo=dt.UTC) + tick * dt.timedelta(hours=4)
        if dt.datetime(2026, 10, 18, tzinfo=dt.UTC) <= moment < dt.datetime(2026, 10, 21, tzinfo=dt.UTC):
            continue
        shop.clock.at = moment
        found = checked(shop.bench, shop.whose, shop.spec, SAME)
        if found.job_id is None:
            continue
        asked.append(moment)
        assert shop.bench.jobs.claim(found.job_id, run_id="r", now=shop.clock())
        shop.clock.later(minutes=10)
        shop.bench.jobs.end(found.job_id, Ended(state="succeeded", says="fine"), now=shop.clock())
        shop.bench.standings.note(shop.whose, now=shop.clock(), trained_at=shop.clock())
        if shop.bench.standings.one(shop.whose).version is None:
            version = shop.train(rows(400)).version
            assert version == "1"
    days = [(m - dt.datetime(2026, 10, 12, tzinfo=dt.UTC)) / dt.timedelta(days=1) for m in asked]
    assert days == [0, 9, 16, 23], "the week that ended in the silence is made up for once, and no check piles another on it"


def test_a_deployment_that_does_worse_goes_back_by_itself_and_answers_as_before(shop):
    shop.train(rows(400))
    predictor = Predictor(shop.bench)
    use(shop, 600, right=0.95, predictor=predictor)
    turned = shop.train(rows(500, turned=True, seed=8))
    if turned.verdict != "deploy":  # the gate keeps it out, as it should: a person insists
        watch = {"watch": dt.timedelta(hours=24)}
        shop.bench.deployer.deploy(shop.whose, turned.version, actor="key1", reason="insisted", **watch)
    ask = [{"x": 9.0, "kind": "a"}]
    assert predictor.answer(shop.whose, ask).answers[0].value == "no"
    use(shop, 200, right=0.2, seed=4, predictor=predictor)
    (said,) = watched(shop.bench, {"toy": shop.spec})
    assert "rolled back to 1" in said
    answered = predictor.answer(shop.whose, ask)
    assert (answered.version, answered.answers[0].value) == ("1", "yes")
    assert "model.rolled_back" in rules(shop)
    assert shop.bench.standings.one(shop.whose).cool_until > shop.clock()
    assert watched(shop.bench, {"toy": shop.spec}) == []


def artefact(shop, version: str) -> Path:
    """Where the fitted model of a version lies."""
    registry = shop.bench.registry
    return registry.artefacts / shop.whose.registered / registry.version(shop.whose.registered, version).run_id / "artifacts" / "model.skops"


def failed(shop, version: str, many: int) -> None:
    """Answers that a version was to give and did not."""
    said = {"whose": shop.whose, "version": version, "features_sha256": "", "value": None, "predicted_at": shop.clock(), "failed": True}
    shop.bench.predictions.keep([Prediction(prediction_id=f"prd_{version}_{i}", **said) for i in range(many)])


def test_a_rollback_that_fails_is_told_as_what_it_is(shop):
    shop.train(rows(400))
    second = shop.train(rows(500, turned=True, seed=8))
    if second.verdict != "deploy":
        shop.bench.deployer.deploy(shop.whose, "2", actor="key1", reason="insisted", watch=dt.timedelta(hours=24))
    failed(shop, "2", 150)
    kept = artefact(shop, "1").read_bytes()
    artefact(shop, "1").write_bytes(b"x")
    (said,) = watched(shop.bench, {"toy": shop.spec})
    assert "could not be rolled back to 1" in said
    assert "altered" in said
    (alert,) = [a for a in shop.bench.desk.alerts.standing() if a.rule == "model.rollback_failed"]
    assert (alert.severity, alert.evidence["version"], alert.evidence["previous"]) == ("critical", "1", "2")
    assert "model.rolled_back" not in rules(shop)
    assert shop.bench.standings.one(shop.whose).version == "2"
    shop.bench.registry.tag(shop.whose.registered, "1", {"subject_erased": "true"})
    (said,) = watched(shop.bench, {"toy": shop.spec})
    assert "left to go back to" in said
    shop.bench.registry.tag(shop.whose.registered, "1", {"subject_erased": "false"})
    artefact(shop, "1").write_bytes(kept)
    (said,) = watched(shop.bench, {"toy": shop.spec})
    assert "is rolled back to 1" in said
    assert rules(shop) == {"model.rolled_back"}


def test_failing_answers_roll_back_whatever_the_metric_is(shop):
    spec = shop.spec.model_validate(
        {"name": "toy", "kind": "regression", "target": "y", "features": {"x": "numeric"}, "metric": "mape", "split": {"kind": "holdout"},
         "floor": 2.0, "minimum_rows": 100, "params": {"max_iter": 5}}
    )  # fmt: skip
    for seed in (1, 2):
        shop.train(rows(400, seed=seed).with_columns(y=pl.col("x") + 5), spec=spec)
    shop.bench.deployer.deploy(shop.whose, "2", actor="key1", reason="insisted", watch=dt.timedelta(hours=24))
    assert watched(shop.bench, {"toy": spec}) == []
    failed(shop, "2", 150)
    (said,) = watched(shop.bench, {"toy": spec})
    assert "rolled back to 1: 150 of 150 answers failed" in said
    assert shop.bench.standings.one(shop.whose).version == "1"


@pytest.mark.parametrize(("error", "told"), [(KeyError("x"), True), (ChampionChanged("2"), False), (DeploymentUnderWay("d"), False)])
def test_trouble_with_one_model_ends_the_watch_of_no_other(shop, monkeypatch, error, told):
    shop.train(rows(400))
    shop.bench.deployer.deploy(shop.whose, "1", actor="key1", reason="again", watch=dt.timedelta(hours=24))

    def broken(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(shop.bench.predictions, "answered", broken)
    found: dict[Whose, Exception] = {}
    assert watched(shop.bench, {"toy": shop.spec}, trouble=found.__setitem__) == []
    assert set(found) == ({shop.whose} if told else set())
    troubled(shop.bench, found)
    assert rules(shop) == ({"model.check_failed"} if told else set())
    troubled(shop.bench, {})
    assert rules(shop) == set()


@pytest.mark.parametrize("how", ["its file is gone", "it raises", "it says nothing finite"])
def test_a_shadow_that_fails_costs_nobody_an_answer(shop, monkeypatch, how):
    shop.train(rows(400))
    second = shop.train(rows(400, seed=2))
    shop.bench.standings.note(shop.whose, now=shop.clock(), shadow=second.version, shadow_share=0.5)
    predictor = Predictor(shop.bench)
    if how == "its file is gone":
        artefact(shop, "2").unlink()
    else:
        _, model = predictor.loaded(shop.whose, "2")
        said = {"it raises": None, "it says nothing finite": SimpleNamespace(scores=lambda *_: np.full((50, 2), np.nan))}
        monkeypatch.setitem(model.__dict__, "estimator", said[how])
    answered = predictor.answer(shop.whose, [{"x": i / 5, "kind": "a"} for i in range(50)])
    assert {a.version for a in answered.answers} == {"1"}
    with shop.bench.state.engine.connect() as connection:
        kept = connection.exec_driver_sql("SELECT DISTINCT version, other_version, other_value, failed FROM ml_predictions").all()
    assert [tuple(row) for row in kept] == [("1", "2", None, 0)], "its gap is kept"


def test_a_shadow_that_cannot_be_loaded_is_not_tried_with_every_question(shop, monkeypatch):
    shop.train(rows(400))
    second = shop.train(rows(400, seed=2))
    shop.bench.standings.note(shop.whose, now=shop.clock(), shadow=second.version)
    predictor, tried, load = Predictor(shop.bench), [], shop.bench.registry.load

    def counted(name: str, number: str) -> object:
        tried.append(number)
        if number == "2":
            raise TransientError("the registry does not answer")
        return load(name, number)

    monkeypatch.setattr(shop.bench.registry, "load", counted)
    for _ in range(3):
        predictor.answer(shop.whose, [{"x": 1.0, "kind": "a"}])
    assert tried == ["1", "2"]
    shop.clock.later(seconds=31)
    predictor.answer(shop.whose, [{"x": 1.0, "kind": "a"}])
    assert tried == ["1", "2", "2"]


def test_a_version_that_cannot_be_loaded_any_more_goes_back_too(shop):
    shop.train(rows(400))
    shop.train(rows(500, turned=True, seed=8))
    assert shop.bench.standings.one(shop.whose).version == "2"
    artefact(shop, "2").unlink()
    with pytest.raises(NothingServes, match=r"no model\.skops"):
        Predictor(shop.bench).answer(shop.whose, [{"x": 1.0}] * 120)
    (said,) = watched(shop.bench, {"toy": shop.spec})
    assert "rolled back to 1: 120 of 120 answers failed" in said
    assert Predictor(shop.bench).answer(shop.whose, [{"x": 9.0}]).answers[0].value == "yes"


def test_each_answer_names_the_version_that_gave_it(shop):
    shop.train(rows(400))
    second = shop.train(rows(400, seed=2))
    shop.bench.standings.note(shop.whose, now=shop.clock(), shadow=second.version, shadow_share=0.5)
    answered = Predictor(shop.bench).answer(shop.whose, [{"x": i / 5, "kind": "a"} for i in range(50)])
    assert answered.version == "1"
    with shop.bench.state.engine.connect() as connection:
        kept = dict(connection.exec_driver_sql("SELECT prediction_id, version FROM ml_predictions").all())
    assert {a.prediction_id: a.version for a in answered.answers} == kept
    assert set(kept.values()) == {"1", "2"}


def test_a_deployment_that_does_well_is_kept_after_its_day(shop):
    shop.train(rows(400))
    shop.bench.deployer.deploy(shop.whose, "1", actor="key1", reason="again", watch=dt.timedelta(hours=24))
    assert watched(shop.bench, {"toy": shop.spec}) == []
    shop.clock.later(hours=25)
    (said,) = watched(shop.bench, {"toy": shop.spec})
    assert "is kept" in said
    assert shop.bench.deployer.ledger.watched() == []


@pytest.mark.long
def test_a_shadow_answers_beside_it_and_takes_its_share(shop):
    shop.train(rows(400))
    second = shop.train(rows(400, seed=2))
    shop.bench.standings.note(shop.whose, now=shop.clock(), shadow=second.version)
    predictor = Predictor(shop.bench)
    many = [{"x": i / 20, "kind": "b"} for i in range(200)]
    predictor.answer(shop.whose, many)
    shop.bench.standings.note(shop.whose, now=shop.clock(), shadow_share=0.25)
    first = [a.value for a in predictor.answer(shop.whose, many).answers]
    assert [a.value for a in predictor.answer(shop.whose, many).answers] == first, "the same row is always answered by the same version"
    with shop.bench.state.engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT arm, version, other_version, count(*) FROM ml_predictions GROUP BY 1, 2, 3 ORDER BY 1").all()
    arms = {arm: (version, other, n) for arm, version, other, n in found}
    assert arms["champion"][:2] == ("1", "2")
    assert arms["shadow"][:2] == ("2", "1")
    assert 60 <= arms["shadow"][2] <= 140


def test_what_cannot_be_answered_is_said(shop):
    predictor = Predictor(shop.bench)
    with pytest.raises(NothingServes, match="serves"):
        predictor.answer(shop.whose, [{"x": 1}])
    shop.train(rows(400))
    for wrong, says in (
        ([{"x": 1, "z": 2}], "no feature 'z'"),
        ([], "0 rows"),
        ([{"x": 1}] * (MOST_ROWS + 1), "rows"),
        ([{"x": "tall"}], "tall"),
        ([{"kind": "\ud800"}], "character"),
    ):
        with pytest.raises(Exception, match=says):
            predictor.answer(shop.whose, wrong)
    assert predictor.answer(shop.whose, [{}]).answers[0].value in ("yes", "no"), "a feature that is missing is unknown"
    shop.bench.registry.tag(shop.whose.registered, "1", {"subject_erased": "true"})
    shop.clock.later(seconds=31)
    with pytest.raises(NothingServes, match="must not serve"):
        predictor.answer(shop.whose, [{"x": 1}])


def test_asking_twice_by_hand_is_asking_once(shop):
    job = ask_for(shop.bench, shop.whose, shop.spec, by="key1")
    with pytest.raises(JobActive) as active_one:
        ask_for(shop.bench, shop.whose, shop.spec, by="key2")
    assert active_one.value.job_id == job.job_id


def test_a_change_left_half_way_is_settled_by_the_next_check(shop):
    shop.train(rows(400))
    now = shop.clock()
    left = Deployment(deployment_id="d", whose=shop.whose, version="1", actor="key1", reason="again", planned_at=now, moved_at=now)
    shop.bench.deployer.ledger.plan(left)
    assert [line for line in shop.bench.deployer.reconcile() if "verified" in line]


def test_answers_without_labels_warn_early_and_train_nothing(shop):
    """What is of kind b is a coin's toss, and the model knows it: when only such rows are asked about, it expects to be wrong."""
    draw = random.Random(5)
    known = rows(2000, noise=0.02).with_columns(toss=pl.Series([draw.choice(["yes", "no"]) for _ in range(2000)]))
    shop.train(known.with_columns(y=pl.when(pl.col("kind") == "b").then("toss").otherwise("y")).drop("toss"))
    predictor = Predictor(shop.bench)

    def asked(kind: str) -> None:
        predictor.answer(shop.whose, [{"x": draw.uniform(0, 10), "kind": kind} for _ in range(400)])

    asked("a")
    asked("b")
    fine = checked(shop.bench, shop.whose, shop.spec, SAME)
    assert fine.evidence["estimate"]["estimate"] == pytest.approx(fine.evidence["estimate"]["reference"], abs=0.03)
    assert {m.source for m in shop.bench.standings.measurements(shop.whose)} == {"holdout", "estimate"}
    assert rules(shop) == set()
    shop.clock.later(days=8)  # the answers before are no longer among the week's
    asked("b")
    unsure = checked(shop.bench, shop.whose, shop.spec, SAME, ask=False)
    assert unsure.evidence["estimate"]["estimate"] < fine.evidence["estimate"]["estimate"] - 0.1
    assert unsure.due != "performance"
    assert rules(shop) == {"model.estimated_drop", "model.drift"}, "and its answers are no longer as they were"


def test_what_must_rest_is_not_asked_for_at_every_check(shop):
    found = checked(shop.bench, shop.whose, shop.spec, Data("orders@1", lambda: 40))
    assert found.due == "weekly"
    assert shop.bench.jobs.end(found.job_id, Ended(state="skipped", says="elsewhere"), now=shop.clock())
    shop.train(rows(40), trigger="weekly")
    assert checked(shop.bench, shop.whose, shop.spec, Data("orders@1", lambda: 40)).job_id is None
    shop.clock.later(hours=25)
    assert checked(shop.bench, shop.whose, shop.spec, Data("orders@1", lambda: 40)).job_id is not None


@pytest.mark.long
def test_auc_is_measured_in_real_use_without_a_positive_label_in_the_specification(shop):
    spec = shop.spec.model_validate(shop.spec.model_dump(exclude={"positive"}) | {"metric": "auc"})
    shop.train(rows(1000), spec=spec)
    use(shop, 200, right=0.9)
    found = checked(shop.bench, shop.whose, spec, SAME)
    assert (found.rows, found.value > 0.7) == (200, True)


def test_a_model_that_is_rehearsed_may_be_told_of(shop):
    shop.bench.alert("deployment_failed", Whose(shop.whose.tenant, "toy", "staging"), version="1", deployment="dep_1", previous="none")
    assert rules(shop) == {"model.deployment_failed"}
