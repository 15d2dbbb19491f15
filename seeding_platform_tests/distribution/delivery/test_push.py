"""Push over HTTP against a receiver: the good way, every kind of trouble, and what comes twice or late."""

import datetime as dt
import hashlib
import json
import time
import tracemalloc
import types

import pytest

from seeding_platform.distribution.delivery.adapters.asked import Trouble
from seeding_platform.distribution.delivery.adapters.http import HttpPush
from seeding_platform.distribution.delivery.parcels import Part
from seeding_platform.distribution.delivery.standing import replay, standing, switched
from seeding_platform.distribution.release import read_release
from seeding_platform.distribution.signing import Kind, Signer, TrustedKey, check_signature, read_signature, trusted_keys
from seeding_platform.exchange.http import Answer
from seeding_platform.storage.delivery.records import DeliveryState
from seeding_platform.storage.recalls import recall
from seeding_platform.storage.signing_keys import SigningKeys
from seeding_platform_tests.distribution.delivery.house import ENGINE, TENANT


def test_a_bundle_gets_to_every_engine_and_each_proves_it(house):
    receivers = [house.receiver() for _ in range(3)]
    made = house.build()
    house.settle()
    assert set(house.states().values()) == {"acknowledged"}
    for receiver in receivers:
        assert receiver.active.content_id == made.content_id
        assert receiver.asked == ["POST /v1/prepare", *[a for a in receiver.asked if a.startswith("PUT")], "POST /v1/prepare", "POST /v1/activate"]
    (stands,) = standing(house.publisher, TENANT, house.now())
    assert (stands.desired, stands.acknowledged, stands.up_to_date, stands.lag_s, stands.rows) == (1, 1, 3, 0.0, made.rows)
    sent = house.publisher.queue.some()[0].bytes
    assert sent == sum(f.stat().st_size for f in made.path.iterdir() if not f.name.startswith("manifest"))


def test_the_release_is_signed_by_the_key_that_signs_and_signed_anew_when_that_was_revoked(house):
    house.receiver()
    house.build()
    house.settle()
    generation, keys = house.newest(), SigningKeys(house.state)

    def trusted(version):
        signer = Signer(house.publisher.keys, version)
        import base64

        return trusted_keys([TrustedKey(key_id=signer.key_id, public_key=base64.b64encode(signer.public).decode(), not_before=house.now())])

    text = generation.release.encode()
    check_signature(Kind.RELEASE, text, read_signature(generation.signature.encode(), Kind.RELEASE), trusted(1), now=house.now())
    assert read_release(text).previous is None
    keys.revoke(1, now=house.now())
    fresh = house.publisher.current_signature(generation, now=house.now())
    check_signature(Kind.RELEASE, text, read_signature(fresh.encode(), Kind.RELEASE), trusted(2), now=house.now())
    assert house.newest().signature == fresh


def test_all_calls_of_a_delivery_go_over_one_connection(house, monkeypatch):
    receiver, connections = house.receiver(), []
    taken = receiver.server.process_request
    monkeypatch.setattr(receiver.server, "process_request", lambda *given: connections.append(given[1]) or taken(*given))
    house.build()
    house.settle()
    assert receiver.applied == [1]
    assert len(receiver.asked) > 4
    assert len(connections) == 1


def test_an_unchanged_bundle_is_sent_nobody_and_a_changed_one_everybody(house):
    receiver = house.receiver()
    house.build()
    house.settle()
    house.build()
    house.settle()
    assert receiver.applied == [1]
    house.build(3)
    house.settle()
    assert receiver.applied == [1, 2]
    assert read_release(house.newest().release.encode()).previous == 1


@pytest.mark.parametrize(
    ("wrong", "error"), [("503", "broken"), ("500", "broken"), ("429", "broken"), ("408", "broken"), ("302", "broken"), ("slow:3", "unreachable")]
)
def test_what_passes_is_tried_again_and_holds_up_nobody_else(house, wrong, error):
    bad, good = house.receiver(), house.receiver()
    bad.wrong = wrong
    house.build()
    house.settle()
    assert house.states() == {("ep_1", 1, "deliver"): "waiting", ("ep_2", 1, "deliver"): "acknowledged"}
    waits = house.publisher.queue.some(states=["waiting"])[0]
    assert (waits.error, waits.attempts) == (error, 1)
    assert house.at <= waits.due_at <= house.at + dt.timedelta(seconds=1)
    bad.wrong = ""
    house.later(2)
    house.settle()
    assert set(house.states().values()) == {"acknowledged"}
    assert (bad.applied, good.applied) == ([1], [1])


