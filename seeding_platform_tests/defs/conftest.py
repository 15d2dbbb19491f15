"""An installation of its own for each test of the graph."""

import pytest

from seeding_platform_tests.places import Place, place_in


@pytest.fixture
def place(tmp_path) -> Place:
    return place_in(tmp_path / "place")
