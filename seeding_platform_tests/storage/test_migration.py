"""A state database is made and upgraded once and whole, whoever comes first and whoever is killed; one that is not ours is left alone."""

from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from seeding_platform.errors import ConfigError, TransientError
from seeding_platform.settings import project_root
from seeding_platform.storage import migration, schema
from seeding_platform.storage.database import checked_url, connected, writing
from seeding_platform.storage.state import State
from seeding_platform_tests.conftest import MADE

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.empty_database


@pytest.fixture(autouse=True)
def really_made(monkeypatch):
    monkeypatch.setattr(migration, "_create", MADE)


OPEN = "import sys; from seeding_platform.storage.state import State; State.open(sys.argv[1]).close()"

KILLED_AFTER_THE_SECOND_TABLE = """
import os, signal, sys
from alembic import op
from seeding_platform.storage.state import State

made, create_table = [], op.create_table

def create_and_die(*arguments, **options):
    create_table(*arguments, **options)
    made.append(arguments[0])
    if len(made) == 2:
        os.kill(os.getpid(), signal.SIGKILL)

op.create_table = create_and_die
State.open(sys.argv[1])
"""


def started(program: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program, *arguments], cwd=project_root(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, said = process.communicate(timeout=60)
    return process.returncode, said


def tables_of(url: str) -> set[str]:
    engine = connected(checked_url(url))
    try:
        return set(sa.inspect(engine).get_table_names())
    finally:
        engine.dispose()


ALL_TABLES = {*schema.metadata.tables, schema.VERSION_TABLE}


def test_the_head_constant_is_the_newest_revision() -> None:
    assert ScriptDirectory.from_config(migration.alembic_config()).get_heads() == [schema.HEAD_REVISION]


def test_the_migrations_make_the_tables_that_the_schema_declares(database_url: str) -> None:
    with State.open(database_url) as state, state.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": schema.VERSION_TABLE, "compare_type": True})
        assert compare_metadata(context, schema.metadata) == []
        inspector = sa.inspect(connection)
        for name, table in schema.metadata.tables.items():
            assert inspector.get_pk_constraint(name)["constrained_columns"] == [column.name for column in table.primary_key]
            checks = {check.name for check in table.constraints if isinstance(check, sa.CheckConstraint)}
            assert {check["name"] for check in inspector.get_check_constraints(name)} == checks


def test_every_migration_can_be_undone(database_url: str) -> None:
    State.open(database_url).close()
    engine = connected(checked_url(database_url), migrating=True)
    with writing(engine) as connection:
        command.downgrade(migration.alembic_config(connection), "base")
    engine.dispose()
    assert tables_of(database_url) == {schema.VERSION_TABLE}
    State.open(database_url).close()
    assert tables_of(database_url) == ALL_TABLES


def test_opening_an_up_to_date_database_does_without_alembic(database_url: str) -> None:
    State.open(database_url).close()
    code, said = ended(started(f"{OPEN}\nassert 'alembic' not in sys.modules", database_url))
    assert code == 0, said


def test_the_module_is_light_to_import() -> None:
    code, said = ended(started("import sys, seeding_platform.storage.state\nassert not {'sqlalchemy', 'alembic'} & set(sys.modules)"))
    assert code == 0, said


def test_several_processes_may_open_a_fresh_database_at_once(database_url: str) -> None:
    processes = [started(OPEN, database_url) for _ in range(3)]
    assert [ended(process) for process in processes] == [(0, "")] * 3
    assert tables_of(database_url) == ALL_TABLES


def test_a_first_migration_that_was_killed_is_simply_repeated(database_url: str, tmp_path: Path) -> None:
    code, said = ended(started(KILLED_AFTER_THE_SECOND_TABLE, database_url))
    assert code == -signal.SIGKILL, said
    assert not (tmp_path / "state.db").exists()
    if "postgresql" in database_url:
        assert tables_of(database_url) == set()
    State.open(database_url).close()
    assert tables_of(database_url) == ALL_TABLES
    assert not list(tmp_path.glob("*first-migration*"))


def test_a_later_migration_that_was_killed_leaves_the_database_as_it_was(database_url: str) -> None:
    State.open(database_url).close()
    engine = connected(checked_url(database_url), migrating=True)
    with writing(engine) as connection:
        command.downgrade(migration.alembic_config(connection), "base")
    engine.dispose()
    code, said = ended(started(KILLED_AFTER_THE_SECOND_TABLE, database_url))
    assert code == -signal.SIGKILL, said
    assert tables_of(database_url) == {schema.VERSION_TABLE}
    State.open(database_url).close()
    assert tables_of(database_url) == ALL_TABLES


def test_what_a_killed_first_migration_left_is_swept_away(tmp_path: Path) -> None:
    for ending in ("", "-wal", "-shm", "-journal"):
        (tmp_path / f"state.db.first-migration{ending}").write_bytes(b"torn")
    State.open(f"sqlite:///{tmp_path / 'state.db'}").close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state.db", "state.db.lock"]


def test_a_database_of_a_newer_version_is_refused(database_url: str) -> None:
    with State.open(database_url) as state, writing(state.engine) as connection:
        connection.execute(sa.update(schema.version).values(version_num="9999"))
    with pytest.raises(ConfigError, match=r"revision 9999.*newer version made it\. Install that version"):
        State.open(database_url)


@pytest.mark.parametrize("content", [b"this is no database" * 100, b"x"])
def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "state.db"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=re.escape(str(file)) + r" cannot be read as a SQLite database .*Put a backup in its place"):
        State.open(f"sqlite:///{file}")
    assert file.read_bytes() == content


