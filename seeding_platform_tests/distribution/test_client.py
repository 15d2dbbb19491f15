"""The client of an engine: what it takes, what it refuses, what it keeps, and what it goes on with."""

import json
import subprocess
import sys
import types

import httpx
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from seeding_platform.distribution.client import EngineClient, Event, NothingReleased, PlatformRefused, PlatformSilent, Recalled, Refused
from seeding_platform.distribution.conformance.publisher import ACTIVE, REVOKED, UNKNOWN, public_keys, rows
from seeding_platform.distribution.receipt import FORMATS, keys_in
from seeding_platform.errors import ConfigError, PermanentError
from seeding_platform_tests.distribution.platforms import ENGINE, FakePlatform
from seeding_platform_tests.distribution.receivers import KEYS, now

PART = "part-00000.parquet"


@pytest.fixture
def platform():
    return FakePlatform()


@pytest.fixture
def engine(platform, tmp_path):
    return client_of(platform, tmp_path)


def client_of(platform, folder, key="sp_key"):
    trusted = keys_in(json.dumps({"keys": [k.model_dump(mode="json") for k in public_keys(KEYS, now=now())]}))
    waited = []
    made = EngineClient("https://platform.test/", key, ENGINE, trusted=trusted, folder=folder, sleep=waited.append, http=platform.client())
    made.waited = waited
    return made


@pytest.mark.parametrize("kind", FORMATS)
def test_a_bundle_is_fetched_checked_read_and_acknowledged(platform, engine, kind):
    made = platform.release(3, rows(50), kind=kind)
    bundle = engine.pull()
    assert (bundle.generation, bundle.content_id, bundle.rows, bundle.via, bundle.waits) == (3, made.content_id, 50, "full", False)
    if kind == "libsvm":
        with pytest.raises(Refused, match="load_svmlight_file"):
            bundle.scan()
    else:
        assert_frame_equal(bundle.to_polars(), rows(50))
        assert [b.num_rows for b in bundle.arrow_batches(most_rows=30)] == [30, 20]
    assert engine.acknowledge(bundle) == 3
    assert {k: platform.acknowledged[0][k] for k in ("state", "rows", "receiver", "via")} == {
        "state": "active", "rows": 50, "receiver": "main", "via": "full",
    }  # fmt: skip


def test_what_is_here_is_not_fetched_again(platform, engine, tmp_path):
    assert engine.latest() is None
    with pytest.raises(NothingReleased):
        engine.pull()
    platform.release(1, rows(9))
    first = engine.pull()
    asked = len(platform.asked)
    assert engine.pull() == first == engine.pull(1) == client_of(platform, tmp_path).pull() == engine.current()
    assert [path for _, path, _ in platform.asked[asked:]] == ["/release"] * 3
    with pytest.raises(NothingReleased, match="1 is wanted"):
        engine.pull(2)


def test_a_rollback_is_a_higher_number_and_an_older_one_is_never_taken(platform, engine, tmp_path):
    first, second = platform.release(1, rows(9)), None
    engine.pull()
    second = platform.release(2, rows(9, shift=1))
    engine.pull()
    platform.offer(platform.publisher.again(first, 3))
    asked = len(platform.asked)
    back = engine.pull()
    assert (back.generation, back.content_id) == (3, first.content_id)
    assert not [path for _, path, _ in platform.asked[asked:] if "/files/" in path]
    assert engine.acknowledge(back) == 3
    platform.offer(second)
    for client in (engine, client_of(platform, tmp_path)):
        client._etag = ""
        with pytest.raises(Refused) as late:
            client.pull()
        assert late.value.code == "generation-stale"
    assert engine.current().generation == 3


def test_a_delta_is_taken_where_its_base_is_here(platform, engine, tmp_path):
    table = rows(400)
    base = platform.release(1, table)
    engine.pull()
    after = pl.concat([table.head(390), rows(405, shift=2).tail(15)])
    made = platform.release(2, after, base=base)
    bundle = engine.pull()
    assert bundle.via == "delta"
    assert {path for _, path, _ in platform.asked if path.startswith("/bundles/2/files/")} == {
        f"/bundles/2/files/{name}" for name in made.names("delta")
    }
    assert_frame_equal(bundle.to_polars().sort("ref"), after.sort("ref"))
    assert engine.acknowledge(bundle) == 2
    other = client_of(platform, tmp_path / "other")
    assert other.pull().via == "full"
    third = platform.release(3, after.head(80), base=made)
    assert engine.pull().via == "delta"
    assert engine.current().rows == 80
    assert engine.acknowledge(engine.current()) == third.generation


def test_a_delta_that_gives_other_rows_is_left_for_the_whole(platform, engine):
    base = platform.release(1, rows(40))
    engine.pull()
    made = platform.publisher.release(ENGINE, 2, rows(50), base=base)
    lying = platform.publisher.release(
        ENGINE, 2, rows(50), base=base, told={"delta": {**made.told["delta"], "files": made.told["delta"]["files"][1:]}}
    )
    platform.offer(lying)
    bundle = engine.pull()
    assert (bundle.via, bundle.rows) == ("full", 50)
    assert engine.acknowledge(bundle) == 2