def test_the_other_sides_wish_to_be_left_alone_is_kept(house):
    receiver = house.receiver()
    receiver.wrong, receiver.retry_after = "503", 120
    house.build()
    house.settle()
    assert house.publisher.queue.some()[0].due_at == house.at + dt.timedelta(seconds=120)


@pytest.mark.parametrize(("wrong", "error"), [("403", "broken"), ("404", "broken"), ("refuse", "validation-failed"), ("proof", "proof-does-not-fit")])
def test_what_does_not_pass_is_dead_at_once_and_can_be_sent_again(house, wrong, error):
    receiver = house.receiver()
    receiver.wrong = wrong
    house.build()
    house.settle()
    (dead,) = house.publisher.queue.some()
    assert (dead.state, dead.error, receiver.applied) == ("dead", error, [])
    assert [rule for rule, _ in house.told] == ["engine.undelivered"]
    receiver.wrong = ""
    replay(house.publisher, TENANT, dead.delivery_id, now=house.now())
    house.settle()
    assert house.states() == {("ep_1", 1, "deliver"): "acknowledged"}
    assert [a.outcome for a in house.publisher.queue.attempts(dead.delivery_id)] == ["dead", "acknowledged"]


def test_one_that_is_gone_is_switched_off(house):
    receiver = house.receiver()
    receiver.wrong = "410"
    house.build()
    house.settle()
    off = house.publisher.endpoints.one("ep_1")
    assert off.disabled_why == "gone"
    receiver.wrong = ""
    switched(house.publisher, off, on=True, now=house.now())
    house.settle()
    assert receiver.applied == [1], "one that is switched on is sent what is in force, also where that was given up before"


def test_after_a_day_it_is_given_up(house):
    receiver = house.receiver()
    receiver.wrong = "503"
    house.build()
    for _ in range(200):
        house.settle()
        if house.publisher.queue.some()[0].state == "dead":
            break
        house.later(6000)
    assert house.at - house.publisher.queue.some()[0].created_at > dt.timedelta(days=1)
    assert house.publisher.queue.some()[0].state == "dead"


def test_a_broken_line_and_lost_files_are_made_good_within_one_try(house):
    receiver = house.receiver()
    receiver.wrong = "break"
    house.build()
    house.settle()
    assert house.publisher.queue.some()[0].attempts == 1
    receiver.wrong = "crash"
    house.build(3)
    house.settle()
    assert set(house.states().values()) == {"acknowledged"}
    assert receiver.applied == [1, 2]


def test_a_lie_is_found_and_told(house):
    receiver = house.receiver()
    receiver.wrong = "lie"
    house.build()
    house.settle()
    assert set(house.states().values()) == {"acknowledged"}
    house.worker.slow_round()
    assert (house.publisher.queue.some()[0].state, house.publisher.queue.some()[0].error) == ("dead", "lied")
    assert "engine.lied" in [rule for rule, _ in house.told]


def test_a_wrong_secret_is_refused_and_the_old_one_counts_while_both_sign(house):
    receiver = house.receiver()
    house.publisher.endpoints.rotate("ep_1", seen=1, old_until=house.now() + dt.timedelta(hours=1))
    house.build()
    house.settle()
    assert receiver.applied == [1]
    house.later(3601)
    house.build(3)
    house.settle()
    assert house.states()["ep_1", 2, "deliver"] == "dead"


def test_a_recalled_bundle_is_taken_back_from_who_was_given_it(house):
    receiver, made = house.receiver(), house.build()
    house.settle()
    recall(made.path, request="r", reason="erased", at=house.now().isoformat())
    house.worker.slow_round()
    house.settle()
    assert (receiver.recalled, receiver.active, receiver.files) == ([(1, None)], None, {})
    assert house.states()["ep_1", 1, "recall"] == "acknowledged"
    assert [e.event for e in house.publisher.events.after(0)] == ["release", "recalled"]
    house.worker.slow_round()
    assert house.publisher.queue.some(states=["dead"]) == [], "an engine that took it out is no liar"
    house.build(3)
    house.settle()
    assert receiver.active.generation == 2


