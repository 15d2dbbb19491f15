"""Every test of the state database that takes `database_url` runs on SQLite and on PostgreSQL."""

from seeding_platform_tests.peers import database_url, postgres_folder, postgres_template

__all__ = ["database_url", "postgres_folder", "postgres_template"]