def test_a_broken_connection_is_gone_on_with(platform, engine):
    made = platform.release(1, rows(3000))
    half = len(made.files[PART]) // 2

    def half_of_it(request):
        return httpx.Response(200, content=made.files[PART][:half])

    platform.broken = [None, None, None, half_of_it, httpx.ConnectError("no"), httpx.Response(503, headers={"retry-after": "7"})]
    assert engine.pull().rows == 3000
    spans = [span for _, path, span in platform.asked if path.endswith(PART)]
    assert spans == [None, f"bytes={half}-", f"bytes={half}-", f"bytes={half}-"]
    assert len(engine.waited) == 3
    assert engine.waited[2] >= 7


def test_another_body_than_told_is_never_taken(platform, engine):
    made = platform.release(1, rows(3000))
    wrong = made.files[PART][:-1] + bytes([made.files[PART][-1] ^ 1])
    platform.broken = [None, None, None, httpx.Response(200, content=wrong), httpx.Response(200, content=wrong + b"and more")]
    with pytest.raises(Refused) as refused:
        engine.pull()
    assert refused.value.code == "digest-mismatch"
    assert engine.current() is None
    assert engine.pull().rows == 3000  # what is right is taken the next time


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"by": (UNKNOWN, ACTIVE)}, "signature-refused"),
        ({"by": (ACTIVE, REVOKED)}, "signature-refused"),
        ({"facts": {"protocol": "2"}}, "malformed"),
        ({"facts": {"engine": "another"}, "told": {"engine": "another"}}, "malformed"),
        ({"facts": {"expires_at": "2020-01-01T00:00:00Z"}}, "release-expired"),
        ({"told": {"tenant": "another"}}, "malformed"),
        ({"told": {"format": "pickle"}}, "validation-failed"),
        ({"told": {"rows": 8}}, "validation-failed"),
        ({"told": {"files": [{"path": "../x", "bytes": 1, "sha256": "0" * 64, "rows": None}]}}, "malformed"),
    ],
)
def test_what_is_not_right_leaves_in_use_what_was(platform, engine, how, code):
    platform.release(1, rows(5))
    engine.pull()
    platform.release(2, rows(9), **how)
    with pytest.raises(Refused) as refused:
        engine.pull()
    assert refused.value.code == code
    assert engine.current().generation == 1
    platform.release(2, rows(7))
    assert engine.pull().rows == 7


def test_what_is_recalled_is_deleted_and_not_taken_again(platform, engine):
    made = platform.release(1, rows(5))
    folder = engine.pull().path
    told = {"seq": 9, "tenant": "default", "engine": ENGINE, "generation": 1, "content_id": made.content_id, "reason": "erased", "instead": None}
    platform.streams = [f"event: recalled\nid: 9\ndata: {json.dumps(told)}\n\n"]
    assert next(engine.subscribe()) == Event("recalled", 9, 1, made.content_id, "erased", None)
    assert not folder.exists()
    assert engine.current() is None
    with pytest.raises(Recalled):
        engine.pull()
    platform.release(2, rows(6))
    platform.recalled[2] = 3
    with pytest.raises(Recalled) as gone:
        engine.pull()
    assert gone.value.instead == 3
    assert list(folder.parent.glob("*/part*")) == []


def test_a_stream_that_breaks_goes_on_where_it_was(platform, engine):
    def told(seq):
        return f'event: release\nid: {seq}\ndata: {{"seq": {seq}, "generation": {seq}, "content_id": "c"}}\n\n'

    platform.streams = [": quiet\n\n" + told(5) + told(6), told(7) + "event: reset\ndata: {}\n\n", told(9)]
    platform.broken = [None, httpx.ReadTimeout("silent"), httpx.Response(502), None]
    stream = engine.subscribe(since=4)
    assert [(e.kind, e.seq) for e in (next(stream) for _ in range(5))] == [
        ("release", 5), ("release", 6), ("release", 7), ("reset", None), ("release", 9),
    ]  # fmt: skip
    assert len(engine.waited) == 4
    assert engine.waited[0] <= 1 < engine.waited[2]
    with pytest.raises(PlatformRefused):
        next(client_of(platform, engine.holdings.root, key="sp_other").subscribe())


def test_a_stream_that_breaks_before_the_first_event_misses_nothing(platform, engine):
    asked = []

    def answered(request):
        asked.append(request.url.params.get("since"))
        return httpx.Response(200, content=platform.streams.pop(0))

    told = 'event: release\nid: 6\ndata: {"seq": 6, "generation": 6, "content_id": "c"}\n\n'
    platform.streams = ["retry: 1000\nid: 5\n\n", told]
    platform.broken = [answered, answered]
    assert next(engine.subscribe()).seq == 6
    assert asked == [None, "5"]


def test_a_release_that_was_signed_anew_is_proved_anew(platform, engine):
    """Where the platform lost its ledger it releases what is in force again, under the same number and with another nonce."""
    made = platform.release(1, rows(5))
    engine.acknowledge(engine.pull())
    platform.release(1, rows(5))
    assert platform.offered.release != made.release
    asked = len(platform.asked)
    bundle = engine.pull()
    assert [path for _, path, _ in platform.asked[asked:]] == ["/release"]
    assert engine.acknowledge(bundle) == 1


