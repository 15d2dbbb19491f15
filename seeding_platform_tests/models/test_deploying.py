"""What serves changes whole or not at all: alias, ledger and served version agree, whoever is killed and wherever."""

import datetime as dt
import itertools
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from seeding_platform.errors import PermanentError, TransientError
from seeding_platform.models import ModelSpec, predict, train
from seeding_platform.models.deploying import SPEC_DOCUMENT, Deployer
from seeding_platform.models.golden import DOCUMENT, golden
from seeding_platform.models.registry import WITHDRAWN, Registry
from seeding_platform.settings import project_root
from seeding_platform.storage.audit import AuditLog
from seeding_platform.storage.keyring import Keyring
from seeding_platform.storage.ml.deployments import ChampionChanged, Deployment
from seeding_platform.storage.ml.standing import Standings
from seeding_platform.storage.ml.whose import Whose
from seeding_platform.storage.state import State

NOW = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
TOY = Whose("shop", "toy")
SPEC = ModelSpec(
    name="toy", description="A made relation.", target="y", features={"x": "numeric"}, split={"kind": "holdout"}, minimum_rows=10, inputs=["orders"]
)


def frame(slope: float) -> pl.DataFrame:
    return pl.DataFrame({"x": [float(i) for i in range(60)], "y": [slope * i for i in range(60)]})


def deployer(root: Path) -> Deployer:
    state = State.open(f"sqlite:///{root / 'state.db'}")
    registry = Registry(f"sqlite:///{root / 'mlflow' / 'mlflow.db'}", root / "mlflow" / "artefacts")
    moments = (NOW + n * dt.timedelta(seconds=1) for n in itertools.count())
    return Deployer(registry, state, AuditLog(state, Keyring(bytes(range(32)))), root / "locks", lambda: next(moments), lambda: uuid.uuid4().hex)


