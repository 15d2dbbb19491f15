"""Moments as the API takes them: written out as ISO 8601 says, never a number that happens to be read as one."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator

_BEGINS = re.compile(r"\d{4}-\d{2}-\d{2}T")


def _written(value: object) -> object:
    if isinstance(value, int | float) or (isinstance(value, str) and not _BEGINS.match(value)):
        raise ValueError("a moment is written YYYY-MM-DDThh:mm:ss, with its zone")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_written)]
"""A moment with its zone; a day alone and seconds since 1970 are refused."""
