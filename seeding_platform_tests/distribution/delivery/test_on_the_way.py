"""One byte that changes on the way is refused by the reference receiver, nothing of it is used; what is mended goes, what is late is refused."""

import dataclasses

import pytest

from seeding_platform.distribution.delivery.adapters.asked import Trouble
from seeding_platform.distribution.delivery.adapters.http import HttpPush
from seeding_platform.distribution.delivery.endpoint_keys import keys_of
from seeding_platform.distribution.delivery.parcels import parcel_of
from seeding_platform.distribution.delivery.putting_back import renewed, rolled_back
from seeding_platform.distribution.delivery.standing import EndpointRefused, replay, rotated
from seeding_platform_tests.distribution.delivery.house import ENGINE, TENANT
from seeding_platform_tests.distribution.delivery.stands import Stand
from seeding_platform_tests.distribution.frames import at
from seeding_platform_tests.distribution.test_bundle import build


class Flipping(Stand):
    """A proxy that changes one byte: of the place in a body where a text stands, or the middle of a file."""

    wrong = ""

    def meet(self, request):
        method, path, headers, body = self.read(request)
        place = {"file": len(body) // 2 if method == "PUT" else -1, "": -1}.get(self.wrong, body.find(self.wrong.encode()))
        if place >= 0:
            body = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        self.answered(request, method, path, headers, body)


@pytest.mark.parametrize(
    ("wrong", "state", "error"),
    [
        ("file", "waiting", "digest-mismatch"),
        ("content_performance_ml", "dead", "unauthenticated"),  # in the release
        ("confidence", "dead", "unauthenticated"),  # in the manifest
        ("Ed25519", "dead", "unauthenticated"),  # in a signature
    ],
)
def test_a_byte_that_is_flipped_by_the_line(house, wrong, state, error):
    stand = Flipping(house, used := [])
    stand.wrong = wrong
    house.build()
    house.settle()
    found = stand.delivery
    assert (found.state, found.error, stand.active, used) == (state, error, None, [])
    stand.wrong = ""
    if state == "dead":
        replay(house.publisher, TENANT, found.delivery_id, now=house.now())
    house.later(2)
    house.settle()
    assert (stand.delivery.state, stand.delivery.delivery_id, stand.active, used) == ("acknowledged", found.delivery_id, 1, ["healthy"])


def flipped(text, place=-3):
    raw = bytearray(text.encode())
    raw[place] ^= 1
    return raw.decode()


@pytest.mark.long
@pytest.mark.parametrize(
    "change",
    [
        lambda p: {"manifest_text": flipped(p.manifest_text)},
        lambda p: {"release_text": flipped(p.release_text)},
        lambda p: {"manifest_signature": {**p.manifest_signature, "signature": "A" + p.manifest_signature["signature"][1:]}},
        lambda p: {"release_signature": {**p.release_signature, "signature": flipped(p.release_signature["signature"], 5)}},
    ],
)
def test_a_byte_that_is_flipped_before_it_is_sent(house, change):
    """By whoever may call the engine, and may not sign: the request itself is in order."""
    stand = Stand(house, used := [])

    class Adapter(HttpPush):
        def prepare(self, parcel):
            values = change(parcel)
            if all(getattr(parcel, name) == value for name, value in values.items()):
                values["manifest_signature"] = {**parcel.manifest_signature, "signature": "B" + parcel.manifest_signature["signature"][1:]}
            return super().prepare(dataclasses.replace(parcel, **values))

    adapters = house.worker.courier._adapters
    right = adapters["http"]
    adapters["http"] = lambda alive: Adapter(
        lambda e: keys_of(e, house.publisher.keys, now=house.now()), house.now, private=True, seconds=5, alive=alive
    )
    house.build()
    house.settle()
    assert (stand.delivery.state, stand.delivery.error, stand.active, used) == ("dead", "signature-refused", None, [])
    assert [a.code for a in house.publisher.queue.attempts(stand.delivery.delivery_id)] == [403]
    adapters["http"] = right
    replay(house.publisher, TENANT, stand.delivery.delivery_id, now=house.now())
    house.settle()
    assert (stand.delivery.state, stand.active) == ("acknowledged", 1)


def test_a_late_retry_after_a_rollback_is_refused_and_superseded(house):
    stand = Stand(house, used := [])
    first = house.build()
    house.settle()
    house.build(3)
    house.worker.reconciler.moved(now=house.now(), broken=lambda *_: None)
    import datetime as dt

    (late,) = house.publisher.queue.claim(owner="late", limit=1, lease=dt.timedelta(seconds=60), now=house.now())
    parcel = parcel_of(house.publisher, late, stand.endpoint, house.newest(), now=house.now())
    adapter = house.worker.courier._adapters["http"](lambda: None)
    adapter.prepare(parcel)
    back = rolled_back(house.publisher, TENANT, ENGINE, reason="test", actor="p", now=house.now())
    house.later(61)
    house.settle()
    assert (stand.active, back.generation, back.content_id) == (3, 3, first.content_id)
    for ask in (adapter.prepare, adapter.activate):
        with pytest.raises(Trouble) as refused:
            ask(parcel)
        assert (refused.value.error, refused.value.code) == ("generation-stale", 409)
    assert house.worker.courier.tried(late) is None
    assert stand.active == 3
    assert {d.generation: d.state for d in house.publisher.queue.some()} == {1: "acknowledged", 2: "superseded", 3: "acknowledged"}
    adapter.close()
    assert used == ["healthy", "healthy"]


def test_a_secret_is_rotated_without_a_gap(house):
    stand = Stand(house)
    fresh = rotated(house.publisher, house.publisher.endpoints.one("ep_1"), now=house.now())
    assert fresh != stand.secret
    house.build()
    house.settle()
    assert stand.active == 1, "the secret before counts for a day"
    house.later(86_401)
    stand.receiver.secret = fresh
    house.build(3)
    house.settle()
    assert stand.active == 2
    with pytest.raises(EndpointRefused, match="Somebody else"):
        rotated(house.publisher, stand.endpoint, now=house.now())
    from seeding_platform.storage.delivery.records import EndpointKind

    folder, _ = house.address("trainer/in", EndpointKind.FOLDER)
    with pytest.raises(EndpointRefused, match="Only calls"):
        rotated(house.publisher, folder, now=house.now())


def test_a_bundle_that_was_made_again_is_released_again(house):
    """Its manifest tells of another run, so the release before does not name it any more."""
    first = house.receiver()
    made = house.build()
    house.settle()
    (made.path / "part-00000.parquet").unlink()
    second = house.receiver()
    house.settle()
    assert house.states(endpoint_id=second.endpoint.endpoint_id) == {("ep_2", 1, "deliver"): "dead"}
    assert renewed(house.publisher, "t1", house.newest().engine, now=house.now()) is None
    build(house.root / "bundles", now=at(days=1), run="r2")
    house.later(6)
    third = house.receiver()
    house.settle()
    assert house.publisher.queue.some(endpoint_id="ep_3")[0].error == "bundle-gone", "what does not fit together is not sent"
    assert renewed(house.publisher, "t1", house.newest().engine, now=house.now()).generation == 2
    assert renewed(house.publisher, "t1", house.newest().engine, now=house.now()) is None
    house.settle()
    assert [r.applied for r in (first, second, third)] == [[1, 2], [2], [2]]
    assert house.newest().content_id == made.content_id
