"""The registry in PostgreSQL, by its URL: versions, alias, documents, withdrawal, as in SQLite."""

import dataclasses
import uuid

import pytest

from seeding_platform.errors import PermanentError
from seeding_platform.models.registry import Registry
from seeding_platform_tests.models.operations.conftest import rows
from seeding_platform_tests.peers import administer, postgres_folder  # noqa: F401


@pytest.fixture
def there(postgres_folder, tmp_path):  # noqa: F811
    name = f"mlflow_{uuid.uuid4().hex}"
    administer(postgres_folder, "CREATE DATABASE {}", name)
    return Registry(f"postgresql+psycopg2://postgres@/{name}?host={postgres_folder}", tmp_path / "artefacts")


def test_a_model_is_trained_served_and_withdrawn(shop, there):
    assert there.champion("nobody.toy") is None
    assert there.versions("nobody.toy") == []
    shop.bench = dataclasses.replace(shop.bench, registry=there)
    first, second = shop.train(rows(400)), shop.train(rows(500, noise=0.02, seed=2))
    assert (first.verdict, first.version) == ("deploy", "1")
    name = shop.whose.registered
    assert [v.version for v in there.versions(name)] == (["2", "1"] if second.version == "2" else ["1"])
    served, model = there.load(name)
    assert model.classes == ["no", "yes"]
    assert there.document(served, "evaluation.json") is not None
    assert there.document(served, "nothing.json") is None
    assert {v.name for v in there.trained(shop.whose.tenant)} == {name}
    there.retire(shop.whose.tenant, {"subject_erased_why": "erased"})
    assert there.champion(name) is None
    assert there.usable(shop.whose.tenant) == []
    with pytest.raises(PermanentError, match="trained on somebody"):
        there.load(name, "1")
