"""Figures of each table over time, and which of them are unlike those before.

`measure` takes the figures of one table as it stands, `judge` compares them with the history, which is itself a table.
"""

from seeding_platform.quality.monitors.judge import MONITORS, history_with, shapes_of, told
from seeding_platform.quality.monitors.measure import measured

__all__ = ["MONITORS", "history_with", "measured", "shapes_of", "told"]
