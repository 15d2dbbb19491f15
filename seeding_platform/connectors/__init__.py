"""How data comes in: what a source is, how its files are read, how a file becomes one landed batch."""

from seeding_platform.connectors.spec import FileSourceSpec, Notation, TableMapping

__all__ = ["FileSourceSpec", "Notation", "TableMapping"]
