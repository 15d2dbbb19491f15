"""The lists of words that tell what a number is (`words.yaml`), as patterns."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml


@cache
def _lists() -> dict[str, Any]:
    told: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("words.yaml").read_text(encoding="utf-8"))
    return told


def words(name: str) -> re.Pattern[str]:
    """The pattern of any word of a list; it is for texts in lower case."""
    told = _lists()[name]
    return re.compile(rf"(?<![a-zà-ÿ])(?:{'|'.join(told['words'].split())})" + (r"(?![a-zà-ÿ])" if told["whole"] else ""))


@cache
def headers() -> dict[str, re.Pattern[str]]:
    """What names of columns say (`headers.yaml`): `denied` = it is about something else; and a pattern a label."""
    told = yaml.safe_load(Path(__file__).with_name("headers.yaml").read_text(encoding="utf-8"))
    return {name: re.compile(pattern) for name, pattern in told.items()}
