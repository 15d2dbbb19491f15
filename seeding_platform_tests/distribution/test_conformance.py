"""The reference receiver keeps every rule of the protocol; one that breaks a rule fails in the cases of that rule, and in no other."""

import pytest

from seeding_platform.distribution import holdings, receiver, taken, uploads
from seeding_platform.distribution.conformance.run import CASES, table, tried
from seeding_platform_tests.distribution.broken_receivers import BROKEN, NoDigests, Undigested
from seeding_platform_tests.distribution.receivers import KEYS, SECRET, AsgiLine, fresh, now, receiver_in


def trying(folder, kind=receiver.Receiver, **more):
    line = AsgiLine(receiver_in(folder, kind))

    def restart():
        line.app = receiver_in(folder, kind)

    return tried(line, SECRET, KEYS, now=now, fresh=fresh, restart=restart, **more)


def failed(results):
    return {r.name for r in results if r.outcome == "failed"}


def test_the_reference_receiver_keeps_every_rule(tmp_path):
    results = trying(tmp_path)
    assert [(r.name, r.step, r.expected, r.came) for r in results if r.outcome != "passed"] == []
    assert len(results) == len(CASES) > 45
    assert table(results)[-1] == f"{len(CASES)} of {len(CASES)} cases passed, 0 failed, 0 not tried."


def test_one_engine_can_be_tried_again_and_again(tmp_path):
    some = ["status_before_the_first", "takes_parquet", "late_retry_after_a_rollback", "takes_a_delta"]
    first, second = (trying(tmp_path, engine="trainer", tenant="t1", only=some) for _ in range(2))
    assert failed(first) == failed(second) == set()
    assert [r.name for r in second if r.outcome == "not tried"] == ["status_before_the_first"]


@pytest.fixture
def hurried(monkeypatch):
    """What is broken here is no matter of the disk."""
    for module in (holdings, uploads, taken):
        monkeypatch.setattr(module, "synced", lambda path: None)
    return monkeypatch


@pytest.mark.parametrize("kind", BROKEN, ids=lambda kind: kind.__name__)
def test_a_broken_receiver_is_found(tmp_path, hurried, kind):
    hurried.setattr(receiver, "Upload", Undigested if kind is NoDigests else uploads.Upload)
    assert failed(trying(tmp_path, kind, only=[*sorted(BROKEN[kind])[:3], "recall_nothing"])) == set(sorted(BROKEN[kind])[:3])


@pytest.mark.long
@pytest.mark.parametrize("kind", BROKEN, ids=lambda kind: kind.__name__)
def test_a_broken_receiver_fails_in_its_cases_only(tmp_path, hurried, kind):
    hurried.setattr(receiver, "Upload", Undigested if kind is NoDigests else uploads.Upload)
    assert failed(trying(tmp_path, kind)) == BROKEN[kind]
