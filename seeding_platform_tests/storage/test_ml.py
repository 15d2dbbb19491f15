"""Models in the state database: one active job a model, one unsettled change, labels that find their prediction; on both databases."""

import dataclasses
import datetime as dt
import threading

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from seeding_platform.errors import ConfigError
from seeding_platform.storage.audit import AuditLog
from seeding_platform.storage.keyring import Keyring
from seeding_platform.storage.ml.deployments import Chain, ChampionChanged, Deployment, Deployments, DeploymentUnderWay
from seeding_platform.storage.ml.jobs import Ended, Job, JobActive, JobLost, TrainingJobs
from seeding_platform.storage.ml.predictions import Label, Prediction, Predictions
from seeding_platform.storage.ml.standing import Measurement, Standings, TrainingData
from seeding_platform.storage.ml.whose import Whose
from seeding_platform.storage.state import State

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
CHURN, OTHERS = Whose("shop", "churn"), Whose("other", "churn")


@pytest.fixture
def state(database_url):
    with State.open(database_url) as opened:
        yield opened


def wish(job_id: str, whose: Whose = CHURN, **more) -> Job:
    return Job(job_id=job_id, whose=whose, trigger="manual", requested_by="key1", requested_at=more.pop("at", NOW), **more)


def change(deployment_id: str, version: str, whose: Whose = CHURN, **more) -> Deployment:
    values = {"actor": "key1", "reason": "better", "planned_at": NOW, "moved_at": NOW} | more
    return Deployment(deployment_id=deployment_id, whose=whose, version=version, **values)


def ledger(state: State) -> Deployments:
    Standings(state).know(CHURN, kind="classification", metric="auc", direction="up", now=NOW)
    return Deployments(state, AuditLog(state, Keyring(bytes(range(32)))))


def test_names_that_are_none_are_refused():
    for wrong in (lambda: Whose("t", "churn", "production"), lambda: Whose("t", "../x"), lambda: Whose("t", "Churn")):
        with pytest.raises(ConfigError):
            wrong()
    assert Whose.of(Whose("a.b", "churn", "dev").registered) == Whose("a.b", "churn", "dev")


def test_a_model_has_one_active_job(state):
    jobs = TrainingJobs(state)
    jobs.request(wish("a", evidence={"drop": 0.04}))
    jobs.request(wish("b", OTHERS))
    jobs.request(wish("c", Whose("shop", "churn", "staging")))
    with pytest.raises(JobActive) as active:
        jobs.request(wish("d"))
    assert active.value.job_id == "a"
    assert jobs.claim("a", run_id="r", now=NOW)
    assert not jobs.claim("a", run_id="r2", now=NOW)
    with pytest.raises(JobActive):
        jobs.request(wish("d"))
    jobs.move("a", "fit", now=NOW)
    assert jobs.active(CHURN).stage == "fit"
    assert jobs.end("a", Ended(state="succeeded", says="fine", version="3", improvement=0.04, report={"auc": 0.9}), now=NOW + HOUR)
    assert not jobs.end("a", Ended(state="failed", says="too late"), now=NOW + HOUR)
    kept = jobs.one("a", tenant="shop")
    assert (kept.state, kept.version, kept.evidence, kept.report, kept.stage) == ("succeeded", "3", {"drop": 0.04}, {"auc": 0.9}, "")
    assert jobs.one("a", tenant="other") is None
    with pytest.raises(IntegrityError):
        jobs.request(wish("a"))
    jobs.request(wish("d", at=NOW + 2 * HOUR))
    assert [j.job_id for j in jobs.recent(tenant="shop")] == ["d", "a", "c"]
    (stats,) = [s for s in jobs.stats(tenant="shop") if s["environment"] == "prod"]
    assert (stats["jobs"], stats["active"], stats["succeeded"], stats["success_rate"]) == (2, 1, 1, 1.0)
    assert float(stats["average_seconds"]) == pytest.approx(3600, abs=0.1)
    assert stats["last_finished_at"] == jobs.one("a", tenant="shop").finished_at, "a moment with its zone"


