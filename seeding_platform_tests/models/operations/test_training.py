"""A training ends in what it came to: served, held, refused, skipped, unchanged or failed; never in a figure that nobody measured."""

import datetime as dt
import json
import random
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable

import polars as pl
import pytest

from seeding_platform.errors import TransientError
from seeding_platform.models import ModelSpec, evaluate, split_rows, train
from seeding_platform.models.learning.scored import scored
from seeding_platform.models.operations.checking import Data, checked, retried
from seeding_platform.models.operations.data import labelled
from seeding_platform.models.operations.judging import judged_by_figure
from seeding_platform.models.operations.rows import DOCUMENT as TRAINED_ON
from seeding_platform.models.operations.rows import read, unseen
from seeding_platform.models.operations.settings import PROMOTION, RETRAINING
from seeding_platform.models.operations.training import Work, carry_out
from seeding_platform.models.operations.watching import settled
from seeding_platform.models.promotion import PromotionThresholds
from seeding_platform.models.registry import Registry
from seeding_platform.monitoring.delivery import Delivery
from seeding_platform.settings import project_root
from seeding_platform.storage.ml.jobs import Job
from seeding_platform_tests.models.operations.conftest import rows
from seeding_platform_tests.monitoring.conftest import outside

__all__ = ["outside"]


def open_alerts(shop) -> set[str]:
    return {a.rule for a in shop.bench.desk.alerts.standing()}


def test_a_first_version_that_beats_the_dummy_serves_with_its_story(shop):
    done = shop.train(rows(400))
    assert (done.state, done.verdict, done.version) == ("succeeded", "deploy", "1")
    standing = shop.bench.standings.one(shop.whose)
    assert standing.version == "1"
    assert standing.value > 0.8
    assert standing.ci_low < standing.value < standing.ci_high
    version = shop.bench.registry.champion(shop.whose.registered)
    assert {"data_sha256", "spec", "code_version", "trigger", "job_id", "rows", "features", "data_version", "gate"} <= set(version.tags)
    assert "toy" in shop.bench.registry.document(version, "model_card.md")
    kept = shop.bench.jobs.one(done.job_id, tenant=shop.whose.tenant)
    assert {r["rule"] for r in kept.report["gate"]["reasons"]} >= {"rows", "floor"}
    (data,) = shop.bench.standings.training_data(tenant=shop.whose.tenant)
    assert (data.rows, data.good, data.classes) == (400, True, 2)
    actions = [r.event.action for r in shop.bench.audit.newest(tenant=shop.whose.tenant, action="ml.")]
    assert {"ml.train", "ml.deploy.planned", "ml.deploy.verified"} <= set(actions)
    assert open_alerts(shop) == set()


def test_the_same_data_are_not_fitted_again(shop):
    shop.train(rows(400))
    again = shop.train(rows(400), trigger="weekly")
    assert (again.state, again.version) == ("no_change", "1")
    assert len(shop.bench.registry.versions(shop.whose.registered)) == 1


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (rows(99), "99 labelled rows"),
        (pl.concat([rows(70), rows(70).head(30)]), "70 labelled rows (30 duplicates"),
        (rows(200).with_columns(y=pl.lit("yes")), "one class"),
    ],
    ids=["99 rows", "100 of which 30 are repeats", "one class"],
)
def test_too_little_to_learn_from_is_skipped_and_said(shop, frame, says):
    done = shop.train(frame)
    assert (done.state, done.version) == ("skipped", None)
    assert says in done.says
    assert shop.bench.registry.versions(shop.whose.registered) == []
    assert open_alerts(shop) == {"model.training_data"}
    shop.clock.later(hours=1)
    shop.train(rows(400))
    assert open_alerts(shop) == set()


def test_a_hundred_rows_are_trained_on(shop):
    assert shop.train(rows(100)).state == "succeeded"


def test_noise_is_not_registered(shop):
    done = shop.train(rows(400, noise=0.5))
    assert (done.state, done.verdict, done.version) == ("succeeded", "refuse", None)
    assert "not registered" in done.says
    assert shop.bench.standings.one(shop.whose).version is None


def test_what_nothing_came_of_is_not_fitted_again_until_something_changes(shop):
    shop.train(rows(400, noise=0.5))
    again = shop.train(rows(400, noise=0.5), trigger="weekly")
    assert (again.state, again.version) == ("no_change", None)
    assert shop.train(rows(400, noise=0.5), trigger="weekly").state == "no_change"
    assert shop.train(rows(400)).verdict == "deploy"


