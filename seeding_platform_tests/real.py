"""Where real data lies beside the checkout, for tests marked `real`; skipped with a line where it does not."""

from pathlib import Path

import pytest

from seeding_platform.settings import project_root


def real_data(name: str) -> Path:
    """A file of the folder of real data."""
    path = project_root().parent / "shared" / "data" / "real" / name
    if not path.is_file():
        pytest.skip(f"no real data: {path.parent} does not hold {name}")
    return path
