"""Which facts are in force for questions: a file that somebody named, else the snapshot that was published last."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from seeding_platform.analytics.facts import known, read_fact_table, served
from seeding_platform.errors import ConfigError
from seeding_platform.storage import snapshots
from seeding_platform.storage.snapshots import Snapshot

if TYPE_CHECKING:
    import datetime as dt

    from seeding_platform.analytics.facts import Known
    from seeding_platform.analytics.language.model import LanguageModel
    from seeding_platform.settings import Settings
    from seeding_platform.storage.lake import Lake

TABLE = "quality/ad_facts"


def facts_in_force(settings: Settings, *, tenant: str | None = None) -> Known:
    """The facts that questions are answered from.

    Args:
        settings: `SEEDING_FACTS` names a file that takes the place of the snapshot in force.
        tenant: default the only one, or `default`.

    Raises:
        NoSnapshot: nothing was published.
        ConfigError: `SEEDING_FACTS` names no file.
    """
    if settings.facts is not None:
        if not settings.facts.is_file():
            raise ConfigError(f"SEEDING_FACTS names {settings.facts}, which is no file.", fix="Name a CSV or Parquet file, or unset it.")
        stat = settings.facts.stat()
        return _from_file(str(settings.facts), stat.st_mtime_ns, stat.st_size).of(tenant)
    name = snapshots.current(settings.serving)
    if name is None:
        raise snapshots.NoSnapshot(str(settings.serving))
    return _published(str(settings.serving), name).of(tenant)


def model_of(settings: Settings) -> LanguageModel | None:
    """The language model behind the rules, when one is set."""
    if not settings.nlq_llm_url:
        return None
    from seeding_platform.analytics.language.model import LanguageModel

    return LanguageModel(settings.nlq_llm_url, settings.nlq_llm_model, settings.nlq_llm_key.get_secret_value())


class _Held:
    """A snapshot that is in use, with what is known of it: worked out once for each tenant, gone with the snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._known: dict[str | None, Known] = {}

    def of(self, tenant: str | None) -> Known:
        if tenant not in self._known:
            self._known[tenant] = known(self.snapshot, tenant=tenant)
        return self._known[tenant]


@lru_cache(maxsize=2)
def _from_file(path: str, changed: int, size: int) -> _Held:
    return _Held(Snapshot.of(read_fact_table(Path(path))))


@lru_cache(maxsize=2)
def _published(root: str, name: str) -> _Held:
    return _Held(Snapshot.open(Path(root) / name / "facts.duckdb"))


def publish_from_lake(lake: Lake, root: Path, *, version: int, now: dt.datetime) -> tuple[str, int]:
    """Publish the facts of the lake at a version; returns the snapshot's id and its rows."""
    facts = served(lake.read(TABLE, version=version))
    return snapshots.publish(facts, root, now=now, told={"tables": {TABLE: version}}), facts.height


def publish_file(path: Path, root: Path, *, tenant: str, now: dt.datetime) -> tuple[str, int]:
    """Publish a plain fact table in place of what stands; the next publication from the lake takes its place again."""
    facts = read_fact_table(path, tenant=tenant)
    return snapshots.publish(facts, root, now=now, told={"file": path.name}), facts.height