def test_what_was_refused_or_held_is_not_fitted_again_until_something_changes(shop):
    shop.train(rows(400))
    worse = rows(500, noise=0.45, seed=7)
    assert shop.train(worse).verdict == "refuse"
    again = shop.train(worse, trigger="weekly")
    assert (again.state, again.version) == ("no_change", "1")
    assert shop.train(worse, trigger="new_data").state == "no_change"
    assert len(shop.bench.registry.versions(shop.whose.registered)) == 2
    shop.bench.adjusted.change(PROMOTION, {"minimum_rows": 5000}, scope="", actor="key1", reason="be sure", now=shop.clock())
    held = shop.train(worse, trigger="weekly")
    assert held.verdict == "hold", "by other bars the gate may say something else"
    assert shop.train(worse, trigger="weekly").state == "no_change"
    shop.bench.deployer.deploy(shop.whose, held.version, actor="key1", reason="insisted")
    shop.bench.deployer.roll_back(shop.whose, to="1", actor="key1", reason="it was worse")
    assert shop.train(worse, trigger="weekly").state == "no_change", "what was rolled back is not made anew of the same rows"


def test_a_first_version_that_is_held_is_not_fitted_again(shop):
    assert shop.train(rows(220), trigger="weekly").verdict == "hold"
    assert shop.train(rows(220), trigger="weekly").state == "no_change"


def test_features_that_are_hardly_filled_are_told_of_and_trained_on(shop):
    sparse = rows(400).with_columns(kind=pl.when(pl.int_range(400) % 10 == 0).then("kind"))
    done = shop.train(sparse)
    assert done.state == "succeeded"
    (data,) = shop.bench.standings.training_data(tenant=shop.whose.tenant)
    assert (data.good, data.completeness, data.says) == (False, 0.55, "features are filled to 55% (kind: 10%), 75% is asked for")
    (alert,) = shop.bench.desk.alerts.standing()
    assert (alert.rule, alert.evidence["completeness"], alert.evidence["rows"]) == ("model.training_data", 0.55, 400)
    spec = shop.spec.model_copy(update={"minimum_completeness": 0.5})
    shop.train(sparse, spec=spec)
    assert open_alerts(shop) == set(), "its specification says that less is usual"
    shop.bench.adjusted.change(RETRAINING, {"min_completeness": 0.6}, scope="", actor="key1", reason="be strict", now=shop.clock())
    shop.train(sparse, spec=spec)
    assert open_alerts(shop) == {"model.training_data"}, "what people set goes first"


def test_new_labels_are_distinct_real_rows_on_both_sides(shop):
    def fresh(frame: pl.DataFrame) -> str | None:
        return checked(shop.bench, shop.whose, shop.spec, Data("orders@2", lambda: labelled(shop.spec, frame)), ask=False).due

    known = pl.concat([rows(400), rows(400).head(200), rows(1000, seed=5).with_columns(synthetic=pl.lit(True))])
    shop.train(known)
    shop.clock.later(hours=25)
    assert fresh(known) is None, "repeats are nothing new"
    assert fresh(pl.concat([known, rows(99, seed=6)])) is None
    assert fresh(pl.concat([known, rows(100, seed=6)])) == "new_data", "made-up rows of the training hide none of them"


def test_rows_to_group_count_where_they_have_any_value(shop):
    told = {"name": "toy", "kind": "clustering", "features": {"x": "numeric", "z": "numeric"}, "metric": "silhouette", "minimum_rows": 100}
    spec = shop.spec.model_validate(told)
    frame = rows(300).with_columns(x=pl.when(pl.int_range(300) % 3 > 0).then("x"), z=pl.col("x") * 2)
    frame = pl.concat([frame, frame.head(5).with_columns(x=pl.lit(None, dtype=pl.Float64), z=pl.lit(None, dtype=pl.Float64))])
    shop.train(frame, spec=spec)
    (data,) = shop.bench.standings.training_data(tenant=shop.whose.tenant)
    assert data.distinct_rows == labelled(spec, frame) == 300


def test_what_a_cell_holds_is_kept_nowhere(shop):
    spoilt = rows(400).with_columns(x=pl.when(pl.int_range(400) == 7).then(pl.lit("Jan Jansen 06-12345678")).otherwise(pl.col("x").cast(pl.String)))
    done = shop.train(spoilt)
    assert done.state == "failed"
    assert "column 'x' in row" in done.says
    assert "Jan" not in json.dumps(shop.bench.jobs.one(done.job_id, tenant=shop.whose.tenant).says)
    alone = shop.train(rows(200).with_columns(y=pl.lit("Jan Jansen")))
    assert alone.state == "skipped"
    assert "Jan" not in alone.says


