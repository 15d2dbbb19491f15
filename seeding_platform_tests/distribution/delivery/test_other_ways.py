"""Folders, buckets and webhooks; groups; the soak; what a killed publisher left."""

import datetime as dt
import json

import pytest
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

from seeding_platform.distribution.delivery.adapters.asked import Trouble
from seeding_platform.distribution.delivery.putting_back import NothingToPutBack, Overtaken, again, rolled_back, together
from seeding_platform.distribution.delivery.standing import EndpointRefused, standing, switched, taken_away
from seeding_platform.distribution.verify import read_pointer
from seeding_platform.storage.delivery.records import DeliveryState, EndpointKind, Trace
from seeding_platform.storage.recalls import recall
from seeding_platform_tests.distribution.delivery.house import ENGINE, TENANT, House

OTHER = "analytics"


@pytest.fixture
def both(tmp_path):
    (tmp_path / "bucket").mkdir()
    made = House(tmp_path, bucket=lambda: SubTreeFileSystem(str(tmp_path / "bucket"), LocalFileSystem()))
    yield made
    made.close()


@pytest.mark.parametrize(("kind", "target", "place"), [("folder", "trainer", "out/trainer"), ("s3", "s3://b/x", "bucket/b/x")])
def test_a_place_holds_the_bundle_and_the_pointer_comes_last(both, kind, target, place):
    (both.root / "bucket" / "b" / "x").mkdir(parents=True)
    both.address(target, EndpointKind(kind))
    made = both.build()
    both.settle()
    here = both.root / place / TENANT / ENGINE
    told = json.loads((here / "CURRENT").read_text())
    assert (told["generation"], told["content_id"]) == (1, made.content_id)
    for file in made.path.iterdir():
        assert (here / told["folder"] / file.name).read_bytes() == file.read_bytes() or file.name == "manifest.sig"
    assert set(both.states().values()) == {"acknowledged"}
    second = both.build(3)
    both.settle()
    assert json.loads((here / "CURRENT").read_text())["content_id"] == second.content_id
    both.worker.slow_round()
    assert both.told == []
    recall(second.path, request="r", reason="erased", at=both.now().isoformat())
    both.worker.slow_round()
    both.settle()
    assert not (here / "CURRENT").exists()
    assert not (here / second.path.name).exists()


@pytest.mark.parametrize(("kind", "target", "place"), [("folder", "trainer", "out/trainer"), ("s3", "s3://b/x", "bucket/b/x")])
def test_a_place_refuses_a_lower_generation(both, kind, target, place):
    here = both.root / place / TENANT / ENGINE
    here.mkdir(parents=True)
    (here / "CURRENT").write_text(json.dumps({"generation": 9, "content_id": "f" * 64}))
    both.address(target, EndpointKind(kind))
    both.build()
    both.settle()
    (dead,) = both.publisher.queue.some()
    assert (dead.state, dead.error) == ("dead", "generation-stale")
    assert json.loads((here / "CURRENT").read_text())["generation"] == 9


def test_a_folder_lies_below_the_root(both):
    for target in ("../x", "/etc", "a/../../x", "~/x"):
        with pytest.raises(EndpointRefused):
            both.address(target, EndpointKind.FOLDER)
    (both.root / "out").mkdir()
    (both.root / "out" / "link").symlink_to(both.root)
    endpoint, _ = both.address("link", EndpointKind.FOLDER)
    adapter = both.worker.courier._adapters["folder"](lambda: None)
    with pytest.raises(Trouble, match="does not lie below"):
        adapter.status(endpoint)


def test_a_webhook_is_only_told(both):
    receiver = both.receiver()
    told = []
    receiver.prepare = None

    def take(request):
        told.append(json.loads(request.rfile.read(int(request.headers["Content-Length"]))))
        receiver.say(request, 200, {})

    receiver.handle = take
    taken_away(both.publisher, receiver.endpoint, now=both.now())
    both.address(receiver.url, EndpointKind.WEBHOOK)
    both.build()
    both.settle()
    assert [(t["type"], t["data"]["generation"]) for t in told] == [("engine.release", 1)]
    assert both.publisher.queue.some()[0].via == "told"


# groups


@pytest.fixture
def pair(house):
    one, two = house.receiver(ENGINE), house.receiver(OTHER)
    house.build(engine=ENGINE)
    house.build(engine=OTHER)
    house.settle()
    assert (one.applied, two.applied) == ([1], [1])
    return one, two


