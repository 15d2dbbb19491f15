"""Training frames of the shipped models: rows as they were known at one moment, and what became of them.

Point in time: no figure enters a row's features that was measured after the row's own moment. Rows without a target yet are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeding_platform.errors import ConfigError
from seeding_platform.models.frames.churn import churn_frame
from seeding_platform.models.frames.content_performance import content_performance_frame
from seeding_platform.models.frames.cross_platform import cross_platform_frame
from seeding_platform.models.frames.engagement_prediction import engagement_prediction_frame
from seeding_platform.models.frames.exception_classification import exception_classification_frame
from seeding_platform.models.frames.hashtag_effectiveness import hashtag_effectiveness_frame
from seeding_platform.models.frames.navigation_next import navigation_next_frame
from seeding_platform.models.frames.roi import roi_frame
from seeding_platform.models.frames.segmentation import segmentation_frame
from seeding_platform.models.frames.sentiment_analysis import sentiment_analysis_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import polars as pl

    from seeding_platform.models.spec import ModelSpec

FRAMES: dict[str, Callable[[Mapping[str, pl.LazyFrame]], pl.DataFrame]] = {
    "churn": churn_frame,
    "content_performance": content_performance_frame,
    "cross_platform": cross_platform_frame,
    "engagement_prediction": engagement_prediction_frame,
    "exception_classification": exception_classification_frame,
    "hashtag_effectiveness": hashtag_effectiveness_frame,
    "navigation_next": navigation_next_frame,
    "roi": roi_frame,
    "segmentation": segmentation_frame,
    "sentiment_analysis": sentiment_analysis_frame,
}
"""What makes the frame of each model, from the quality tables of one tenant by contract."""


def frame_of(spec: ModelSpec, tables: Mapping[str, pl.LazyFrame]) -> pl.DataFrame:
    """The training frame of a shipped model; the second variant of one has the same.

    Args:
        spec: the model; its name says which frame.
        tables: quality tables of one tenant by contract name, at least the specification's inputs.

    Raises:
        ConfigError: no frame is known by that name, or a table is missing.
    """
    build = FRAMES.get(spec.name) or FRAMES.get(spec.name.removesuffix("_early"))
    if build is None:
        raise ConfigError(f"{spec.name} has no frame.", fix=f"Shipped models are {', '.join(FRAMES)}; write one as docs/extending.md says.")
    missing = [name for name in spec.inputs if name not in tables]
    if missing:
        raise ConfigError(f"{spec.name} needs the table {missing[0]}.", fix=f"Give it {', '.join(spec.inputs)}.")
    return build(tables)
