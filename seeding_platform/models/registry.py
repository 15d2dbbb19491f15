"""Versions of models in MLflow: artefact, metrics, lineage, alias. Through `MlflowClient` only; artefacts are skops, never pickle."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeding_platform.errors import PermanentError, SeedingError, TransientError
from seeding_platform.models.artefacts import dumped, loaded
from seeding_platform.storage.ml.whose import Whose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mlflow import MlflowClient
    from mlflow.store.artifact.artifact_repo import ArtifactRepository

    from seeding_platform.models.learning.trained import Trained

CHAMPION = "champion"
ARTEFACT = "model.skops"
WITHDRAWN = "subject_erased"
"""Tag of a version that must not serve: it was trained on somebody who was erased, restricted or put right since."""
_INPUT = "input "


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One registered version.

    Args:
        name: registered name.
        version: its number.
        tags: lineage and figures.
        run_id: MLflow's run that made it.
        created_ms: when, in milliseconds since 1970.
    """

    name: str
    version: str
    tags: Mapping[str, str]
    run_id: str = ""
    created_ms: int = 0


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
        self._places: dict[str, str] = {}

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
        return self._found(lambda: self.client.get_model_version_by_alias(name, CHAMPION))

    def version(self, name: str, number: str) -> ModelVersion | None:
        """One version, or None where there is no such."""
        return self._found(lambda: self.client.get_model_version(name, number))

    def versions(self, name: str) -> list[ModelVersion]:
        """Every version of a model, the newest first; none where it was never registered."""
        if not self._anything():
            return []
        with _plainly(name):
            found = [self._shown(version) for version in _pages(self.client.search_model_versions, f"name = '{name}'")]
        return sorted(found, key=lambda v: -int(v.version))

    def serve(self, name: str, number: str | None) -> None:
        """Point the alias of what serves to a version, or to none; a repeat changes nothing.

        Raises:
            PermanentError: there is no such version any more.
            TransientError: the registry does not answer.
        """
        with _plainly(name if number is None else f"{name} version {number}"):
            if number is not None:
                self.client.set_registered_model_alias(name, CHAMPION, number)
            elif self.champion(name) is not None:
                self.client.delete_registered_model_alias(name, CHAMPION)

    def copied(self, version: ModelVersion, name: str) -> ModelVersion:
        """A version as a new one of another model, with its artefacts and its tags."""
        with _plainly(f"{version.name} version {version.version}"):
            copy = self.client.copy_model_version(f"models:/{version.name}/{version.version}", name)
            for key, value in {**version.tags, "copied_from": f"{version.name}/{version.version}"}.items():
                self.client.set_model_version_tag(name, str(copy.version), key, value)
        found = self.version(name, str(copy.version))
        assert found is not None  # noqa: S101  made above
        return found

    def _anything(self) -> bool:
        """Whether there is a registry yet: looking into one must not make it."""
        return not self.uri.startswith("sqlite:///") or Path(self.uri.removeprefix("sqlite:///")).exists()

    def _found(self, asked: Callable[[], Any]) -> ModelVersion | None:
        from mlflow.exceptions import MlflowException

        if not self._anything():
            return None
        with _plainly("the version"):
            try:
                return self._shown(asked())
            except MlflowException as error:
                if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                    return None
                raise

    @staticmethod
    def _shown(found: Any) -> ModelVersion:
        return ModelVersion(found.name, str(found.version), dict(found.tags), str(found.run_id), int(found.creation_timestamp))

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
        """Store a model as a new version; what serves stays (`serve`).

        Args:
            name: registered model name, `<tenant>.<model>`.
            model: fitted.
            metrics: figures of its evaluation.
            params: what it was trained with.
            tags: lineage, written on the run and on the version.
            documents: further text artefacts by file name.

        Raises:
            PermanentError: it holds a type that would not be loaded again.
            TransientError: the registry or its storage does not answer.
        """
        from mlflow.entities import Metric, Param, RunTag
        from mlflow.exceptions import MlflowException

        content, sha256 = dumped(model)
        tags = {**tags, "sha256": sha256}
        with _plainly(name):
            client = self.client
            run = client.create_run(self._experiment(name))
            run_id = run.info.run_id
            try:
                with tempfile.TemporaryDirectory() as folder:
                    (Path(folder) / ARTEFACT).write_bytes(content)
                    for file, text in documents.items():
                        (Path(folder) / file).write_text(text, encoding="utf-8")
                    self._files(run_id, str(run.info.artifact_uri)).log_artifacts(folder)
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
        return self._shown(created)

    def load(self, name: str, number: str | None = None) -> tuple[ModelVersion, Trained]:
        """A version and its fitted model, after its hash and its types were checked.

        Args:
            name: registered name.
            number: of the version; the champion without one.

        Raises:
            PermanentError: no such version or no champion, one that must not serve, an artefact that is gone or altered, or an untrusted type.
            TransientError: the registry or its storage does not answer.
        """
        version = self.champion(name) if number is None else self.version(name, number)
        if version is None:
            what = "has no champion" if number is None else f"has no version {number}"
            raise PermanentError(f"Model {name!r} {what}.", fix="Train it first.")
        if withdrawn(version.tags):
            why = version.tags.get(f"{WITHDRAWN}_why", "erased")
            raise PermanentError(f"{name} version {version.version} was trained on somebody whose data was {why} since.", fix="Train it anew.")
        content = self._content(version, ARTEFACT)
        if content is None:
            raise PermanentError(f"{name} version {version.version} has no {ARTEFACT} any more.", fix="Train it anew, or roll it back.")
        return version, loaded(content, version.tags.get("sha256", ""), name=f"{name} version {version.version}")

    def document(self, version: ModelVersion, file: str) -> str | None:
        """A text artefact of a version; None where it has none of this name.

        Raises:
            TransientError: the registry or its storage does not answer.
        """
        content = self._content(version, file)
        return None if content is None else content.decode()

    def _content(self, version: ModelVersion, file: str) -> bytes | None:
        """A file of a version; None where its storage answers that it has none of this name."""
        from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

        with _plainly(f"{file} of {version.name} version {version.version}"), tempfile.TemporaryDirectory() as folder:
            files = self._files(version.run_id)
            if isinstance(files, LocalArtifactRepository):
                Path(files.artifact_dir).parents[2].stat()  # a folder that is not there lists like an empty one
            if file not in {Path(a.path).name for a in files.list_artifacts()}:
                return None
            return Path(files.download_artifacts(file, folder)).read_bytes()

    def attach(self, version: ModelVersion, file: str, text: str) -> None:
        """Write a text artefact of a version; what stood under its name gives way."""
        with _plainly(f"{version.name} version {version.version}"):
            self.client.log_text(version.run_id, text, file)

    def trained(self, tenant: str) -> list[TrainedVersion]:
        """Every version of a tenant's models; none where nothing was ever registered."""
        if not self._anything():
            return []
        found = []
        for model in _pages(self.client.search_registered_models):
            if Whose.of(model.name).tenant == tenant:
                for version in _pages(self.client.search_model_versions, f"name = '{model.name}'"):
                    inputs = {k.removeprefix(_INPUT): int(v) for k, v in version.tags.items() if k.startswith(_INPUT)}
                    found.append(TrainedVersion(model.name, str(version.version), inputs, dict(version.tags)))
        return sorted(found, key=lambda v: (v.name, int(v.version)))

    def tag(self, name: str, version: str, tags: Mapping[str, str]) -> None:
        """Write tags on a version and on the run that made it."""
        with _plainly(f"{name} version {version}"):
            run_id = self.client.get_model_version(name, version).run_id
            for key, value in tags.items():
                self.client.set_model_version_tag(name, version, key, value)
                if run_id:
                    self.client.set_tag(run_id, key, value)

    def retire(self, tenant: str, tags: Mapping[str, str]) -> list[str]:
        """Take every version of a tenant's models out of use for good: tagged, without alias, its artefacts deleted; returns which."""
        done = []
        for found in self.trained(tenant):
            self.tag(found.name, found.version, {WITHDRAWN: "true", **tags})
            self.serve(found.name, None)
            run_id = self.client.get_model_version(found.name, found.version).run_id
            if self._artefacts(found):
                self._files(run_id).delete_artifacts()
            done.append(f"{found.name} version {found.version}")
        return done

    def usable(self, tenant: str) -> list[str]:
        """Versions of a tenant's models that may still serve, or of which artefacts are left."""
        return [f"{v.name} version {v.version}" for v in self.trained(tenant) if not withdrawn(v.tags) or self._artefacts(v)]

    def _artefacts(self, version: TrainedVersion) -> bool:
        return bool(self._files(self.client.get_model_version(version.name, version.version).run_id).list_artifacts())

    def _files(self, run_id: str, uri: str | None = None) -> ArtifactRepository:
        """A run's files. Where they lie never changes and is asked once: the client's own methods ask for the whole run each time."""
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        if run_id not in self._places:
            self._places[run_id] = uri or str(self.client.get_run(run_id).info.artifact_uri)
        return get_artifact_repository(self._places[run_id], tracking_uri=self.uri)

    def _experiment(self, name: str) -> str:
        found = self.client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        self.artefacts.mkdir(parents=True, exist_ok=True)
        return str(self.client.create_experiment(name, artifact_location=(self.artefacts / name).as_uri()))


@contextmanager
def _plainly(what: str) -> Iterator[None]:
    """Say in our own errors what MLflow or its storage cannot do: what it does not know any more is gone, anything else may pass."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except SeedingError:
        raise
    except Exception as error:  # MLflow's own, and each storage has others
        if isinstance(error, MlflowException) and error.error_code == "RESOURCE_DOES_NOT_EXIST":
            raise PermanentError(f"The registry does not hold {what} any more.", fix="Train it anew, or roll it back.") from error
        kind = error.error_code if isinstance(error, MlflowException) else type(error).__name__
        raise TransientError(f"The registry did not answer for {what} ({kind}).", fix="See whether its storage is up, then repeat.") from error


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
        with tempfile.TemporaryDirectory(dir=database.parent, prefix=".first-") as folder:
            fresh = Path(folder) / database.name
            _initialise(fresh)
            shutil.move(fresh, database)


def _initialise(database: Path) -> None:
    """Make MLflow's tables by its migrations."""
    from mlflow.store.db.utils import _initialize_tables
    from sqlalchemy import create_engine

    engine = create_engine(f"sqlite:///{database}")
    _initialize_tables(engine)
    engine.dispose()
