"""From the labelled history of the samples to a version that serves and answers, through gate and registry as every model goes."""

import random

import pytest

from seeding_platform.enrichment.house import House, pinned
from seeding_platform.enrichment.providers.classifier import MODEL, serving
from seeding_platform.enrichment.providers.offline import Offline
from seeding_platform.models import frame_of, shipped_spec
from seeding_platform.storage.enrichment.states import Stage
from seeding_platform.storage.enrichment.versions import joined
from seeding_platform.storage.ml.whose import Whose
from seeding_platform_tests.enrichment.asking import question
from seeding_platform_tests.enrichment.conftest import NOW
from seeding_platform_tests.models.operations.conftest import registry, shop

__all__ = ["registry", "shop"]


@pytest.mark.long
def test_the_history_of_the_samples_makes_a_version_that_serves(shop, tables, stages):
    spec = shipped_spec(MODEL)
    shop.whose, shop.spec = Whose(shop.whose.tenant, MODEL), spec
    assert serving(shop.bench, shop.whose.tenant) is None
    done = shop.train(frame_of(spec, {name: table.lazy() for name, table in tables.items()}))
    assert (done.state, done.verdict) == ("succeeded", "deploy"), done.says
    found = serving(shop.bench, shop.whose.tenant)
    assert found.version == f"{MODEL}:1"
    [reply] = Offline(stages, found).ask([question(Stage.CLASSIFICATION, facts={"description": "The vase arrived in shards"})], now=NOW)
    assert reply.output["ai_label"] == "damaged"
    assert serving(shop.bench, "somebody-else") is None
    house = House(shop.bench, random.Random(1), "w")
    version = joined(house.provider_of(shop.whose.tenant).version_of(Stage.CLASSIFICATION))
    assert version.startswith(f"{MODEL}:1|")
    again = pinned(house, shop.whose.tenant, version)  # by its number, whatever serves
    assert joined(again.version_of(Stage.CLASSIFICATION)) == version
    asked = question(Stage.CLASSIFICATION, facts={"description": "The vase arrived in shards"}, tenant=shop.whose.tenant)
    assert again.ask([asked], now=NOW)[0].output["ai_label"] == "damaged"
    assert pinned(house, shop.whose.tenant, version.replace(":1|", ":99|")) is None
    assert pinned(house, shop.whose.tenant, version + "0") is None  # the same model by other rules
    before = joined(Offline(stages, None).version_of(Stage.CLASSIFICATION))
    assert joined(pinned(house, "somebody-else", before).version_of(Stage.CLASSIFICATION)) == before