def test_a_torn_database_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    State.open(f"sqlite:///{file}").close()
    file.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(ConfigError, match="cannot be read as a SQLite database"):
        State.open(f"sqlite:///{file}")


def test_an_empty_file_becomes_a_database(tmp_path: Path) -> None:
    (tmp_path / "state.db").touch()
    State.open(f"sqlite:///{tmp_path / 'state.db'}").close()
    assert tables_of(f"sqlite:///{tmp_path / 'state.db'}") == ALL_TABLES


def test_the_sqlite_file_of_another_program_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    with pytest.raises(ConfigError, match="tables of another program"):
        State.open(f"sqlite:///{tmp_path / 'other.db'}")
    assert tables_of(f"sqlite:///{tmp_path / 'other.db'}") == {"theirs"}


def test_a_wal_without_its_database_is_not_replayed_into_a_new_one(tmp_path: Path) -> None:
    (tmp_path / "state.db-wal").write_bytes(b"left behind")
    with pytest.raises(ConfigError, match=r"state\.db-wal lies there without its database"):
        State.open(f"sqlite:///{tmp_path / 'state.db'}")
    assert not (tmp_path / "state.db").exists()


def test_folders_are_made_and_a_percent_sign_in_them_is_nothing_special(tmp_path: Path) -> None:
    State.open(f"sqlite:///{tmp_path / 'a 100% new' / 'folder' / 'state.db'}").close()
    assert (tmp_path / "a 100% new" / "folder" / "state.db").is_file()


@pytest.mark.parametrize("url", ["nonsense", "mysql://u:secret@h/d", "sqlite://", "sqlite:///:memory:", "postgresql://u:secret@h:port/d", ""])
def test_a_wrong_url_is_refused_without_showing_its_password(url: str) -> None:
    with pytest.raises(ConfigError, match="SEEDING_DATABASE_URL") as caught:
        State.open(url)
    assert "secret" not in str(caught.value)


def test_a_server_that_does_not_answer_is_worth_another_try(tmp_path: Path) -> None:
    with pytest.raises(TransientError, match="does not answer") as caught:
        State.open(f"postgresql://u:secret@/d?host={tmp_path}")
    assert "secret" not in str(caught.value)


def test_sqlite_is_set_up_for_several_processes_and_for_erasure(tmp_path: Path) -> None:
    with State.open(f"sqlite:///{tmp_path / 'state.db'}") as state, state.engine.connect() as connection:
        names = ("journal_mode", "busy_timeout", "synchronous", "secure_delete", "foreign_keys")
        assert [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names] == ["wal", 30_000, 1, 1, 1]
