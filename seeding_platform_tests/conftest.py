"""What all tests share: fresh SQLite databases are made by their migrations once in a process, and copied from then on."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: two threads of OpenMP are many times slower on a busy machine

import pytest
from hypothesis import settings

from seeding_platform.models import registry
from seeding_platform.storage import migration

MADE, INITIALISED = migration._create, registry._initialise
settings.register_profile("house", deadline=None)  # a machine that does other things too is no fault of the code
settings.load_profile("house")


@pytest.fixture(scope="session", autouse=True)
def a_fresh_database_is_a_copy():
    """Migrating takes a tenth of a second, for every place that a test makes; `storage/test_migration.py` does without this."""
    template: list[bytes] = []

    def copied(file, url):
        beside = any(file.with_name(file.name + ending).exists() for ending in ("-wal", "-shm", "-journal"))
        if beside or not template:
            MADE(file, url)
            template[:] = template or [file.read_bytes()]
        else:
            file.write_bytes(template[0])

    migration._create = copied
    yield
    migration._create = MADE


@pytest.fixture(scope="session", autouse=True)
def a_fresh_registry_is_a_copy():
    """MLflow migrates for seconds."""
    template: list[bytes] = []

    def copied(database):
        if not template:
            INITIALISED(database)
            template.append(database.read_bytes())
        else:
            database.write_bytes(template[0])

    registry._initialise = copied
    yield
    registry._initialise = INITIALISED
