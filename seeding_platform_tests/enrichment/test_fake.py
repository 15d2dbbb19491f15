"""The provider that misbehaves on purpose: the same to the same question, every outcome as it is named, in process and over HTTP alike."""

import datetime as dt
import json
import subprocess
import sys
import urllib.request

import pytest
import yaml

from seeding_platform.enrichment.fake_server import FakeServer
from seeding_platform.enrichment.outputs import Invalid, checked
from seeding_platform.enrichment.providers.fake import Fake, WorkerKilled
from seeding_platform.enrichment.providers.protocol import Provider
from seeding_platform.enrichment.providers.script import Outcome, Script, load_script
from seeding_platform.errors import ConfigError
from seeding_platform.settings import project_root
from seeding_platform.storage.enrichment.states import ErrorClass, Stage
from seeding_platform_tests.enrichment.asking import ORDER, question
from seeding_platform_tests.enrichment.conftest import NOW

EXAMPLE = project_root() / "examples" / "enrichment" / "outage.yaml"
FACTS = {"description": "The glass is broken", "order": ORDER}


def script(**told):
    return Script.model_validate({"latency_ms": 0, **told})


def asked(n=1, stage=Stage.CLASSIFICATION, **more):
    return [question(stage, facts=FACTS, record_id=f"E-{i}", **more) for i in range(n)]


def fake(outcome, **told):
    return Fake(script(rules=[{"outcome": outcome}], **told), start=NOW)


def valid(replies, stage=Stage.CLASSIFICATION):
    return [r.error is None and not isinstance(checked(stage, r.output, record_id=r.record_id), Invalid) for r in replies]


@pytest.mark.parametrize("stage", [Stage.ORDER_ANALYSIS, Stage.CLASSIFICATION])
def test_what_goes_well_is_valid_and_sure(stage):
    provider = Fake(script(), start=NOW)
    assert isinstance(provider, Provider)
    replies = provider.ask(asked(50, stage), now=NOW)
    assert all(valid(replies, stage))
    name = "ai_confidence" if stage == Stage.CLASSIFICATION else "confidence"
    assert all(0.7 <= r.output[name] < 1 for r in replies)


@pytest.mark.parametrize(
    ("outcome", "error"),
    [("timeout", ErrorClass.TRANSIENT), ("server_error", ErrorClass.TRANSIENT), ("rate_limited", ErrorClass.RATE_LIMITED)],
)
def test_what_gets_no_answer(outcome, error):
    [reply] = fake(outcome).ask(asked(), now=NOW)
    assert (reply.error, reply.output) == (error, None)
    assert (reply.retry_at is not None) == (outcome == "rate_limited")


@pytest.mark.parametrize("outcome", ["nulls", "malformed", "wrong_enum"])
@pytest.mark.parametrize("stage", [Stage.ORDER_ANALYSIS, Stage.CLASSIFICATION])
def test_what_is_no_valid_answer(outcome, stage):
    assert valid(fake(outcome).ask(asked(3, stage), now=NOW), stage) == [False] * 3


def test_low_confidence_is_valid_and_below_the_bar():
    replies = fake("low_confidence").ask(asked(20), now=NOW)
    assert all(valid(replies))
    assert all(r.output["ai_confidence"] < 0.7 for r in replies)


def test_replies_that_are_missing_doubled_or_anothers():
    assert fake("partial_batch").ask(asked(2), now=NOW) == []
    twice = fake("duplicate_ids").ask(asked(2), now=NOW)
    assert [r.record_id for r in twice] == ["E-0", "E-0", "E-1", "E-1"]
    assert twice[0].output != twice[1].output
    swapped = fake("swapped_ids").ask(asked(2), now=NOW)
    assert [(r.record_id, r.output["record_id"]) for r in swapped] == [("E-0", "E-1"), ("E-1", "E-0")]


def test_a_late_answer_takes_its_time_and_is_right():
    clock = []
    provider = Fake(script(rules=[{"outcome": "late"}], late_seconds=900), start=NOW, passed=clock.append)
    assert valid(provider.ask(asked(), now=NOW)) == [True]
    assert clock == [900]


def test_a_worker_is_killed_by_what_nobody_catches():
    provider = fake("kill_worker")
    with pytest.raises(WorkerKilled):
        provider.ask(asked(), now=NOW)
    assert not issubclass(WorkerKilled, Exception)