def test_without_a_row_that_the_champion_has_not_seen_a_version_is_held(shop):
    spec = shop.spec.model_validate(shop.spec.model_dump(exclude_unset=True) | {"split": {"kind": "time", "column": "at", "test_fraction": 0.4}})
    begin = dt.datetime(2026, 1, 1)
    timed = rows(600).with_columns(at=pl.datetime_range(begin, begin + dt.timedelta(hours=599), "1h", eager=True))
    assert shop.train(timed, spec=spec).verdict == "deploy"
    fewer = shop.train(timed.head(360), spec=spec)
    assert (fewer.state, fewer.verdict) == ("succeeded", "hold"), fewer.says
    assert "0 rows that neither was trained on judge nothing" in fewer.says
    assert open_alerts(shop) == set()


def test_a_failure_of_ours_leaves_no_value_in_the_log(shop, caplog):
    failing(shop, ValueError("somebody@example.com is not a number"))
    assert "ValueError" in caplog.text
    assert "somebody" not in caplog.text


def test_a_challenger_that_is_clearly_better_takes_over_and_one_that_is_not_stays_out(shop):
    first = shop.train(rows(600, noise=0.25, seed=4))
    assert first.verdict == "deploy", first.says
    better = shop.train(rows(3000, noise=0.02, seed=5))
    assert better.verdict == "deploy", better.says
    assert better.improvement >= 0.02
    for noise in (0.02, 0.4):
        other = shop.train(rows(3000, noise=noise, seed=7))
        assert other.verdict == "refuse", other.says
        assert shop.bench.registry.version(shop.whose.registered, other.version).tags["gate"] == "refuse"
    standing = shop.bench.standings.one(shop.whose)
    assert (standing.version, standing.shadow) == (better.version, None)


def test_a_challenger_that_too_few_rows_judge_waits_in_the_shadow(shop):
    first = shop.train(rows(400))
    shop.bench.adjusted.change(PROMOTION, {"minimum_rows": 5000}, scope="", actor="key1", reason="be sure", now=shop.clock())
    held = shop.train(rows(500, seed=2))
    assert held.verdict == "hold", held.says
    assert "more are needed" in held.says
    standing = shop.bench.standings.one(shop.whose)
    assert (standing.version, standing.shadow) == (first.version, held.version)


def test_after_a_hold_nothing_is_deployed_before_the_rows_that_it_asked_for_are_there(shop):
    first = shop.train(rows(600, noise=0.25, seed=4))
    shop.bench.adjusted.change(PROMOTION, {"minimum_rows": 1000}, scope="", actor="key1", reason="be sure", now=shop.clock())
    assert shop.train(rows(700, noise=0.25, seed=5)).verdict == "hold"
    shop.bench.adjusted.change(PROMOTION, {"minimum_rows": 100}, scope="", actor="key1", reason="be quick", now=shop.clock())
    early = shop.train(rows(1500, noise=0.02, seed=6))
    assert early.verdict == "hold", early.says
    assert "the last hold asked for 1000" in early.says
    assert shop.bench.standings.one(shop.whose).version == first.version
    later = shop.train(rows(2700, noise=0.02, seed=8))
    assert later.verdict == "deploy", later.says


def test_without_a_bar_nothing_is_deployed(shop):
    """A figure without a dummy needs a floor; where nobody set one, nothing serves."""
    spec = shop.spec.model_validate(
        {"name": "toy", "kind": "clustering", "features": {"x": "numeric"}, "metric": "silhouette", "split": {"kind": "holdout"}, "minimum_rows": 100}
    )
    done = shop.train(rows(300), spec=spec)
    assert done.verdict == "refuse"
    assert shop.bench.standings.one(shop.whose).version is None


def asked(shop) -> Job:
    """A job that waits for a process."""
    by = {"trigger": "manual", "requested_by": "key1", "requested_at": shop.clock()}
    return shop.bench.jobs.request(Job(job_id=f"job_{uuid.uuid4().hex}", whose=shop.whose, **by))


def meanwhile(shop, monkeypatch, stage: str, done: Callable[[], object]) -> None:
    """Let something happen just before a training comes to a stage."""
    moved = shop.bench.at_stage

    def at_stage(job: Job, now_at: str) -> None:
        if now_at == stage:
            done()
        moved(job, now_at)

    monkeypatch.setattr(shop.bench, "at_stage", at_stage)