def registered(registry: Registry, slope: float) -> str:
    model = train(SPEC, frame(slope), seed=0)
    documents = {SPEC_DOCUMENT: SPEC.model_dump_json(), DOCUMENT: golden(model, SPEC, frame(slope), predict)}
    return registry.register(TOY.registered, model, metrics={}, params={}, tags={}, documents=documents).version


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A registry with two sound versions, made once: MLflow takes seconds to begin."""
    root = tmp_path_factory.mktemp("made")
    one = deployer(root)
    assert [registered(one.registry, slope) for slope in (1.0, 2.0, 3.0)] == ["1", "2", "3"]
    Standings(one.state).know(TOY, kind="regression", metric="rmse", direction="down", now=NOW)
    one.state.close()
    return root


@pytest.fixture
def at(made) -> Iterator[Deployer]:
    """Nothing deployed yet."""
    one = deployer(made)
    with one.state.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM ml_model_deployments")
        connection.exec_driver_sql("UPDATE ml_models SET version = NULL")
        connection.exec_driver_sql("DELETE FROM ml_models WHERE model = 'other'")
    one.registry.serve(TOY.registered, None)
    yield one
    one.state.close()


def serves(one: Deployer) -> tuple[str | None, str | None, float | None]:
    """The ledger's version, the alias's, and the slope that the loaded model answers with."""
    alias = one.registry.champion(TOY.registered)
    standing = one.standings.one(TOY)
    if alias is None:
        return standing.version, None, None
    _, model = one.registry.load(TOY.registered)
    return standing.version, alias.version, round(float(predict(model, SPEC, frame(1.0).slice(30, 1))[0]) / 30)


def test_what_was_deployed_answers_and_a_rollback_changes_what_answers(at):
    assert at.deploy(TOY, "1", actor="key", reason="first", expected=None).state == "verified"
    at.deploy(TOY, "2", actor="key", reason="better", expected="1", watch=dt.timedelta(hours=24))
    assert serves(at) == ("2", "2", 2)
    back = at.roll_back(TOY, actor="key", reason="worse after all")
    assert (back.version, back.kind, back.state) == ("1", "rollback", "verified")
    assert serves(at) == ("1", "1", 1)
    with pytest.raises(PermanentError, match="never served"):
        at.roll_back(TOY, to="3", actor="key", reason="?")
    with pytest.raises(ChampionChanged):
        at.deploy(TOY, "2", actor="key", reason="?", expected="2")
    with pytest.raises(PermanentError, match="no version 9"):
        at.deploy(TOY, "9", actor="key", reason="?")
    assert at.reconcile() == []


def test_nothing_to_go_back_to_is_said(at):
    with pytest.raises(PermanentError, match="left to go back to"):
        at.roll_back(TOY, actor="key", reason="?")


def test_a_second_rollback_goes_further_back_and_never_to_what_was_just_left(at):
    for version in "123":
        at.deploy(TOY, version, actor="key", reason="better")
    assert [at.roll_back(TOY, actor="key", reason="worse").version for _ in "21"] == ["2", "1"]
    with pytest.raises(PermanentError, match="left to go back to"):
        at.roll_back(TOY, actor="key", reason="worse")
    at.deploy(TOY, "3", actor="key", reason="put right")
    assert at.roll_back(TOY, actor="key", reason="worse").version == "1"
    assert at.ledger.chain(TOY).left == {"2", "3"}
    assert at.roll_back(TOY, to="3", actor="key", reason="was the better one").version == "3"
    assert at.ledger.chain(TOY).left == {"1", "2"}


def files(one: Deployer, version: str) -> Path:
    """Where the files of a version lie."""
    return one.registry.artefacts / TOY.registered / one.registry.version(TOY.registered, version).run_id / "artifacts"


@contextmanager
def away(path: Path) -> Iterator[None]:
    """A file or a folder that is not there for a while."""
    aside = path.with_name(f"{path.name}.aside")
    path.rename(aside)
    try:
        yield
    finally:
        aside.rename(path)


@pytest.mark.parametrize("file", ["model.skops", SPEC_DOCUMENT, DOCUMENT])
def test_a_version_of_which_a_file_is_gone_is_rolled_back_and_holds_nobody_up(at, file):
    at.deploy(TOY, "1", actor="key", reason="first")
    with away(files(at, "2") / file):
        gone = at.deploy(TOY, "2", actor="key", reason="better")
    assert (gone.state, file in gone.says) == ("rolled_back", True)
    assert serves(at) == ("1", "1", 1)
    assert (at.ledger.unsettled(), at.reconcile()) == ([], [])
    with pytest.raises(PermanentError, match="never served"):
        at.roll_back(TOY, to="2", actor="key", reason="only a version that was verified has served")


@pytest.mark.parametrize("document", ["{", '{"rows": []}'], ids=["no JSON", "no answers"])
def test_a_version_whose_documents_cannot_be_read_is_rolled_back(at, document):
    at.deploy(TOY, "1", actor="key", reason="first")
    path = files(at, "2") / DOCUMENT
    before = path.read_text()
    try:
        path.write_text(document)
        assert at.deploy(TOY, "2", actor="key", reason="better").state == "rolled_back"
    finally:
        path.write_text(before)
    assert serves(at) == ("1", "1", 1)


def test_while_storage_does_not_answer_a_change_waits_and_the_others_are_settled(at):
    other = Whose("shop", "other")
    at.deploy(TOY, "1", actor="key", reason="first")
    at.standings.know(other, kind="regression", metric="rmse", direction="down", now=NOW)
    left = Deployment(deployment_id=f"other{uuid.uuid4().hex}", whose=other, version="7", actor="key", reason="?", planned_at=NOW, moved_at=NOW)
    at.ledger.plan(left)
    troubled = []
    with away(at.registry.artefacts):
        with pytest.raises(TransientError):
            at.deploy(TOY, "2", actor="key", reason="better")
        assert [d.version for d in at.ledger.unsettled(TOY)] == ["2"]
        assert at.reconcile(trouble=lambda whose, _: troubled.append(whose)) == ["shop.other: deploy of version 7: rolled_back"]
    assert troubled == [TOY]
    assert at.reconcile() == ["shop.toy: deploy of version 2: verified"]
    assert serves(at) == ("2", "2", 2)


def test_an_alias_never_points_to_a_version_that_must_not_serve(at):
    at.deploy(TOY, "1", actor="key", reason="first")
    try:
        at.registry.tag(TOY.registered, "1", {WITHDRAWN: "true"})
        assert at.reconcile() == ["shop.toy: the alias pointed to 1, nothing serves"]
        assert (at.registry.champion(TOY.registered), at.reconcile()) == (None, [])
        with away(files(at, "2") / DOCUMENT):
            assert at.deploy(TOY, "2", actor="key", reason="better").state == "rolled_back"
        assert at.registry.champion(TOY.registered) is None
        at.deploy(TOY, "2", actor="key", reason="whole again")
        assert at.deploy(TOY, "1", actor="key", reason="?").state == "rolled_back"
        with pytest.raises(PermanentError, match="left to go back to"):
            at.roll_back(TOY, actor="key", reason="worse")
    finally:
        at.registry.tag(TOY.registered, "1", {WITHDRAWN: "false"})
    assert serves(at) == ("2", "2", 2)


def test_the_reconciler_looks_again_once_it_is_its_turn(at, monkeypatch):
    """While it waits for its turn, another process deploys: the alias of that deployment stays."""
    at.deploy(TOY, "1", actor="key", reason="first")
    alone = Deployer._alone
    deployed = []

    @contextmanager
    def waited(self, whose):
        if whose == TOY and not deployed:
            deployed.append("2")
            at.deploy(TOY, "2", actor="key", reason="meanwhile")
        with alone(self, whose):
            yield

    monkeypatch.setattr(Deployer, "_alone", waited)
    assert at.reconcile() == []
    assert serves(at) == ("2", "2", 2)


def test_a_tampered_artefact_does_not_come_to_serve(at, tmp_path):
    at.deploy(TOY, "1", actor="key", reason="first")
    version = at.registry.version(TOY.registered, "2")
    path = at.registry.artefacts / TOY.registered / version.run_id / "artifacts" / "model.skops"
    before = path.read_bytes()
    try:
        path.write_bytes(before + b"x")
        refused = at.deploy(TOY, "2", actor="key", reason="better")
    finally:
        path.write_bytes(before)
    assert refused.state == "rolled_back"
    assert "altered" in refused.says
    assert serves(at) == ("1", "1", 1)


def test_a_version_that_answers_differently_than_when_it_was_made_does_not_come_to_serve(at):
    at.deploy(TOY, "1", actor="key", reason="first")
    version = at.registry.version(TOY.registered, "2")
    path = at.registry.artefacts / TOY.registered / version.run_id / "artifacts" / DOCUMENT
    before = path.read_text()
    try:
        path.write_text(before.replace('"answers": [', '"answers": [7.5, ').replace('"rows": [', '"rows": [{"x": 1.0}, '))
        refused = at.deploy(TOY, "2", actor="key", reason="better")
    finally:
        path.write_text(before)
    assert "golden row 0" in refused.says
    assert serves(at) == ("1", "1", 1)


def test_an_alias_that_was_moved_by_hand_is_moved_back(at):
    at.deploy(TOY, "1", actor="key", reason="first")
    at.registry.serve(TOY.registered, "3")
    assert at.reconcile() == ["shop.toy: the alias pointed to 3, 1 serves"]
    assert serves(at) == ("1", "1", 1)
    assert [r.event.action for r in at.audit.newest(tenant="shop", limit=1)] == ["ml.alias.corrected"]


KILLED = """
import os, signal, sys
from pathlib import Path
from seeding_platform.models.registry import WITHDRAWN, Registry
from seeding_platform.storage.ml.deployments import Deployments
from seeding_platform_tests.models.test_deploying import TOY, deployer