def test_a_group_waits(platform, engine):
    platform.release(1, rows(5))
    engine.pull()
    platform.release(2, rows(6), facts={"group": {"id": "g", "engines": [ENGINE, "other"]}})
    bundle = engine.pull()
    assert bundle.waits
    assert engine.current().generation == 1
    assert engine.acknowledge(bundle, "prepared") == 2
    assert engine.pull() == bundle
    engine.activate(bundle)
    assert engine.current().generation == 2


def test_what_is_aborted_is_not_used_whatever_comes_late(platform, engine):
    platform.release(1, rows(5))
    engine.pull()
    made = platform.release(2, rows(6), facts={"group": {"id": "g", "engines": [ENGINE, "other"]}})
    bundle = engine.pull()
    told = {"seq": 9, "tenant": "default", "engine": ENGINE, "generation": 2, "content_id": made.content_id}
    platform.streams = [f"event: abort\nid: 9\ndata: {json.dumps(told)}\n\n"] * 2
    stream = engine.subscribe()
    assert (next(stream), next(stream)) == (Event("abort", 9, 2, made.content_id),) * 2, "told twice it is the same"
    with pytest.raises(Refused, match="not prepared"):
        engine.activate(bundle)
    assert engine.current().generation == 1
    assert engine.holdings.known(bundle.path.parent).highest == 2, "the generation counts for the fence"
    platform.decided = "abort"
    with pytest.raises(Refused) as stopped:
        engine.pull()
    assert stopped.value.code == "group-stopped"
    platform.release(3, rows(5))
    platform.decided = None
    assert engine.pull().generation == 3


def test_a_bundle_in_use_is_not_aborted(platform, engine):
    made = platform.release(1, rows(5))
    engine.pull()
    engine.abort("default", 1, made.content_id)
    assert engine.current().generation == 1


def test_a_release_alone_can_only_be_refused(platform, engine):
    platform.release(1, rows(5), told={"rows": 8})
    with pytest.raises(Refused):
        engine.pull()
    release = engine.latest().release
    assert engine.acknowledge(release, "refused", code="validation-failed") == 1
    assert (platform.acknowledged[0]["state"], platform.acknowledged[0]["code"]) == ("refused", "validation-failed")
    with pytest.raises(PermanentError, match="cannot be acknowledged as active"):
        engine.acknowledge(release)


def test_acknowledgements_that_are_refused(platform, engine):
    platform.release(1, rows(5))
    bundle = engine.pull()
    assert engine.acknowledge(bundle, "refused", code="validation-failed", title="column stops: too few") == 1
    assert "proof" not in platform.acknowledged[0]
    platform.release(2, rows(6))
    with pytest.raises(Refused) as late:
        engine.acknowledge(bundle)
    assert (late.value.code, late.value.more) == ("generation-stale", {"desired": 2})


def test_a_platform_that_is_silent_or_refuses(platform, engine):
    platform.broken = [httpx.ConnectError("no")] * 6
    with pytest.raises(PlatformSilent, match="6 times"):
        engine.latest()
    with pytest.raises(PlatformRefused) as refused:
        client_of(platform, engine.holdings.root, key="sp_wrong").latest()
    assert (refused.value.status, refused.value.code) == (401, "unauthenticated")
    assert "sp_" not in repr(engine.line)


def test_tensors(platform, engine, monkeypatch):
    """Neither library is in the environment: what they are given is looked at, not what they make of it."""
    platform.release(1, rows(9))
    bundle = engine.pull()
    for call, name in ((bundle.to_torch, "torch"), (bundle.to_tf, "tensorflow")):
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(ConfigError, match=f"{name} is not installed"):
            call()
    dataset = types.SimpleNamespace(from_tensor_slices=lambda columns: columns)
    monkeypatch.setitem(sys.modules, "torch", types.SimpleNamespace(from_numpy=lambda values: ("tensor", values)))
    monkeypatch.setitem(sys.modules, "tensorflow", types.SimpleNamespace(data=types.SimpleNamespace(Dataset=dataset)))
    tensors, slices = bundle.to_torch(), bundle.to_tf()
    assert set(tensors) == {"weight", "stops"}
    kind, weight = tensors["weight"]
    assert (kind, str(weight.dtype), len(weight), weight.flags.writeable) == ("tensor", "float64", 9, True)
    assert [i for i, value in enumerate(weight) if value != value] == [3]
    assert str(tensors["stops"][1].dtype) == "int64"
    assert list(slices["ref"][:2]) == ["p00000", "p00001"]


def test_importing_the_client_needs_little():
    code = "import sys; import seeding_platform.distribution.client; print(*sys.modules)"
    loaded = {name.split(".")[0] for name in subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()}
    assert loaded & {"dagster", "sqlalchemy", "fastapi", "starlette", "pandas", "pyarrow", "numpy", "mlflow", "yaml", "typer"} == set()
