"""Nothing personal and nothing secret stands in what people read, after a whole installation was lived in.

Landed files, raw and clean tables with what was set aside, and bytes that wait for landing may hold personal values: that is what they are for.
Nothing but its own file may hold a secret.
"""

import json
import sqlite3
from contextlib import closing

import psycopg2
import pytest

from seeding_platform_tests.governance.canary import found_in, searched
from seeding_platform_tests.governance.installation import MAIL, NAME, PERSONAL, PHONE, SECRETS, SMTP, installed, lived_in, secret
from seeding_platform_tests.peers import administer, postgres_folder

__all__ = ["postgres_folder"]
pytestmark = [pytest.mark.long, pytest.mark.timeout(1200)]
HOLD_PERSONAL = ("data/samples/", "data/landing/", "data/lake/raw/", "data/lake/clean/", "data/state/spool/", "data/state/uploads/", "inbox/")
HOLD_SECRETS = (".env",)
CODE = ("seeding_platform/", "pyproject.toml", "dagster.yaml", "workspace.yaml")


@pytest.fixture(scope="module")
def lived(tmp_path_factory, postgres_folder):
    """(installation, its secrets, its database as text)."""
    home = tmp_path_factory.mktemp("installation")
    administer(postgres_folder, "CREATE DATABASE {}", "canary")
    place = installed(home, f"postgresql+psycopg2://postgres@/canary?host={postgres_folder}")
    lived_in(place)
    secrets = (*SECRETS, secret("key", place.said.pop("the key").decode()))
    with closing(psycopg2.connect(host=str(postgres_folder), user="postgres", dbname="canary")) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT * FROM "{table}"')
            place.said[f"table {table} of the state database"] = "\n".join(str(row) for row in cursor.fetchall()).encode()
    yield place, secrets
    administer(postgres_folder, "DROP DATABASE {}", "canary")


def leaks(place, canaries, allowed: tuple[str, ...], under: str = "") -> dict[str, list[str]]:
    """Where something stands that may not: files by their path under the home, and what was said."""
    files = {path.removeprefix(f"{place.home}/"): found for path, found in searched([place.home / under], canaries).items()}
    files = {path: found for path, found in files.items() if not path.startswith((*allowed, *CODE))}
    said = {name: found for name, text in place.said.items() if (found := found_in(text, canaries))}
    return {name: sorted(found) for name, found in sorted({**files, **said}.items())}


def told(found: dict[str, list[str]]) -> str:
    return json.dumps(found, indent=1, ensure_ascii=False)


def test_nothing_personal_is_in_what_people_read(lived):
    place, _ = lived
    found = leaks(place, PERSONAL, HOLD_PERSONAL)
    assert not found, told(found)


def test_no_secret_is_anywhere_but_in_its_own_file(lived):
    place, secrets = lived
    found = leaks(place, secrets, HOLD_SECRETS)
    assert not found, told(found)


def test_it_was_lived_in_and_all_of_it_was_searched(lived):
    """The search saw every store that people read, and the values went as far as they may: otherwise finding nothing would mean nothing."""
    place, _ = lived
    state = place.home / "data" / "state"
    for store in (
        "history/runs.db",
        "history/runs/index.db",
        "mlflow/mlflow.db",
        "reports/quality.html",
        "reports/expectations/data_docs/index.html",
    ):
        assert (state / store).stat().st_size > 1000, store
    for some in ("serving/**/*.duckdb", "bundles/**/manifest.json", "history/runs/*.db", "*/compute_logs/*.err", "schedules/*.db", "audit/*.jsonl"):
        assert list(state.glob(some)), some
    found = {p.removeprefix(f"{place.home}/"): what for p, what in searched([place.home / "data"], PERSONAL).items()}
    for table in (
        "raw/content_posts",
        "clean/content_posts/",
        "clean/orders/",
        "clean/orders__quarantine",
        "raw/ad_exports__main",
        "clean/ad_facts/",
    ):
        assert any(MAIL.name in what for p, what in found.items() if p.startswith(f"data/lake/{table}")), table
    assert any(NAME.name in what for p, what in found.items() if p.startswith("data/lake/clean/orders/"))
    assert any(p.startswith("data/state/spool/") for p in found)
    assert any(table.name.startswith("content_posts") for table in (place.home / "data" / "lake" / "quality").iterdir())
    said = {name: text.decode("utf-8", "replace") for name, text in place.said.items()}
    assert "REFUSED" in said["stderr of land all_bad.csv"] + said["stdout of land all_bad.csv"]
    assert "is the header missing" in said["stderr of land wrong_head.csv"] + said["stdout of land wrong_head.csv"]
    assert [name for name in said if name.startswith("answer to GET /api/v1/runs/") and "raw" in said[name]]
    assert "[EMAIL]" in said["table audit_events of the state database"], "a reason was redacted before it was kept"
    assert any("[EMAIL]" in text for name, text in said.items() if "clusters" in name)


def test_a_leak_would_be_seen(lived):
    """Values put into a log, into Dagster's events and into an answer are found, each by its place."""
    place, secrets = lived
    (place.home / "data/state/reports/later.log").write_text(f"row of {MAIL.value} refused")
    with closing(sqlite3.connect(place.home / "data/state/history/runs.db")) as database, database:
        database.execute("CREATE TABLE planted (body TEXT)")
        database.execute("INSERT INTO planted VALUES (?)", (json.dumps({"message": f"told {PHONE.value}"}),))
    place.said["planted"] = f'{{"detail": "smtp://mailer:{SMTP.value}@host"}}'.encode()
    assert leaks(place, PERSONAL, HOLD_PERSONAL, "data/state/reports")["data/state/reports/later.log"] == [MAIL.name]
    assert leaks(place, PERSONAL, HOLD_PERSONAL, "data/state/history")["data/state/history/runs.db"] == [PHONE.name]
    assert leaks(place, secrets, HOLD_SECRETS, "data/state/reports")["planted"] == [SMTP.name]
