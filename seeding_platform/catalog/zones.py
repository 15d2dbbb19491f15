"""Time zones as settings name them."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field


def _known(zone: str) -> str:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{zone!r} is no IANA time zone, such as Europe/Amsterdam") from error
    return zone


Zone = Annotated[str, Field(max_length=60), AfterValidator(_known)]
"""The name of an IANA time zone that there is."""
