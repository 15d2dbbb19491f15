"""Who reads the state database by themselves, past the service: a role of Postgres that sees the rows of one tenant, and the SQL that makes one.

Policies in the database hold it to that tenant, by the role that logged in; a role that is a reader of none sees no row. The service owns the tables
and is not held to them.
"""

from __future__ import annotations

import re

from seeding_platform.errors import ConfigError

READER = "seeding_reader"
"""What all readers are members of: it may read, and is a reader of no tenant itself."""
KEPT_BACK = frozenset(
    {
        "api_keys",
        "api_requests",
        "outbox_attempts",
        "outbox_messages",
        "person_sessions",
        "privacy_marks",
        "privacy_requests",
        "privacy_subject_keys",
        "privacy_tombstones",
        "tenant_readers",
        "webhooks",
    }
)
"""Tables of keys, of people's requests, and of what was sent to whom: not for a reader, of whatever tenant."""
_ROLE = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def readable() -> list[str]:
    """Tables that a reader may read the rows of its tenant of, by name."""
    from seeding_platform.storage.schema import metadata

    return sorted(t.name for t in metadata.tables.values() if "tenant" in t.c and t.name not in KEPT_BACK)


def role_of(tenant: str) -> str:
    """What the reader of a tenant is called, where nobody says otherwise.

    >>> role_of("demo-3pl")
    'seeding_reader_demo_3pl'
    """
    return f"{READER}_{re.sub(r'[^a-z0-9]', '_', tenant.lower())}"[:63]


def statements(tenant: str, role: str, *, schema: str = "public") -> list[str]:
    """The SQL that makes a role the reader of one tenant; a repeat changes nothing, another tenant takes the place of the one before.

    Args:
        tenant: whose rows it sees.
        role: the role; made where there is none, without a password.
        schema: where the tables are.

    Raises:
        ConfigError: the role cannot be called so, or no tenant is named.
    """
    if not _ROLE.fullmatch(role) or role == READER or not _ROLE.fullmatch(schema) or not tenant or "\x00" in tenant:
        raise ConfigError("No reader was made.", fix="Name a tenant; a role and a schema are small letters, digits and _, the first no digit.")
    whose = "'" + tenant.replace("'", "''") + "'"
    return [
        _made(READER, "NOLOGIN"),
        _made(role, "LOGIN"),
        f"GRANT USAGE ON SCHEMA {schema} TO {READER}",
        f"GRANT SELECT ON {', '.join(f'{schema}.{name}' for name in readable())} TO {READER}",
        f"GRANT {READER} TO {role}",
        f"INSERT INTO {schema}.tenant_readers (role, tenant) VALUES ('{role}', {whose}) ON CONFLICT (role) DO UPDATE SET tenant = excluded.tenant",  # noqa: S608
    ]


def _made(role: str, how: str) -> str:
    """Make a role where there is none: without rights over others, and never past the policies."""
    exists = f"SELECT FROM pg_roles WHERE rolname = '{role}'"
    return f"DO $$ BEGIN IF NOT EXISTS ({exists}) THEN CREATE ROLE {role} {how} NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS; END IF; END $$"