def test_a_version_that_is_held_gets_no_share_of_the_requests(shop):
    shop.train(rows(400))
    shop.bench.standings.note(shop.whose, now=shop.clock(), shadow="1", shadow_share=0.5)
    shop.bench.adjusted.change(PROMOTION, {"approval": True}, scope="", actor="key1", reason="four eyes", now=shop.clock())
    assert "waits for a second person" in shop.train(rows(500, turned=True, seed=2)).says
    standing = shop.bench.standings.one(shop.whose)
    assert (standing.shadow, standing.shadow_share) == ("2", 0.0)
    shop.bench.standings.note(shop.whose, now=shop.clock(), shadow_share=0.5)
    shop.bench.adjusted.change(PROMOTION, {"minimum_rows": 5000}, scope="", actor="key1", reason="be sure", now=shop.clock())
    assert shop.train(rows(500, seed=3)).verdict == "hold"
    standing = shop.bench.standings.one(shop.whose)
    assert (standing.shadow, standing.shadow_share) == ("3", 0.0)


def test_a_version_is_deployed_over_no_other_than_it_was_judged_against(shop, monkeypatch):
    shop.train(rows(600, noise=0.25, seed=4))
    assert shop.train(rows(700, noise=0.25, seed=5)).verdict != "deploy"
    meanwhile(shop, monkeypatch, "gate", lambda: shop.bench.deployer.deploy(shop.whose, "2", actor="key1", reason="insisted"))
    late = shop.train(rows(3000, noise=0.02, seed=6))
    assert (late.verdict, "judged against version 1, and version 2 serves since" in late.says) == ("hold", True)
    assert late.report["gate"]["verdict"] == "hold"
    assert shop.bench.registry.version(shop.whose.registered, "3").tags["gate"] == "hold"
    standing = shop.bench.standings.one(shop.whose)
    assert (standing.version, standing.shadow, standing.shadow_share) == ("2", "3", 0.0)


def test_what_was_rolled_back_is_replaced_by_hand_only_while_it_rests(shop):
    shop.train(rows(600, noise=0.25, seed=4))
    shop.train(rows(700, noise=0.25, seed=5))
    shop.bench.deployer.deploy(shop.whose, "2", actor="key1", reason="insisted")
    shop.bench.deployer.roll_back(shop.whose, actor="key1", reason="worse")
    waits = shop.train(rows(3000, noise=0.02, seed=5), trigger="performance")
    assert (waits.verdict, "rests until" in waits.says) == ("hold", True)
    assert shop.train(rows(3000, noise=0.02, seed=6)).verdict == "deploy"
    assert shop.bench.standings.one(shop.whose).version == "4"


def test_while_storage_does_not_answer_a_good_version_waits_for_the_next_check(shop, monkeypatch):
    shop.train(rows(600, noise=0.25, seed=4))

    def silent(*_: object) -> None:
        raise TransientError("the registry does not answer")

    with monkeypatch.context() as outage:
        outage.setattr(Registry, "serve", silent)
        waits = shop.train(rows(3000, noise=0.02, seed=5))
    assert (waits.state, waits.verdict, "next check" in waits.says) == ("succeeded", "deploy", True)
    assert shop.bench.standings.one(shop.whose).version == "1"
    assert settled(shop.bench) == [f"{shop.whose.registered}: deploy of version 2: verified"]
    standing = shop.bench.standings.one(shop.whose)
    assert (standing.version, standing.value > 0.9) == ("2", True)


def test_a_job_that_counted_as_dead_changes_nothing(shop, monkeypatch):
    shop.train(rows(600, noise=0.25, seed=4))

    def silence() -> None:
        shop.clock.later(minutes=31)
        retried(shop.bench)

    meanwhile(shop, monkeypatch, "register", silence)
    job = asked(shop)
    assert carry_out(shop.bench, job, Work(shop.spec, lambda: rows(3000, noise=0.02, seed=5), {}, "run1")) is None
    assert [v.version for v in shop.bench.registry.versions(shop.whose.registered)] == ["1"]
    kept = shop.bench.jobs.one(job.job_id, tenant=shop.whose.tenant)
    assert (kept.state, kept.error, kept.version) == ("failed", "transient", None)
    assert open_alerts(shop) == set(), "whoever takes it up tells what came of it"


