"""What was made of a person's rows: bundles taken back under their number, models refused until they are trained anew."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pytest

from seeding_platform.defs.platform import Platform
from seeding_platform.distribution.pull import BundleRecalled, NoSuchBundle, fetched
from seeding_platform.distribution.verify import CURRENT, read_pointer, verify_bundle
from seeding_platform.errors import PermanentError
from seeding_platform.governance.subject_rights.derived import RecalledBundles
from seeding_platform.governance.subject_rights.matcher import Identifier
from seeding_platform.governance.subject_rights.rectification import Correction
from seeding_platform.governance.subject_rights.requests import SubjectRights
from seeding_platform.models.registry import withdrawn
from seeding_platform.service.people import people
from seeding_platform.storage.recalls import RECALLED, recall, recalled_in
from seeding_platform_tests.distribution.test_bundle import build, more_posts
from seeding_platform_tests.governance.orders import NOW, TENANT, carried, raw
from seeding_platform_tests.governance.test_subject_rights import Killed, NoModels
from seeding_platform_tests.models.made import RELATION, relation, trained
from seeding_platform_tests.places import place_in

PEOPLE = ["cust-0001", "cust-0002", "cust-0003"]
ENGINE = "content_performance_ml"


def who(n):
    return [Identifier("CUSTOMER_REF", f"cust-000{n}")]


@pytest.fixture
def platform(tmp_path):
    made = Platform(place_in(tmp_path / "place").settings)
    carried(made, raw(PEOPLE))
    yield made
    made.state.close()


def manifest_of(platform, name, generation, inputs):
    """A folder of bundles as they lie on the disk: the newest is in force."""
    folder = platform.settings.bundles / TENANT / name / (str(generation) * 32)
    folder.mkdir(parents=True)
    told = {"generation": generation, "content_id": str(generation) * 64, "lineage": {"inputs": inputs}}
    (folder / "manifest.json").write_text(json.dumps(told))
    (folder / "part.csv").write_text("nobody")
    (folder.parent / CURRENT).write_text(json.dumps({"generation": generation, "content_id": told["content_id"]}))
    return folder


@pytest.mark.parametrize("kind", ["restrict", "rectify"])
def test_bundles_made_before_the_rows_changed_are_recalled_and_later_ones_are_not(platform, kind):
    version = platform.lake.version("quality/orders")
    old = manifest_of(platform, "order_exceptions", 1, {"quality/orders": version, "snapshot": "s"})
    other = manifest_of(platform, "forecasting", 1, {"quality/ad_facts": 0, "snapshot": "s"})
    newer = manifest_of(platform, "churn", 1, {"quality/orders": version + 1})
    told = {"correction": Correction.checked("orders", {"carrier": "PostNL"})} if kind == "rectify" else {}
    rights = SubjectRights(platform.settings, platform.state, models=NoModels(), now=lambda: NOW)
    done = rights.carry_out(rights.receive(kind, who(1), tenant=TENANT, actor="k", request_id="r", **told))
    assert done.stores["recipients"]["recalled"] == [f"{TENANT}/order_exceptions/{'1' * 32}"]
    assert [p.name for p in old.iterdir()] == [RECALLED]
    assert not (old.parent / CURRENT).exists(), "nobody is told to take it"
    (found,) = recalled_in(old.parent)
    assert (found.generation, found.request) == (1, "r")
    assert (other / "part.csv").exists()
    assert (newer / "part.csv").exists()


def test_a_recalled_number_is_gone_and_never_given_again(tmp_path):
    first = build(tmp_path)
    second = build(tmp_path, inputs=more_posts())
    assert fetched(tmp_path, "t1", ENGINE, 1).manifest.content_id == first.content_id
    assert fetched(tmp_path, "t1", ENGINE, 2).file("README.md")[0].is_file()
    recall(second.path, request="r", reason="erased", at="2026")
    assert read_pointer(second.path.parent) is None
    with pytest.raises(BundleRecalled, match="Delete what was fetched") as gone:
        fetched(tmp_path, "t1", ENGINE, 2)
    assert gone.value.instead is None
    third = build(tmp_path, inputs=more_posts(4))
    assert third.generation == 3
    with pytest.raises(BundleRecalled, match="Take generation 3"):
        fetched(tmp_path, "t1", ENGINE, 2)
    assert verify_bundle(third.path.parent).generation == 3
    assert fetched(tmp_path, "t1", ENGINE, 1).folder == first.path, "an earlier one that was not recalled is still there"
    assert recall(second.path, request="r2", reason="erased", at="2027") == 0, "a repeat changes nothing"
    assert recalled_in(second.path.parent)[0].request == "r"


@pytest.mark.parametrize("step", range(4))
def test_a_recall_that_was_cut_short_keeps_its_number_and_is_finished(platform, monkeypatch, step):
    """A kill at the marker, the pointer, and either of the two files."""
    bundle = manifest_of(platform, "churn", 7, {"quality/orders": -1})
    steps, unlink, replace = iter(range(9)), Path.unlink, Path.replace

    def dies(then):
        def carried_on(path, *rest):
            if next(steps) == step:
                raise Killed
            return then(path, *rest)

        return carried_on

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", dies(unlink))
        patched.setattr(Path, "replace", dies(replace))
        with pytest.raises(Killed):
            recall(bundle, request="r", reason="erased", at="2026")
    assert (bundle.parent / CURRENT).exists() or recalled_in(bundle.parent)[0].generation == 7, "the number is never lost"
    store = RecalledBundles(platform.settings, TENANT, ["quality/orders"], "r", "erased", "2026")
    assert store.residue() == [f"{TENANT}/churn/{'7' * 32}"]
    store.erase()
    assert [p.name for p in bundle.iterdir()] == [RECALLED]
    assert [r.generation for r in recalled_in(bundle.parent)] == [7]
    assert not (bundle.parent / CURRENT).exists()
    assert store.residue() == []


def test_a_bundle_made_while_its_recall_was_cut_short_gets_a_new_number(tmp_path, monkeypatch):
    first = build(tmp_path)

    def dies(path):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", dies)
        with pytest.raises(Killed):
            recall(first.path, request="r", reason="restricted", at="2026")
    again = build(tmp_path)
    assert (again.content_id, again.generation) == (first.content_id, 2)
    assert verify_bundle(again.path.parent).generation == 2
    assert not (again.path / RECALLED).exists()


def test_a_bundle_that_is_made_as_it_was_gets_a_new_number(tmp_path):
    first = build(tmp_path)
    recall(first.path, request="r", reason="restricted", at="2026")
    again = build(tmp_path)
    assert (again.content_id, again.generation) == (first.content_id, 2)
    assert verify_bundle(again.path.parent).generation == 2


@pytest.mark.parametrize("name", ["../manifest.json", "manifest.json", "..", "part-00000.parquet/../README.md", "", "RECALLED.json", "/etc/hosts"])
def test_only_files_that_the_manifest_names_are_given(tmp_path, name):
    build(tmp_path)
    with pytest.raises(NoSuchBundle):
        fetched(tmp_path, "t1", ENGINE, 1).file(name)


def test_numbers_and_names_that_there_are_not(tmp_path):
    build(tmp_path)
    for tenant, engine, generation in (("t1", ENGINE, 7), ("t2", ENGINE, 1), ("t1", "nothing", 1)):
        with pytest.raises(NoSuchBundle):
            fetched(tmp_path, tenant, engine, generation)
    with pytest.raises(PermanentError, match="cannot name a folder"):
        fetched(tmp_path, "..", ENGINE, 1)


@dataclass
class Version:
    """One version of a model that is only told of."""

    version: str
    inputs: dict
    name: str = f"{TENANT}.toy"
    tags: dict = field(default_factory=dict)


class FakeModels:
    """A registry in memory."""

    def __init__(self, *versions):
        self.versions = versions

    def trained(self, tenant):
        return list(self.versions)

    def tag(self, name, version, tags):
        next(v for v in self.versions if v.version == version).tags |= tags


@pytest.mark.parametrize("kind", ["erase", "restrict", "rectify"])
def test_versions_that_had_the_person_in_their_rows_are_tagged(platform, kind):
    lake, before = platform.lake, platform.lake.version("quality/orders")
    lake.overwrite("quality/orders", lake.read("quality/orders").collect().filter(pl.col("customer_ref") == "cust-0003"))
    models = FakeModels(
        Version("1", {"quality/orders": before}),
        Version("2", {"quality/orders": lake.version("quality/orders")}),
        Version("3", {"quality/orders": 99}),
        Version("4", {"quality/ad_facts": 1}),
    )
    told = {"correction": Correction.checked("orders", {"carrier": "PostNL"})} if kind == "rectify" else {}
    rights = SubjectRights(platform.settings, platform.state, models=models, now=lambda: NOW)
    rights.carry_out(rights.receive(kind, who(2), tenant=TENANT, actor="k", request_id="r", **told))
    tagged = {v.version: v.tags.get("subject_erased_why") for v in models.versions if withdrawn(v.tags)}
    why = {"erase": "erased", "restrict": "restricted", "rectify": "rectified"}[kind]
    assert tagged == {"1": why, "3": why}, "of what cannot be read any more the worse is taken"


@pytest.mark.long
def test_models_trained_on_the_person_are_refused_until_they_are_trained_anew(platform):
    registry = platform.registry
    version = platform.lake.version("quality/orders")
    frame = relation(0.5, rows=600)

    def train(tenant, at):
        return trained(platform.bench, RELATION, frame, tenant=tenant, lineage={"input quality/orders": str(at)})

    before = train(TENANT, version)
    assert train("other", version).verdict == "deploy"
    platform.lake.overwrite("quality/orders", platform.lake.read("quality/orders").collect().filter(pl.col("customer_ref") != "cust-0002"))
    rights = people(platform.settings, platform.state, now=lambda: NOW)
    assert rights.held(_matcher(9), tenant=TENANT) == {}
    done = rights.carry_out(rights.receive("erase", who(2), tenant=TENANT, actor="k", request_id="r"))
    assert done.stores["trained models"]["changed"] == {f"{TENANT}.toy version 1": 1}
    tags = registry.champion(f"{TENANT}.toy").tags
    assert withdrawn(tags)
    assert (tags["subject_erased_request"], tags["subject_erased_at"], tags["subject_erased_why"]) == ("r", NOW.isoformat(), "erased")
    assert tags["subject_erased_subject"].startswith("customer_ref_1_")
    with pytest.raises(PermanentError, match="trained on somebody whose data was erased since"):
        registry.load(f"{TENANT}.toy")
    assert registry.load("other.toy")[0].version == "1", "another tenant's model is its own"
    again = train(TENANT, platform.lake.version("quality/orders"))
    assert (before.verdict, again.verdict, again.version) == ("deploy", "deploy", "2"), "what must not serve is no rival"
    assert registry.load(f"{TENANT}.toy")[0].version == "2"


def _matcher(n):
    from seeding_platform.governance.subject_rights.matcher import Matcher

    return Matcher(who(n))
