"""A private installation for one test: its own state, lake, landing and sources, and the settings that name them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from seeding_platform.settings import Settings, project_root

SAMPLES = project_root() / "data" / "samples"
ADS_SOURCE = """\
type: seeding_platform.components.FileSource
attributes:
  name: ads
  files: "ads*.csv"
  format: csv
  mode: append
  tables:
    - contract: ad_facts
      columns: {date: date, campaign: campaign, spend: spend, clicks: clicks, impressions: impressions}
      constants: {platform: Google, currency: EUR}
"""


@dataclass(frozen=True)
class Place:
    """Folders of one installation."""

    root: Path

    @property
    def settings(self) -> Settings:
        """Settings that name these folders and read no .env file."""
        return Settings(
            _env_file=None,
            state=self.root / "state",
            lake=self.root / "lake",
            landing=self.root / "landing",
            sources=self.root / "sources",
            samples=SAMPLES,
            database_url="",
            mlflow_uri="",
            min_free_mb=0,
        )

    @property
    def environment(self) -> dict[str, str]:
        """Environment for the command line on these folders."""
        named = {f"SEEDING_{name.upper()}": str(self.root / name) for name in ("state", "lake", "landing", "sources")}
        return {**os.environ, **named, "DAGSTER_HOME": str(self.root / "home"), "SEEDING_MIN_FREE_MB": "0", "OMP_NUM_THREADS": "1"}

    def source(self, text: str = ADS_SOURCE, name: str = "ads") -> Path:
        """Write a source file of the user's."""
        path = self.root / "sources" / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    def drop(self, name: str, data: bytes | str) -> Path:
        """Put a file into the landing folder, long enough ago to be quiet."""
        path = self.root / "landing" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        old = path.stat().st_mtime - 60
        os.utime(path, (old, old))
        return path

    def run(self, *arguments: str, timeout: float = 280) -> subprocess.CompletedProcess[str]:
        """Run the command line."""
        command = [sys.executable, "-m", "seeding_platform.cli", *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=timeout, check=False)


def place_in(root: Path) -> Place:
    """Make the folders of an installation."""
    for name in ("state", "lake", "landing", "sources", "home"):
        (root / name).mkdir(parents=True)
    shutil.copy(project_root() / "dagster.yaml", root / "home" / "dagster.yaml")
    return Place(root)


def ads_csv(rows: list[tuple[str, str, str, str, str]]) -> str:
    """An ad file of the test source: date, campaign, spend, clicks, impressions."""
    return "\n".join(["date,campaign,spend,clicks,impressions", *(",".join(row) for row in rows)]) + "\n"


GOOD_ADS = ads_csv(
    [("2026-09-01", "Brand", "10.50", "5", "100"), ("2026-09-02", "Brand", "20.25", "7", "140"), ("2026-09-02", "Brand", "20.25", "7", "140")]
)