def test_a_long_fit_is_no_dead_process(shop, monkeypatch):
    heard, beat, half_an_hour_on = threading.Event(), shop.bench.jobs.beat, shop.clock.at + dt.timedelta(minutes=31)

    def beaten(job_id: str, *, now: dt.datetime) -> bool:
        lives = beat(job_id, now=now)
        if now >= half_an_hour_on:
            heard.set()
        return lives

    def frame() -> pl.DataFrame:
        shop.clock.later(minutes=31)
        assert heard.wait(30), "it says that it goes on"
        assert retried(shop.bench) == []
        return rows(400)

    monkeypatch.setattr("seeding_platform.models.operations.training.BEAT_S", 0.01)
    monkeypatch.setattr(shop.bench.jobs, "beat", beaten)
    assert carry_out(shop.bench, asked(shop), Work(shop.spec, frame, {}, "run1")).verdict == "deploy"


FIGURE = ModelSpec(
    name="toy", kind="regression", target="y", features={"x": "numeric", "side": "category"}, metric="mape", floor=1.0, slices=["side"],
    split={"kind": "holdout", "test_fraction": 0.4}, minimum_rows=100, inputs=["orders"], params={"max_iter": 25, "learning_rate": 0.2},
)  # fmt: skip


def amounts(many: int, *, noise: float, seed: int, twisted: str = "") -> pl.DataFrame:
    """Rows whose amount follows x but for noise; on a twisted side it is told wrong to whoever learns from it."""
    draw = random.Random(seed)
    x = [round(draw.uniform(0, 10), 6) for _ in range(many)]
    side = [draw.choice("ab") for _ in x]
    y = [(20 - v if s == twisted else 20 + v) + draw.gauss(0, noise) for v, s in zip(x, side, strict=True)]
    return pl.DataFrame({"x": x, "side": side, "y": y, "synthetic": [False] * many})


def test_a_figure_of_a_whole_model_is_judged_on_rows_that_neither_has_seen(shop):
    before = amounts(600, noise=3, seed=1)
    first = shop.train(before, spec=FIGURE)
    assert first.verdict == "deploy", first.says
    frame = pl.concat([before, amounts(500, noise=3, seed=2)])
    second = shop.train(frame, spec=FIGURE)
    version, champion = shop.bench.registry.load(shop.whose.registered, "1")
    held = scored(champion, FIGURE, split_rows(FIGURE, frame)[1])
    new = unseen(FIGURE, held, read(shop.bench.registry.document(version, TRAINED_ON)))
    assert second.report["gate"]["n"] == new.frame.height < held.frame.height


def test_where_what_serves_has_seen_every_row_nothing_is_judged(shop):
    days = pl.datetime_range(dt.datetime(2026, 1, 1), dt.datetime(2026, 1, 25, 23), "1h", eager=True)
    spec = ModelSpec.model_validate(shop.spec.model_dump(exclude_unset=True) | {"split": {"kind": "time", "column": "at", "test_fraction": 0.4}})
    frame = rows(600).with_columns(at=days)
    assert shop.train(frame, spec=spec).verdict == "deploy"
    fewer = shop.train(frame.head(360), spec=spec)
    assert (fewer.state, fewer.verdict, fewer.report["gate"]["n"]) == ("succeeded", "hold", 0), fewer.says


@pytest.mark.parametrize("guard", ["latency_ms", "size_mb"])
def test_a_figure_of_a_whole_model_does_not_excuse_what_serving_costs(shop, guard):
    spec = ModelSpec.model_validate(FIGURE.model_dump(exclude_unset=True) | {"guardrails": {guard: 1e-6}})
    done = shop.train(amounts(600, noise=1, seed=1), spec=spec)
    assert (done.verdict, shop.bench.standings.one(shop.whose).version) == ("refuse", None)
    assert guard.partition("_")[0] in [r["rule"] for r in done.report["gate"]["reasons"] if not r["passed"]]


def test_a_figure_of_a_whole_model_does_not_excuse_a_slice_that_is_worse():
    """The challenger is much better on side a and learned side b the wrong way round."""
    truth = amounts(1000, noise=0.5, seed=3)
    champion = train(FIGURE, amounts(600, noise=8, seed=1), seed=0)
    challenger = train(FIGURE, amounts(600, noise=0.5, seed=2, twisted="b"), seed=0)
    held, bars = scored(challenger, FIGURE, truth), PromotionThresholds(floor=5.0)
    decision = judged_by_figure(FIGURE, challenger, champion, held, bars, evaluate(challenger, FIGURE, held), seen=None, seed=0)
    (worse,) = [r for r in decision.reasons if r.rule == "slice"]
    assert (decision.verdict, worse.passed, worse.final) == ("refuse", False, True)
    assert "side 'b'" in worse.says


