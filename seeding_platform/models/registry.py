"""Versions of models in MLflow: artefact, metrics, lineage, alias. Through `MlflowClient` only; artefacts are skops, never pickle."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeding_platform.errors import PermanentError
from seeding_platform.models.artefacts import dumped, loaded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mlflow import MlflowClient

    from seeding_platform.models.learning.trained import Trained

CHAMPION = "champion"
ARTEFACT = "model.skops"
WITHDRAWN = "subject_erased"
"""Tag of a version that must not serve: it was trained on somebody who was erased, restricted or put right since."""
_INPUT = "input "


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One registered version."""

    name: str
    version: str
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TrainedVersion:
    """One version with the tables that it was trained on.

    Args:
        name: registered name.
        version: its number.
        inputs: version of each quality table.
        tags: all that stands with it.
    """

    name: str
    version: str
    inputs: Mapping[str, int]
    tags: Mapping[str, str]


def withdrawn(tags: Mapping[str, str]) -> bool:
    """Whether a version was trained on somebody who must not be in it any more."""
    return tags.get(WITHDRAWN) == "true"


class Registry:
    """The model registry at an MLflow URI."""

    def __init__(self, uri: str, artefacts: Path) -> None:
        self.uri = uri
        self.artefacts = artefacts
        self._client: MlflowClient | None = None

    @property
    def client(self) -> MlflowClient:
        """MLflow's client; the database is created on first use."""
        if self._client is None:
            os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
            os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
            os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
            logging.getLogger("mlflow").setLevel(logging.WARNING)
            logging.getLogger("alembic").setLevel(logging.WARNING)
            if self.uri.startswith("sqlite:///"):
                _create_sqlite(Path(self.uri.removeprefix("sqlite:///")))
            from mlflow import MlflowClient

            self._client = MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)
        return self._client

    def champion(self, name: str) -> ModelVersion | None:
        """The version that serves, or None before the first."""
        from mlflow.exceptions import MlflowException

        try:
            found = self.client.get_model_version_by_alias(name, CHAMPION)
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise
        return ModelVersion(name, str(found.version), dict(found.tags))

    def register(
        self,
        name: str,
        model: Trained,
        *,
        metrics: Mapping[str, float],
        params: Mapping[str, str],
        tags: Mapping[str, str],
        documents: Mapping[str, str],
    ) -> ModelVersion:
        """Store a model as a new version and make it champion.

        Args:
            name: registered model name, `<tenant>.<model>`.
            model: fitted.
            metrics: figures of its evaluation.
            params: what it was trained with.
            tags: lineage, written on the run and on the version.
            documents: further text artefacts by file name.
        """
        from mlflow.entities import Metric, Param, RunTag
        from mlflow.exceptions import MlflowException

        client = self.client
        run = client.create_run(self._experiment(name))
        run_id = run.info.run_id
        try:
            with tempfile.TemporaryDirectory() as folder:
                content, sha256 = dumped(model)
                (Path(folder) / ARTEFACT).write_bytes(content)
                tags = {**tags, "sha256": sha256}
                for file, text in documents.items():
                    (Path(folder) / file).write_text(text, encoding="utf-8")
                client.log_artifacts(run_id, folder)
            stamp = int(run.info.start_time)
            client.log_batch(
                run_id,
                metrics=[Metric(k, v, stamp, 0) for k, v in metrics.items()],
                params=[Param(k, v) for k, v in params.items()],
                tags=[RunTag(k, v) for k, v in tags.items()],
            )
            try:
                client.create_registered_model(name)
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
            created = client.create_model_version(name, source=f"{run.info.artifact_uri}", run_id=run_id, tags=dict(tags))
            client.set_terminated(run_id, "FINISHED")
        except BaseException:
            client.set_terminated(run_id, "FAILED")
            raise
        client.set_registered_model_alias(name, CHAMPION, created.version)
        return ModelVersion(name, str(created.version), tags)

    def load(self, name: str) -> tuple[ModelVersion, Trained]:
        """The champion and its fitted model, after its hash and its types were checked.

        Raises:
            PermanentError: no champion, an altered artefact, or a type that is not trusted.
        """
        version = self.champion(name)
        if version is None:
            raise PermanentError(f"Model {name!r} has no champion.", fix="Train it first.")
        if withdrawn(version.tags):
            why = version.tags.get(f"{WITHDRAWN}_why", "erased")
            raise PermanentError(f"{name} version {version.version} was trained on somebody whose data was {why} since.", fix="Train it anew.")
        found = self.client.get_model_version(name, version.version)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(self.client.download_artifacts(found.run_id, ARTEFACT, folder))
            return version, loaded(path.read_bytes(), version.tags.get("sha256", ""), name=f"{name} version {version.version}")

    def trained(self, tenant: str) -> list[TrainedVersion]:
        """Every version of a tenant's models; none where nothing was ever registered."""
        if self.uri.startswith("sqlite:///") and not Path(self.uri.removeprefix("sqlite:///")).exists():
            return []
        found = []
        for model in _pages(self.client.search_registered_models):
            if model.name.partition(".")[0] == tenant:
                for version in _pages(self.client.search_model_versions, f"name = '{model.name}'"):
                    inputs = {k.removeprefix(_INPUT): int(v) for k, v in version.tags.items() if k.startswith(_INPUT)}
                    found.append(TrainedVersion(model.name, str(version.version), inputs, dict(version.tags)))
        return sorted(found, key=lambda v: (v.name, int(v.version)))

    def tag(self, name: str, version: str, tags: Mapping[str, str]) -> None:
        """Write tags on a version and on the run that made it."""
        run_id = self.client.get_model_version(name, version).run_id
        for key, value in tags.items():
            self.client.set_model_version_tag(name, version, key, value)
            if run_id:
                self.client.set_tag(run_id, key, value)

    def _experiment(self, name: str) -> str:
        found = self.client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        self.artefacts.mkdir(parents=True, exist_ok=True)
        return str(self.client.create_experiment(name, artifact_location=(self.artefacts / name).as_uri()))


def _pages(search: Callable[..., Any], filter_string: str | None = None) -> Iterator[Any]:
    """Everything that a search of MLflow gives, page by page."""
    token = None
    while True:
        page = search(filter_string=filter_string, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _create_sqlite(database: Path) -> None:
    """Create MLflow's database whole or not at all: a kill in its first migration leaves one that fails for ever."""
    if database.exists():
        return
    database.parent.mkdir(parents=True, exist_ok=True)
    with database.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if database.exists():
            return
        from mlflow.store.db.utils import _initialize_tables
        from sqlalchemy import create_engine

        with tempfile.TemporaryDirectory(dir=database.parent, prefix=".first-") as folder:
            fresh = Path(folder) / database.name
            engine = create_engine(f"sqlite:///{fresh}")
            _initialize_tables(engine)
            engine.dispose()
            shutil.move(fresh, database)
