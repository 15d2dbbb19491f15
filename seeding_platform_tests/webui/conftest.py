"""The web UI over folders of its own, an empty workspace and an instance that is thrown away, with a key of each role."""

import datetime as dt
from dataclasses import dataclass, field

import pytest
import sqlalchemy as sa
from dagster import DagsterInstance
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from starlette.applications import Starlette
from starlette.testclient import TestClient

from seeding_platform.governance.audit import Trail
from seeding_platform.service.sessions import Sessions
from seeding_platform.settings import Settings
from seeding_platform.storage.api_state import ApiState, Role
from seeding_platform.storage.audit import Event
from seeding_platform.storage.schema import api_keys
from seeding_platform.storage.state import State
from seeding_platform.webui.app import create_app
from seeding_platform.webui.context import RoleProcessContext
from seeding_platform.webui.door import Door
from seeding_platform_tests.places import place_in

NOW = dt.datetime(2026, 11, 24, 9, tzinfo=dt.UTC)
HOME = "http://127.0.0.1:3000"


@dataclass
class Ui:
    """One web UI.

    Attributes:
        settings: its folders.
        state: its state database.
        context: Dagster's workspace.
        door: who comes in.
        clock: what its clock says.
        app: all of it.
        client: asks it, as 127.0.0.1:3000.
    """

    settings: Settings
    state: State
    context: RoleProcessContext
    clock: list[dt.datetime] = field(default_factory=lambda: [NOW])
    made: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.api = ApiState(self.state)
        self.log = Trail(self.settings, self.state).log
        self.door = Door(Sessions(self.api, b"s" * 32, lambda: self.clock[0]), "on")
        self.app: Starlette = create_app(self.context, self.settings, self.state, self.door)
        self.client = TestClient(self.app, base_url=HOME, follow_redirects=False)

    def key(self, role: str, tenant: str = "default", key_id: str = "") -> dict[str, str]:
        """The header of a key."""
        key_id = key_id or f"{role}{tenant}"
        if key_id not in self.made:
            self.made[key_id] = self.api.create_key(role=Role(role), tenant=tenant, label="", secret="secret", key_id=key_id, now=NOW)
        return {"Authorization": f"Bearer {self.made[key_id]}"}

    def session(self, role: str) -> dict[str, str]:
        """The cookie of a session of a role."""
        self.key(role)
        return {"Cookie": f"sp_session={self.door.sessions.started(f'{role}default')}"}

    def ask(self, query: str, headers: dict[str, str], **more: object):
        """Ask GraphQL by POST."""
        return self.client.post("/graphql", json={"query": query, **more}, headers=headers)

    def events(self, limit: int = 100) -> list[Event]:
        """What is on record, the newest first."""
        return [r.event for r in self.log.newest(limit=limit)]


@pytest.fixture(scope="session")
def ui(tmp_path_factory):
    settings, folder = place_in(tmp_path_factory.mktemp("ui") / "place").settings, tmp_path_factory.mktemp("instance")
    with (
        State.open(settings.state_url) as state,
        DagsterInstance.local_temp(str(folder)) as instance,
        RoleProcessContext(instance, EmptyWorkspaceTarget()) as context,
    ):
        made = Ui(settings, state, context)
        with made.client:
            yield made


@pytest.fixture(autouse=True)
def as_it_was(ui):
    yield
    ui.door.mode, ui.door.tenants, ui.door._keys_seen = "on", frozenset(), False
    ui.clock[0] = NOW
    ui.client.cookies.clear()
    ui.door.grouped = frozenset()
    for key_id in [k for k in ui.made if not k.endswith("default")]:
        forget_key(ui, key_id)
        del ui.made[key_id]


def forget_key(ui, key_id):
    """As if a key had never been."""
    with ui.state.engine.begin() as connection:
        connection.execute(sa.delete(api_keys).where(api_keys.c.key_id == key_id))