def grouped(house, group_id="g1"):
    return together(house.publisher, TENANT, [ENGINE, OTHER], group_id=group_id, reason="one change", actor="p", now=house.now())


def test_a_group_changes_together(house, pair):
    one, two = pair
    made = grouped(house)
    assert [(g.engine, g.generation) for g in made] == [(OTHER, 2), (ENGINE, 2)]
    assert [g.generation for g in grouped(house)] == [2, 2], "the same group again is the same"
    house.settle()
    assert (one.applied, two.applied) == ([1], [1]), "both have it, none uses it"
    house.worker.slow_round()
    house.settle()
    assert (one.applied, two.applied) == ([1, 2], [1, 2])
    assert [e.event for e in house.publisher.events.after(0)][-2:] == ["activate", "activate"]


def test_one_that_refuses_stops_the_group_and_all_keep_what_they_have(house, pair):
    one, two = pair
    two.wrong = "refuse"
    grouped(house)
    house.settle()
    house.worker.slow_round()
    two.wrong = ""
    house.settle()
    assert "POST /v1/abort" in one.asked
    assert (one.active.generation, two.active.generation) == (3, 3)
    assert one.applied == [1, 3], "2 was never in use"
    assert {g.generation: g.state for g in house.publisher.ledger.of(TENANT, ENGINE)}[2] == "rolled_back"
    assert house.newest().reason.startswith("group-stopped")


def test_one_that_is_silent_stops_the_group_when_time_is_over(house, pair):
    one, two = pair
    two.wrong = "503"
    grouped(house)
    house.settle()
    house.worker.slow_round()
    assert house.newest().generation == 2
    house.later(301)
    house.worker.slow_round()
    two.wrong = ""
    house.later(20)
    house.settle()
    assert (one.applied, two.applied) == ([1, 3], [1, 3])


# the soak


def soaked(house):
    receiver = house.receiver()
    house.build()
    house.settle()
    house.later(601)
    house.worker.slow_round()
    assert house.newest().state == "good"
    return receiver


def test_a_generation_that_all_use_is_good_after_the_soak(house):
    receiver = soaked(house)
    house.build(3)
    house.settle()
    house.worker.slow_round()
    assert (house.newest().state, receiver.applied) == ("soaking", [1, 2])


@pytest.mark.parametrize("harm", ["refuse", "metric", "down", "quorum"])
def test_what_does_harm_gives_way_once(house, harm):
    receiver = soaked(house)
    health = house.publisher.health
    health.tell(TENANT, ENGINE, 1, "auc", 0.8, now=house.now())
    receiver.wrong = {"refuse": "refuse", "quorum": "503"}.get(harm, "")
    house.build(3)
    house.settle()
    if harm == "metric":
        health.tell(TENANT, ENGINE, 2, "auc", 0.75, now=house.now())
        house.worker.slow_round()
        assert house.newest().generation == 2, "a small drop is none"
        health.tell(TENANT, ENGINE, 2, "auc", 0.6, now=house.now())
    if harm == "down":
        house.publisher.endpoints.adjust("ep_1", failures=3)
    if harm == "quorum":
        house.later(601)
    house.worker.slow_round()
    back = house.newest()
    assert (back.generation, back.kind, back.actor, back.content_id) == (
        3,
        "rolled_back",
        "soak",
        house.publisher.ledger.one(TENANT, ENGINE, 1).content_id,
    )
    assert back.reason.startswith({"refuse": "refused", "metric": "metric", "down": "down", "quorum": "quorum"}[harm])
    assert [e["why"] for rule, e in house.told if rule == "engine.rolled_back"] == [back.reason.partition(":")[0]]
    receiver.wrong = ""
    house.later(900)
    house.settle()
    house.worker.slow_round()
    assert (house.newest().generation, receiver.active.generation) == (3, 3), "once"


def test_without_anything_to_put_back_people_are_told_once(house):
    receiver = house.receiver()
    receiver.wrong = "refuse"
    house.build()
    house.settle()
    house.worker.slow_round()
    house.worker.slow_round()
    assert (house.newest().state, house.newest().generation) == ("published", 1)
    assert [rule for rule, _ in house.told] == ["engine.undelivered", "engine.rolled_back"]


# by hand


