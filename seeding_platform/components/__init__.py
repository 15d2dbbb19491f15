"""Dagster component types: what a user declares in a YAML file."""

from seeding_platform.components.engine import EngineComponent
from seeding_platform.components.source import FileSource

__all__ = ["EngineComponent", "FileSource"]
