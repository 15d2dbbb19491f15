"""Who confirmed that somebody is who they say, and how: a short note that stays with the request."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Self

import polars as pl

from seeding_platform.errors import ConfigError
from seeding_platform.governance.pii import redacted

LONGEST = 300


@dataclass(frozen=True, slots=True)
class Identity:
    """What is known about who asks.

    Args:
        verified: whether somebody confirmed it.
        by: who did; else who answers for it that nobody did.
        how: in a few words, such as `answered from the address on file`; personal data in it is redacted.
    """

    verified: bool
    by: str
    how: str = ""

    @classmethod
    def confirmed(cls, by: str, how: str) -> Self:
        """Somebody confirmed it.

        Raises:
            ConfigError: it is not said how.
        """
        if not how.strip() or not by.strip():
            raise ConfigError(
                "It is not said how the identity was confirmed.", fix="Say it in a few words, such as `called back on the known number`."
            )
        plain = redacted(pl.Series([by.strip()[:LONGEST], how.strip()[:LONGEST]]))
        return cls(True, plain[0], plain[1])

    @classmethod
    def not_verified(cls, actor: str) -> Self:
        """Nobody confirmed it: the actor answers for that."""
        return cls(False, actor)

    def text(self) -> str:
        """As it is kept."""
        return json.dumps(self.told(), ensure_ascii=False)

    def told(self) -> dict[str, str]:
        """For people and certificates."""
        return {"state": "verified", "by": self.by, "how": self.how} if self.verified else {"state": "not_verified", "responsible": self.by}
