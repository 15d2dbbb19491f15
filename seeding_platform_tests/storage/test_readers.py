"""Readers of one tenant on Postgres: no row of another in any table, none at all without a tenant, whatever they set or make."""

import uuid

import pytest
import sqlalchemy as sa

from seeding_platform.errors import ConfigError
from seeding_platform.storage.database import checked_url, writing
from seeding_platform.storage.readers import KEPT_BACK, READER, readable, role_of, statements
from seeding_platform.storage.schema import metadata
from seeding_platform.storage.state import State
from seeding_platform.storage.tenants import Quota, Tenants
from seeding_platform_tests.storage.filled import NOW, all_rows, fill

SCOPED = sorted(t.name for t in metadata.tables.values() if "tenant" in t.c)


@pytest.fixture
def state(database_url):
    if "postgresql" not in database_url:
        pytest.skip("only Postgres has roles")
    with State.open(database_url) as opened:
        for tenant in ("acme", "other", ""):
            fill(opened.engine, tenant)
        for tenant in ("acme", "other"):
            Tenants(opened).add(tenant, label="", quota=Quota(), by="k", now=NOW)
        yield opened


@pytest.fixture
def connect(state, database_url):
    """Makes roles and connects as them; roles are of the whole server, so each has a name of its own and goes afterwards."""
    made, engines = [], []

    def role(tenant: str | None, *, everything: bool = False) -> sa.Engine:
        name = f"r_{uuid.uuid4().hex[:12]}"
        made.append(name)
        with writing(state.engine) as connection:
            if tenant is None:
                connection.exec_driver_sql(f"CREATE ROLE {name} LOGIN")
            else:
                for statement in statements(tenant, name):
                    connection.exec_driver_sql(statement)
            if everything:
                connection.exec_driver_sql(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {name}")
        engine = sa.create_engine(checked_url(database_url).set(username=name), poolclass=sa.pool.NullPool)
        engines.append(engine)
        return engine

    yield role
    with writing(state.engine) as connection:
        for name in made:
            connection.exec_driver_sql(f"DROP OWNED BY {name}")
            connection.exec_driver_sql(f"DROP ROLE {name}")


def tenants_seen(engine: sa.Engine, tables: list[str], *before: str) -> dict[str, set[str]]:
    seen = {}
    with engine.begin() as connection:
        for statement in before:
            connection.exec_driver_sql(statement)
        for table in tables:
            seen[table] = set(connection.execute(sa.select(metadata.tables[table].c.tenant)).scalars())
    return seen


def test_every_table_with_a_tenant_has_a_policy(state):
    query = "SELECT c.relname, c.relrowsecurity, count(p.polname) FROM pg_class c LEFT JOIN pg_policy p ON p.polrelid = c.oid GROUP BY 1, 2"
    with state.engine.connect() as connection:
        told = {name: (on, count) for name, on, count in connection.exec_driver_sql(query)}
    assert {name: told[name] for name in SCOPED} == dict.fromkeys(SCOPED, (True, 1))
    assert len(SCOPED) > 25


def test_a_reader_sees_its_tenant_in_every_table_and_no_other(connect):
    assert tenants_seen(connect("acme", everything=True), SCOPED) == {name: {"acme"} for name in SCOPED}
    assert tenants_seen(connect("acme"), readable()) == {name: {"acme"} for name in readable()}


def test_a_role_without_a_tenant_sees_nothing(connect):
    assert tenants_seen(connect(None, everything=True), SCOPED) == {name: set() for name in SCOPED}


@pytest.mark.parametrize(
    "attempt",
    [
        "SET seeding.tenant = 'other'",
        f"SET ROLE {READER}",
        "CREATE TEMP TABLE tenant_readers (role text, tenant text); INSERT INTO tenant_readers VALUES (session_user, 'other')",
        "CREATE TEMP VIEW session_readers AS SELECT 1",
        "SET search_path = pg_temp, public",
        "SET row_security = on",
    ],
)
def test_whatever_it_sets_or_makes_it_sees_no_other_tenant(connect, attempt):
    seen = tenants_seen(connect("acme"), readable(), attempt)
    assert set().union(*seen.values()) <= {"acme"}


def test_it_reads_neither_keys_nor_what_others_made_views_of(connect):
    engine = connect("acme")
    views = ["workflow_audit_logs", "get_model_performance_summary()", "get_training_job_stats()"]
    for what in [*sorted(KEPT_BACK), *views, "privacy_receipts", "storage_snapshots"]:
        with pytest.raises(sa.exc.ProgrammingError, match="permission denied"), engine.connect() as connection:
            connection.exec_driver_sql(f"SELECT * FROM {what}")


def test_even_one_who_may_write_writes_nothing_of_another_tenant(state, connect):
    engine, before = connect("acme", everything=True), all_rows(state.engine, "other")
    with engine.begin() as connection:
        assert connection.execute(sa.delete(metadata.tables["kept_items"])).rowcount == 2
        assert connection.execute(sa.update(metadata.tables["webhooks"]).values(url="x")).rowcount == 2
    with pytest.raises(sa.exc.ProgrammingError, match="row-level security"), engine.begin() as connection:
        connection.execute(sa.update(metadata.tables["webhooks"]).values(tenant="other"))
    with pytest.raises(sa.exc.ProgrammingError, match="row-level security"), engine.begin() as connection:
        connection.execute(sa.insert(metadata.tables["tenant_readers"]).values(role="me", tenant="other"))
    assert all_rows(state.engine, "other") == before


def test_the_service_itself_sees_all(state):
    assert all(len(rows) == 2 for tenant in ("acme", "other") for name, rows in all_rows(state.engine, tenant).items() if name != "tenant_readers")


@pytest.mark.parametrize(
    ("tenant", "role"), [("", "r"), ("acme", "R"), ("acme", "a-b"), ("acme", "1a"), ("acme", "r; DROP"), ("acme", READER), ("a\x00", "r")]
)
def test_what_is_no_reader(tenant, role):
    with pytest.raises(ConfigError, match="No reader was made"):
        statements(tenant, role)


def test_a_tenant_is_quoted():
    assert "'o''hara'" in statements("o'hara", role_of("o'hara"))[-1]