def test_of_many_at_once_one_gets_the_job(state):
    jobs, won, lost = TrainingJobs(state), [], []

    def ask(name: str) -> None:
        try:
            won.append(jobs.request(wish(name)).job_id)
        except JobActive as error:
            lost.append(error.job_id)

    threads = [threading.Thread(target=ask, args=(f"j{i}",)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert set(lost) == set(won)
    assert len(lost) == 7


def test_a_job_whose_process_died_is_ended_and_another_may_come(state):
    jobs = TrainingJobs(state)
    jobs.request(wish("a"))
    jobs.claim("a", run_id="r", now=NOW)
    assert jobs.bury(now=NOW + dt.timedelta(minutes=29)) == []
    assert [j.job_id for j in jobs.bury(now=NOW + HOUR)] == ["a"]
    assert jobs.one("a", tenant="shop").error == "transient"
    with pytest.raises(JobLost):
        jobs.move("a", "register", now=NOW + HOUR)
    assert not jobs.beat("a", now=NOW + HOUR)
    jobs.request(wish("b"))


def test_a_job_that_says_that_it_goes_on_is_not_ended(state):
    jobs = TrainingJobs(state)
    jobs.request(wish("a"))
    jobs.claim("a", run_id="r", now=NOW)
    jobs.move("a", "fit", now=NOW)
    assert jobs.beat("a", now=NOW + HOUR)
    assert jobs.bury(now=NOW + HOUR + dt.timedelta(minutes=29)) == []
    assert jobs.one("a", tenant="shop").stage == "fit"
    jobs.end("a", Ended(state="succeeded", says="held", verdict="hold", improvement=0.01), now=NOW + HOUR)
    jobs.judged_again("a", verdict="deploy", says="it serves", report={"live": [{"n": 400}]}, improvement=0.03)
    kept = jobs.one("a", tenant="shop")
    assert (kept.verdict, kept.says, kept.improvement, kept.report) == ("deploy", "it serves", 0.03, {"live": [{"n": 400}]})


def test_what_served_is_a_chain_that_rollbacks_shorten(state):
    changes = ledger(state)
    for i, (kind, version) in enumerate((("deploy", "1"), ("deploy", "2"), ("deploy", "3"), ("rollback", "2"))):
        at = NOW + i * HOUR
        changes.verified(changes.plan(change(f"d{i}", version, kind=kind, planned_at=at)), now=at)
    changes.rolled_back(changes.plan(change("d9", "4", planned_at=NOW + 9 * HOUR)), says="no", now=NOW)
    chain = changes.chain(CHURN)
    assert (chain.before, chain.left, chain.served) == (("1",), {"3"}, {"1", "2", "3"})
    assert changes.chain(OTHERS) == Chain((), frozenset(), frozenset())


def test_a_change_serves_from_the_moment_that_it_is_verified(state):
    changes, standings = ledger(state), Standings(state)
    first = changes.plan(change("d1", "1"), expected=None)
    assert standings.one(CHURN).version is None
    with pytest.raises(DeploymentUnderWay):
        changes.plan(change("d2", "2"))
    first = changes.verified(changes.alias_set(first, now=NOW), now=NOW)
    assert (first.state, standings.one(CHURN).version) == ("verified", "1")
    with pytest.raises(ChampionChanged) as other:
        changes.plan(change("d2", "2"), expected="7")
    assert other.value.serves == "1"
    until = NOW + 24 * HOUR
    second = changes.plan(change("d2", "2", watched_until=until), expected="1")
    assert second.previous_version == "1"
    assert changes.watched() == []
    changes.verified(changes.alias_set(second, now=NOW), now=NOW)
    assert [(d.deployment_id, d.watched_until) for d in changes.watched()] == [("d2", until)]
    back = changes.plan(change("d3", "1", kind="rollback", planned_at=NOW + HOUR))
    changes.verified(changes.alias_set(back, now=NOW), now=NOW)
    assert standings.one(CHURN).version == "1"
    assert changes.watched() == [], "what was undone is watched no longer"
    assert changes.in_force(CHURN).deployment_id == "d3"
    events = [r.event.action for r in changes.log.newest(tenant="shop", action="ml.")]
    assert events[::-1] == [f"ml.{k}.{s}" for k in ("deploy", "deploy", "rollback") for s in ("planned", "alias_set", "verified")]


def test_a_change_that_was_undone_cannot_be_verified_any_more(state):
    changes = ledger(state)
    first = changes.plan(change("d1", "1"))
    changes.rolled_back(first, says="golden row 0: 1 instead of 2", now=NOW)
    changes.verified(first, now=NOW)
    assert Standings(state).one(CHURN).version is None
    assert changes.one("d1", tenant="shop").says == "golden row 0: 1 instead of 2"


def test_labels_find_their_prediction_once(state):
    predictions = Predictions(state)
    given = Prediction(prediction_id="p1", whose=CHURN, version="1", features_sha256="f", value="yes", score=0.8, predicted_at=NOW)
    beside = {"other_version": "2", "other_value": "no", "other_score": 0.4}
    predictions.keep([given, dataclasses.replace(given, prediction_id="p2", value="no", score=0.1, **beside)])
    predictions.keep([dataclasses.replace(given, prediction_id="p3", whose=OTHERS)])
    late, seen = NOW + HOUR, NOW + 2 * HOUR
    labels = [Label("p1", "yes", late), Label("p2", "yes", late), Label("p3", "yes", late), Label("p1", "no", late), Label("p9", "no", late)]
    done = predictions.label(labels, tenant="shop", now=seen)
    assert done.taken == ("p1", "p2")
    assert done.unknown == ("p3", "p9"), "another tenant's is as unknown as none"
    assert done.conflicting == ("p1",)
    again = predictions.label([Label("p1", "yes", late)], tenant="shop", now=seen)
    assert again.repeated == ("p1",)
    predictions.keep([dataclasses.replace(given, prediction_id="p4")])
    assert predictions.label([Label("p4", "yes", NOW - HOUR)], tenant="shop", now=seen).early == ("p4",)
    window = {"since": NOW, "until": seen}
    assert predictions.scores(CHURN, "1", **window).select("truth", "prediction", "score").rows() == [('"yes"', '"yes"', 0.8), ('"yes"', '"no"', 0.1)]
    assert predictions.scores(CHURN, "2", **window).select("prediction", "score").rows() == [('"no"', 0.4)]
    assert predictions.counted(CHURN, since=NOW) == {"given": 3, "labelled": 2}
    for one, two, said in (("1", "2", ('"no"', '"no"', 0.1, 0.4)), ("2", "1", ('"no"', '"no"', 0.4, 0.1))):
        assert predictions.both(CHURN, one, two, scores=True).rows() == [('"yes"', *said, late)]
    assert predictions.both(CHURN, "1", "3", scores=False).is_empty()
    predictions.keep([dataclasses.replace(given, prediction_id="p5")])
    assert predictions.label([Label("p5", None, late)], tenant="shop", now=seen).taken == ("p5",)
    assert predictions.label([Label("p5", "yes", late)], tenant="shop", now=seen).taken == ("p5",), "no label is no label"
    assert predictions.asked(["p1", "p3", "p9"], tenant="shop") == {"p1": (CHURN, "1")}
    assert predictions.forget(before=late) == 5


def test_of_many_labels_the_newest_are_given_or_the_first(state):
    predictions = Predictions(state)
    given = Prediction(prediction_id="", whose=CHURN, version="1", features_sha256="f", value="yes", predicted_at=NOW)
    predictions.keep([dataclasses.replace(given, prediction_id=f"p{i}") for i in range(5)])
    predictions.label([Label(f"p{i}", "yes", NOW + i * HOUR) for i in range(5)], tenant="shop", now=NOW + 5 * HOUR)
    window = {"since": NOW, "until": NOW + 5 * HOUR, "limit": 2}
    assert predictions.scores(CHURN, "1", **window)["prediction_id"].to_list() == ["p3", "p4"]
    assert predictions.scores(CHURN, "1", **window, first=True)["prediction_id"].to_list() == ["p0", "p1"]


def test_what_is_measured_is_kept_once_and_summed_up(state):
    standings = Standings(state)
    standings.know(CHURN, kind="classification", metric="auc", direction="up", now=NOW)
    ledger(state).verified(ledger(state).plan(change("d1", "1")), now=NOW)
    live = Measurement(measurement_id="m", whose=CHURN, version="1", source="live", metric="auc", value=0.8, rows=100, at=NOW)
    standings.measured(live, dataclasses.replace(live, measurement_id="n", value=0.7, at=NOW + HOUR), live)
    assert [m.value for m in standings.measurements(CHURN, source="live")] == [0.7, 0.8]
    standings.note(CHURN, now=NOW, value=0.85, trained_at=NOW)
    (summary,) = standings.performance(tenant="shop")
    assert (summary["version"], summary["value"], summary["live_value"], summary["live_rows"]) == ("1", 0.85, 0.7, 100)
    assert (summary["live_at"], summary["trained_at"], summary["checked_at"]) == (NOW + HOUR, NOW, None)
    with pytest.raises(ValueError, match="ledger"):
        standings.note(CHURN, now=NOW, version="9")
    data = TrainingData(job_id="a", whose=CHURN, rows=10, labelled=9, distinct_rows=8, good=False, says="too few", at=NOW)
    standings.trained_on(data)
    standings.trained_on(data)
    assert standings.training_data(tenant="shop") == [data]
    standings.scheduled(CHURN, "forced", cron="0 3 * * 0", enabled=True)
    standings.scheduled(CHURN, "forced", cron="0 3 * * 0", enabled=True, last_run_at=NOW)
    assert [(s["kind"], s["last_run_at"]) for s in standings.schedules(tenant="shop")] == [("forced", NOW)]


def test_what_concerns_models_stands_in_the_workflows_audit_log(state):
    changes = ledger(state)
    changes.plan(change("d1", "1"))
    with state.engine.connect() as connection:
        assert connection.execute(sa.text("SELECT action, tenant FROM workflow_audit_logs")).all() == [("ml.deploy.planned", "shop")]