def test_putting_back_by_hand(house):
    receiver = soaked(house)
    house.build(3)
    house.settle()
    with pytest.raises(Overtaken):
        rolled_back(house.publisher, TENANT, ENGINE, reason="r", actor="p", now=house.now(), seen=1)
    made = rolled_back(house.publisher, TENANT, ENGINE, reason="r", actor="p", now=house.now(), to=1)
    house.settle()
    assert (made.previous, receiver.active.generation, read_pointer(house.root / "bundles" / TENANT / ENGINE).reason) == (2, 3, "r")
    assert again(house.publisher, TENANT, ENGINE, reason="r", actor="p", now=house.now()).generation == 4
    house.settle()
    assert receiver.applied == [1, 2, 3, 4]
    (stands,) = standing(house.publisher, TENANT, house.now())
    assert (stands.desired, stands.up_to_date, stands.note) == (4, 1, "")
    built = house.build(3)
    assert built.generation == 5, "what was put back is no longer in force: the same rows are a new number"


def test_what_was_recalled_or_never_was_cannot_be_put_back(house):
    house.receiver()
    first = house.build()
    house.settle()
    with pytest.raises(NothingToPutBack):
        rolled_back(house.publisher, TENANT, ENGINE, reason="r", actor="p", now=house.now())
    house.build(3)
    house.settle()
    recall(first.path, request="r", reason="erased", at=house.now().isoformat())
    for to in (None, 1, 7):
        with pytest.raises(NothingToPutBack):
            rolled_back(house.publisher, TENANT, ENGINE, reason="r", actor="p", now=house.now(), to=to)
    with pytest.raises(NothingToPutBack):
        together(house.publisher, TENANT, [ENGINE, OTHER], group_id="g", reason="r", actor="p", now=house.now())


def test_an_address_that_is_switched_on_again_is_sent_what_is_in_force(house):
    receiver = house.receiver()
    off = switched(house.publisher, receiver.endpoint, on=False, now=house.now())
    house.build()
    house.settle()
    assert receiver.asked == []
    switched(house.publisher, off, on=True, now=house.now())
    house.settle()
    assert receiver.applied == [1]


def test_a_broken_pointer_holds_up_no_other_engine(house):
    one, two = house.receiver(ENGINE), house.receiver(OTHER)
    house.build(engine=ENGINE)
    house.build(engine=OTHER)
    (house.root / "bundles" / TENANT / OTHER / "CURRENT").write_text("{")
    house.settle()
    assert (one.applied, two.applied) == ([1], [])


def test_a_broken_pointer_holds_up_no_recall_of_another_engine(house):
    first, last = house.build(engine=OTHER), house.build(engine=ENGINE)
    house.settle()
    assert first.path < last.path, "the broken one is looked at first"
    for made in (first, last):
        recall(made.path, request="r", reason="erased", at=house.now().isoformat())
    (first.path.parent / "CURRENT").write_text("{")
    house.worker.slow_round()
    assert (house.newest(OTHER).state, house.newest().state) == ("recalled", "recalled")


def test_a_marker_that_cannot_be_read_holds_up_no_other_recall(house, caplog):
    first, last = house.build(engine=OTHER), house.build(engine=ENGINE)
    house.settle()
    recall(last.path, request="r", reason="erased", at=house.now().isoformat())
    (first.path / "RECALLED.json").write_text("{")
    for _ in range(2):
        house.worker.slow_round()
    assert (house.newest(OTHER).state, house.newest().state) == ("soaking", "recalled")
    assert caplog.text.count("marker of a recalled bundle") == 1


def test_what_could_not_be_written_down_is_written_down_later(house, monkeypatch):
    receiver = house.receiver()
    house.build()
    reconciler, told = house.worker.reconciler, []
    with monkeypatch.context() as broken:
        broken.setattr(type(house.publisher), "signed", lambda *_, **__: 1 / 0)
        for _ in range(3):
            assert reconciler.moved(now=house.now(), broken=lambda *given: told.append(given[:2])) == []
            house.later(2)
    house.later(5)
    house.settle()
    assert (told, receiver.applied) == ([(TENANT, ENGINE)], [1])


def test_one_who_pulls_is_in_the_standing(house):
    house.address("trainer-1", EndpointKind.PULL)
    house.build()
    house.settle()
    (stands,) = standing(house.publisher, TENANT, house.now() + dt.timedelta(seconds=9))
    assert (stands.acknowledged, stands.up_to_date, stands.lag_s, stands.health) == (None, 0, 9.0, "unknown")
    mine = house.publisher.queue.some()[0]
    house.publisher.queue.told(mine.delivery_id, DeliveryState.ACKNOWLEDGED, Trace(), via="full", now=house.now())
    assert standing(house.publisher, TENANT, house.now())[0].lag_s == 0.0
