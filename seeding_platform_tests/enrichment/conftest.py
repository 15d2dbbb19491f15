"""Every test of enrichment that takes `database_url` runs on SQLite and on PostgreSQL."""

from seeding_platform_tests.peers import database_url, postgres_folder

__all__ = ["database_url", "postgres_folder"]
