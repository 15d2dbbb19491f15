"""What a room asks of another that lies further right, as protocols; an edge puts the two together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


class StoreEraser(Protocol):
    """One place where a person's data may stand."""

    @property
    def name(self) -> str:
        """Names it on receipts."""

    def find(self) -> dict[str, int]:
        """Where the person stands, and in how many rows or files."""

    def export(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Data set and row, for everything that can be told apart by rows."""

    def erase(self) -> dict[str, int]:
        """Replace or remove it; what was changed. A repeat changes nothing."""

    def residue(self) -> list[str]:
        """Where it still stands, in any form; nothing when it is gone."""


class TableRestorer(Protocol):
    """Whoever puts an old version of a table in force again."""

    def restore(self, table: str, version: int, *, actor: str, tenant: str, reason: str) -> int:
        """Put a version in force, on record with its reason, so that what lies below follows; the number that it has now.

        Raises:
            PermanentError: it holds what is in force already, it is not there any more, or no reason is given.
            BusyError: something else writes at the moment.
        """


class TrainedVersion(Protocol):
    """One version of a model."""

    @property
    def name(self) -> str:
        """The registered name."""

    @property
    def version(self) -> str:
        """Its number."""

    @property
    def inputs(self) -> Mapping[str, int]:
        """Version of each quality table that it was trained on."""

    @property
    def tags(self) -> Mapping[str, str]:
        """What stands with it."""


class ModelTags(Protocol):
    """What governance asks of the registry of models."""

    def trained(self, tenant: str) -> Sequence[TrainedVersion]:
        """Every version of a tenant's models."""

    def tag(self, name: str, version: str, tags: Mapping[str, str]) -> None:
        """Write tags on a version; a repeat changes nothing."""


class ModelRetirer(Protocol):
    """What the removal of a tenant asks of the registry of models."""

    def retire(self, tenant: str, tags: Mapping[str, str]) -> list[str]:
        """Take every version of a tenant's models out of use, its artefacts deleted; a repeat changes nothing."""

    def usable(self, tenant: str) -> list[str]:
        """Versions that may still serve, or of which artefacts are left."""
