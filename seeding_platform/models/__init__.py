"""Models that say how good they are: specifications, features known at prediction time, training, evaluation, registry."""

from seeding_platform.models.spec import ModelSpec, load_spec, shipped_spec

__all__ = ["ModelSpec", "load_spec", "shipped_spec"]