step, root = sys.argv[1], Path(sys.argv[2])
place, _, name = step.partition(" ")
owner = {"registry": Registry, "ledger": Deployments}[place.removeprefix("after:").removeprefix("before:")]
kept = getattr(owner, name)

def die(*given, **more):
    if place.startswith("after:"):
        kept(*given, **more)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(owner, name, die)
deployer(root).deploy(TOY, "2", actor="key", reason="better")
"""
LATE = ("before:registry serve", "before:ledger verified", "after:ledger alias_set", "after:ledger verified")
STEPS = ["after:registry serve", *(pytest.param(step, marks=pytest.mark.long) for step in LATE)]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.long
def test_after_a_kill_at_any_step_all_agree(at, made, step):
    at.deploy(TOY, "1", actor="key", reason="first")
    command = [sys.executable, "-c", KILLED, step, str(made)]
    died = subprocess.run(command, cwd=project_root(), capture_output=True, text=True, timeout=120, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr[-2000:]
    before = at.standings.one(TOY).version
    assert before == ("2" if step == "after:ledger verified" else "1"), "what serves changes with the last step only"
    done = at.reconcile()
    assert (not done) == (step == "after:ledger verified")
    assert serves(at) == ("2", "2", 2)
    assert at.ledger.unsettled() == []
    assert at.reconcile() == []
