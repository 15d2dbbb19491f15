"""From raw text to rows that keep their contract, with every row accounted for and every changed cell on record."""

from seeding_platform.cleaning.clean import CleaningResult, clean
from seeding_platform.cleaning.policy import CleaningPolicy

__all__ = ["CleaningPolicy", "CleaningResult", "clean"]
