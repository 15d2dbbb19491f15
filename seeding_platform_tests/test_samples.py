"""The samples are what their generator makes, byte for byte but for the workbook, whose bytes depend on the zip library."""

import subprocess
import sys

from seeding_platform.settings import project_root

SAMPLES = project_root() / "data" / "samples"


def test_the_generator_makes_the_committed_files(tmp_path):
    subprocess.run([sys.executable, str(SAMPLES / "generate.py"), str(tmp_path)], check=True, capture_output=True, timeout=100)
    made = {p.name for p in tmp_path.iterdir() if p.is_file()}
    assert {p.name for p in SAMPLES.iterdir() if p.is_file() and p.suffix != ".py"} == made
    different = [name for name in sorted(made) if (tmp_path / name).read_bytes() != (SAMPLES / name).read_bytes()]
    assert [name for name in different if not name.endswith(".xlsx")] == []