def failing(shop, error: Exception) -> Job:
    def frame():
        raise error

    job = shop.bench.jobs.request(
        Job(job_id=f"j{shop.clock():%H%M%S%f}", whose=shop.whose, trigger="weekly", requested_by="check", requested_at=shop.clock())
    )
    return carry_out(shop.bench, job, Work(shop.spec, frame, {}, "run1"))


def test_what_may_pass_is_tried_three_times_and_then_left_to_people(shop):
    shop.bench.standings.know(shop.whose, kind="classification", metric="accuracy", direction="up", now=shop.clock())
    first = failing(shop, TransientError("the lake does not answer"))
    assert (first.state, first.error, first.version, first.improvement) == ("failed", "transient", None, None)
    assert open_alerts(shop) == {"model.training_failed"}
    assert retried(shop.bench) == []
    for attempt in (2, 3):
        shop.clock.later(minutes=11)
        (again,) = retried(shop.bench)
        assert (again.attempt, again.trigger) == (attempt, "weekly")
        assert carry_out(shop.bench, again, Work(shop.spec, lambda: (_ for _ in ()).throw(TransientError("still not")), {}, "r")).state == "failed"
    shop.clock.later(hours=2)
    assert retried(shop.bench) == []


def test_what_is_wrong_for_good_is_not_tried_again_and_says_its_class_only(shop):
    shop.bench.standings.know(shop.whose, kind="classification", metric="accuracy", direction="up", now=shop.clock())
    done = failing(shop, ValueError("somebody@example.com is not a number"))
    assert (done.state, done.error) == ("failed", "permanent")
    assert "somebody" not in done.says
    shop.clock.later(hours=1)
    assert retried(shop.bench) == []


def test_of_two_processes_one_carries_a_job_out(shop):
    job = shop.bench.jobs.request(Job(job_id="one", whose=shop.whose, trigger="manual", requested_by="key1", requested_at=shop.clock()))
    assert shop.bench.jobs.claim("one", run_id="other", now=shop.clock())
    assert carry_out(shop.bench, job, Work(shop.spec, lambda: rows(200), {}, "mine")) is None


def test_the_room_is_imported_without_heavy_libraries():
    program = "import sys, seeding_platform.defs.train.checks, json; print(json.dumps([m for m in sys.modules]))"
    said = subprocess.run([sys.executable, "-c", program], cwd=project_root(), capture_output=True, text=True, check=True).stdout
    assert not {"sklearn", "mlflow", "scipy", "pandas", "sqlalchemy"} & {m.partition(".")[0] for m in json.loads(said.strip().splitlines()[-1])}


def test_whoever_asked_with_an_address_is_told_of_the_end_whatever_it_is(shop, outside):
    ask = {"trigger": "manual", "requested_by": "key1", "callback": f"{outside.url}/done"}
    for job_id, frame in (("job_good", rows(400)), ("job_few", rows(20))):
        shop.bench.jobs.request(Job(job_id=job_id, whose=shop.whose, requested_at=shop.clock(), **ask))
        carry_out(shop.bench, shop.bench.jobs.one(job_id, tenant=shop.whose.tenant), Work(shop.spec, lambda given=frame: given, {}, "run1"))
    shop.bench.jobs.request(Job(job_id="job_dead", whose=shop.whose, requested_at=shop.clock(), **ask))
    assert shop.bench.jobs.claim("job_dead", run_id="run2", now=shop.clock())
    shop.clock.later(hours=1)
    retried(shop.bench)
    assert shop.bench.jobs.one("job_dead", tenant=shop.whose.tenant).state == "failed"
    settings = shop.bench.settings.model_copy(update={"private_addresses": True})
    Delivery(shop.bench.state, settings).send_due(now=shop.clock())
    told = {body["job_id"]: body for body in outside.to("/done")}
    good = {"event": "retraining.finished", "job_id": "job_good", "model": "toy", "state": "succeeded", "version": "1", "verdict": "deploy"}
    assert told["job_good"] == good
    assert (told["job_few"]["state"], told["job_few"]["version"]) == ("skipped", None)
    assert told["job_dead"]["state"] == "failed"
    assert len(told) == len(outside.to("/done")) == 3
