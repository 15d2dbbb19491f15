"""What tests of enrichment share: databases, the samples, a classifier learned from them."""

import datetime as dt

import pytest

from seeding_platform.enrichment.providers.classifier import Learned
from seeding_platform.enrichment.stages import shipped_stages
from seeding_platform.models import frame_of, shipped_spec, split_rows, train
from seeding_platform_tests.chain import cleaned_samples, quality_tables
from seeding_platform_tests.peers import database_url, postgres_folder, postgres_template

__all__ = ["database_url", "postgres_folder", "postgres_template"]

NOW = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)


@pytest.fixture(scope="session")
def stages():
    return shipped_stages()


@pytest.fixture(scope="session")
def tables():
    """Quality tables of the samples, collected."""
    found = quality_tables(cleaned_samples(only=("exception_records", "exception_labels", "orders")))
    return {name: found[name].collect() for name in ("exception_records", "exception_labels", "orders")}


@pytest.fixture(scope="session")
def learned(tables):
    """The classifier of the samples' labelled history as it serves: fitted to what its split leaves."""
    spec = shipped_spec("exception_classification")
    frame = frame_of(spec, {name: table.lazy() for name, table in tables.items()})
    return Learned(spec, train(spec, split_rows(spec, frame)[0], seed=0), "exception_classification:1")
