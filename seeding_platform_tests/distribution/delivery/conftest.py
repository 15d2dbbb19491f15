"""A house for each test."""

import pytest

from seeding_platform_tests.distribution.delivery.house import House


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path)
    yield made
    made.close()