def test_the_same_question_meets_the_same_and_another_attempt_has_another_draw():
    told = script(rules=[{"outcome": "timeout", "share": 0.3}])
    one, other = (Fake(told, start=NOW).ask(asked(300), now=NOW) for _ in range(2))
    assert one == other
    assert Fake(told, start=NOW).ask(asked(300)[::-1], now=NOW)[::-1] == one, "whatever the order of the batch"
    again = Fake(told, start=NOW).ask(asked(300, asked=1), now=NOW)
    assert [r.error for r in again] != [r.error for r in one]
    assert 60 < sum(r.error is not None for r in one) < 120
    assert Fake(told.model_copy(update={"seed": 1}), start=NOW).ask(asked(300), now=NOW) != one


def test_poison_stays_poison():
    told = script(rules=[{"outcome": "timeout", "share": 0.1, "draw": "record"}])
    tries = [[r.error for r in Fake(told, start=NOW).ask(asked(100, asked=n), now=NOW)] for n in range(3)]
    assert tries[0] == tries[1] == tries[2]
    assert any(tries[0])


def test_rules_fit_by_stage_record_attempt_and_time():
    told = script(
        rules=[
            {"match": {"record": "E-1"}, "outcome": "nulls"},
            {"match": {"attempt": 2}, "outcome": "wrong_enum"},
            {"match": {"stage": "order_analysis"}, "outcome": "malformed"},
            {"outcome": "server_error", "since": "+1h", "until": "2026-11-01T15:00:00Z"},
        ]
    )

    def outcome(record="E-0", attempt=1, stage=Stage.CLASSIFICATION, hours=0.0):
        return told.outcome(stage, record, attempt, now=NOW + dt.timedelta(hours=hours), start=NOW)

    assert [outcome(), outcome("E-1"), outcome(attempt=2), outcome(stage=Stage.ORDER_ANALYSIS)] == ["ok", "nulls", "wrong_enum", "malformed"]
    assert [outcome(hours=h) for h in (0.9, 1, 2.9, 3)] == ["ok", "server_error", "server_error", "ok"]


def test_the_version_follows_the_script():
    provider = Fake(script(versions=[{"since": "+2h", "model": "fake-2"}]), start=NOW)
    assert provider.version_of(Stage.CLASSIFICATION)[0] == "fake-1"
    provider.tick(NOW + dt.timedelta(hours=2))
    assert provider.version_of(Stage.CLASSIFICATION)[0] == "fake-2"


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ([{"outcome": "explode"}], "outcome"),
        ({"rules": [{"outcome": "ok", "share": 2}]}, "share"),
        ({"rules": [{"outcome": "ok", "since": "soon"}]}, "since"),
        ({"surprise": 1}, "surprise"),
        ("nothing", "no script"),
    ],
)
def test_what_is_no_script_is_refused(tmp_path, told, says):
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(told))
    with pytest.raises(ConfigError, match=says):
        load_script(tmp_path / "s.yaml")


def test_the_example_is_a_script_and_a_list_of_rules_alone_is_one_too(tmp_path):
    told = load_script(EXAMPLE)
    assert {r.outcome for r in told.rules} >= set(Outcome) - {Outcome.OK}
    (tmp_path / "s.yaml").write_text(yaml.safe_dump([{"outcome": "timeout", "share": 0.04}]))
    assert load_script(tmp_path / "s.yaml").rules[0].share == 0.04


def test_the_command_serves_and_says_where(tmp_path):
    (tmp_path / "s.yaml").write_text("[]")
    command = [sys.executable, "-m", "seeding_platform.cli", "enrichment", "fake-ai", "--script", str(tmp_path / "s.yaml")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            url = process.stdout.readline().strip()
            with urllib.request.urlopen(url.replace("chat/completions", "models"), timeout=10) as answer:
                assert json.load(answer)["data"][0]["id"] == "fake-1"
        finally:
            process.kill()


def test_the_server_answers_what_is_no_question_with_an_error():
    with FakeServer(script(), now=lambda: NOW) as server:
        for body, status in ((b"{", 400), (b"{}", 400)):
            request = urllib.request.Request(server.url, body)
            with pytest.raises(urllib.error.HTTPError) as told:
                urllib.request.urlopen(request, timeout=5)
            assert told.value.code == status
            told.value.close()
