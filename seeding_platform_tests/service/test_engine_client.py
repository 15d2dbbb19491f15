"""The engines' client against the routes themselves, over a real server, with a key from the command line."""

import itertools
import re

import pytest
from typer.testing import CliRunner

from seeding_platform.cli import app as commands
from seeding_platform.distribution.client import EngineClient, NothingReleased, Refused
from seeding_platform.distribution.platform_line import PlatformRefused
from seeding_platform.distribution.signers import signer_of
from seeding_platform.storage.recalls import recall
from seeding_platform_tests.distribution.test_bundle import build, more_posts
from seeding_platform_tests.service.served import served

ENGINE, TENANT = "content_performance_ml", "t1"


@pytest.fixture
def inside(service):
    return service.app.state.service


@pytest.fixture
def url(service):
    with served(service.app) as found:
        yield found
        service.app.state.service.delivering.bulletin.close()


@pytest.fixture
def key(inside, monkeypatch):
    monkeypatch.setenv("SEEDING_STATE", str(inside.settings.state))
    done = CliRunner().invoke(commands, ["keys", "create", "--engine", ENGINE, "--tenant", TENANT, "--label", "trainer"])
    assert done.exit_code == 0, done.output
    return re.search(r"sp_\S+", done.output)[0]


@pytest.fixture
def client(url, key, inside, tmp_path):
    found = EngineClient(url, key, ENGINE, trusted={}, folder=tmp_path / "engine", now=inside.now, sleep=lambda _: None)
    yield found
    found.close()


def publish(inside, number=None):
    signer = signer_of(inside.state, inside.trail.keys, now=inside.now())
    made = build(inside.settings.bundles, signer=signer, **({} if number is None else {"inputs": more_posts(number)}))
    inside.delivering.publisher.published(TENANT, ENGINE, now=inside.now())
    inside.delivering.wake()
    return made


def test_from_the_release_to_the_acknowledgement(client, inside):
    assert client.latest() is None
    first = publish(inside)
    client.trusted = client.published_keys()
    bundle = client.pull()
    assert (bundle.generation, bundle.content_id, bundle.rows, bundle.waits) == (1, first.content_id, first.rows, False)
    assert bundle.scan().collect().height == first.rows
    assert client.acknowledge(bundle) == client.acknowledge(bundle) == 1
    (done,) = inside.delivering.publisher.queue.some(tenant=TENANT)
    assert (done.state, done.via, done.generation) == ("acknowledged", "full", 1)
    assert client.pull() == bundle
    assert client.latest() is client.latest(), "unchanged is not told twice"


def test_it_hears_of_what_is_new_and_of_what_is_recalled(client, inside):
    first = publish(inside)
    client.trusted = client.published_keys()
    heard = client.subscribe(since=0)
    assert [(e.kind, e.generation) for e in itertools.islice(heard, 1)] == [("release", 1)]
    bundle = client.pull()
    client.acknowledge(bundle)
    second = publish(inside, 3)
    told = next(heard)
    assert (told.kind, told.generation, told.content_id) == ("release", 2, second.content_id)
    with pytest.raises(Refused) as stale:
        client.acknowledge(bundle)
    assert (stale.value.code, stale.value.more["desired"]) == ("generation-stale", 2)
    newer = client.pull()
    assert client.acknowledge(newer) == 2
    recall(second.path, request="r", reason="erased", at=inside.now().isoformat())
    from seeding_platform.distribution.delivery.publishing import Reconciler

    assert Reconciler(inside.delivering.publisher).withdrawn(now=inside.now()) == 1
    inside.delivering.wake()
    told = next(heard)
    assert (told.kind, told.generation, told.reason) == ("recalled", 2, "erased")
    assert not newer.path.exists(), "it is deleted before it is told"
    with pytest.raises(NothingReleased):
        client.pull()
    heard.close()
    assert first.rows


def test_its_key_is_for_its_engine_only(url, key, inside, tmp_path):
    publish(inside)
    other = EngineClient(url, key, "analytics", trusted={}, folder=tmp_path / "other", now=inside.now, sleep=lambda _: None)
    with pytest.raises(PlatformRefused) as refused:
        other.latest()
    assert refused.value.status == 403
    other.close()
