"""Which model: one name in one environment of one tenant, and what it is called in the registry."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeding_platform.errors import ConfigError

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Table

PRODUCTION = "prod"
ENVIRONMENTS = ("dev", "staging", PRODUCTION)
_MODEL = re.compile(r"[a-z][a-z0-9_]{0,59}")


@dataclass(frozen=True, slots=True, order=True)
class Whose:
    """One model of one tenant in one environment.

    Args:
        tenant: whose it is.
        model: name of its specification.
        environment: dev, staging or prod.

    Raises:
        ConfigError: the name or the environment is none.
    """

    tenant: str
    model: str
    environment: str = PRODUCTION

    def __post_init__(self) -> None:
        if self.environment not in ENVIRONMENTS:
            raise ConfigError(f"There is no environment {self.environment!r}.", fix=f"Take one of {', '.join(ENVIRONMENTS)}.")
        if not _MODEL.fullmatch(self.model):
            raise ConfigError(f"{self.model!r} is no name of a model.", fix="Names are small letters, digits and _.")

    @property
    def registered(self) -> str:
        """What the registry calls it: `<tenant>.<model>`, with the environment before it where that is not production.

        >>> Whose("demo", "churn").registered, Whose("demo", "churn", "staging").registered
        ('demo.churn', 'staging~demo.churn')
        """
        name = f"{self.tenant}.{self.model}"
        return name if self.environment == PRODUCTION else f"{self.environment}~{name}"

    @classmethod
    def of(cls, registered: str) -> Whose:
        """The model that a name in the registry stands for.

        >>> Whose.of("staging~demo.churn")
        Whose(tenant='demo', model='churn', environment='staging')
        """
        environment, mark, name = registered.partition("~")
        tenant, _, model = (name if mark else registered).rpartition(".")
        return cls(tenant, model, environment if mark else PRODUCTION)

    def values(self) -> dict[str, Any]:
        """The columns of its key."""
        return {"tenant": self.tenant, "environment": self.environment, "model": self.model}

    def at(self, table: Table) -> ColumnElement[bool]:
        """The rows of it in a table."""
        import sqlalchemy as sa

        return sa.and_(table.c.tenant == self.tenant, table.c.environment == self.environment, table.c.model == self.model)