def test_an_address_with_an_hour_waits_for_it(house):
    receiver = house.receiver(schedule="30 6 * * *")
    house.build()
    house.settle()
    assert (house.states(), receiver.asked) == ({("ep_1", 1, "deliver"): "held"}, [])
    house.later(31 * 60)
    house.settle()
    assert receiver.applied == [1]


def test_a_late_message_cannot_undo_a_rollback(house):
    receiver = house.receiver()
    house.build()
    house.settle()
    house.build(3)
    house.worker.reconciler.moved(now=house.now(), broken=lambda *_: None)
    (stuck,) = house.publisher.queue.claim(owner="dead", limit=1, lease=dt.timedelta(seconds=60), now=house.now())
    from seeding_platform.distribution.delivery.putting_back import rolled_back

    back = rolled_back(house.publisher, TENANT, ENGINE, reason="test", actor="p", now=house.now())
    house.later(61)
    house.settle()
    assert receiver.active.generation == back.generation == 3
    assert json.loads(back.release)["reason"] == "test"
    assert house.worker.courier.tried(stuck) is None
    assert receiver.active.generation == 3
    assert house.publisher.queue.one(stuck.delivery_id).state == DeliveryState.SUPERSEDED


def test_with_threads_a_slow_engine_delays_no_other_and_the_end_comes_at_once(house):
    slow, *quick = [house.receiver() for _ in range(6)]
    slow.wrong = "slow:1.5"
    house.worker.start()
    try:
        house.build()
        until = time.monotonic() + 10
        while not all(q.applied for q in quick) and time.monotonic() < until:
            time.sleep(0.01)
        assert [q.applied for q in quick] == [[1]] * 5
        assert slow.applied == []
    finally:
        began = time.monotonic()
        house.worker.stop()
        took = time.monotonic() - began
    assert took < 2
    assert house.states()["ep_1", 1, "deliver"] == "delivering", "its claim ends with its lease"
    time.sleep(0.2)


class Bodies(HttpPush):
    """Takes what is sent, without a line: `had` bytes are there already, and the first try of a file breaks off."""

    def __init__(self, had, alive):
        super().__init__(None, None, private=True, seconds=1, alive=alive)
        self.had, self.put = had, []

    def _asked(self, endpoint, method, path, body, signed, message_id, headers=None, *, seconds=None):
        if method == "HEAD":
            return Answer(200, {"x-received-bytes": str(self.had)}, b"", 1)
        digest, size = hashlib.sha256(), 0
        while piece := body.read(1 << 14):
            digest.update(piece)
            size += len(piece)
        self.put.append((size, f"sha256:{digest.hexdigest()}".encode() == signed, headers.get("Content-Range"), headers["Content-Length"]))
        if len(self.put) == 1:
            raise Trouble("unreachable", "it broke off")
        return Answer(204, {}, b"", 1)


@pytest.mark.parametrize(("had", "span"), [(0, None), (1_000_003, "bytes 1000003-3999999/4000000")])
def test_a_large_file_goes_by_pieces_and_the_claim_is_kept_meanwhile(tmp_path, had, span):
    content, kept = bytes(1000) * 4000, []
    (tmp_path / "x").write_bytes(content)
    part = Part("x", len(content), hashlib.sha256(content).hexdigest(), 1)
    parcel = types.SimpleNamespace(
        folder=tmp_path, endpoint=None, delivery=types.SimpleNamespace(delivery_id="d"), release=types.SimpleNamespace(content_id="c")
    )
    push = Bodies(had, lambda: kept.append(1))
    tracemalloc.start()
    try:
        push._put(parcel, part, sent=0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert push.put == [(len(content), True, None, "4000000"), (len(content) - had, True, span, str(len(content) - had))]
    assert len(kept) > 2 * (len(content) - had) // (1 << 14)
    assert peak < 2_500_000
