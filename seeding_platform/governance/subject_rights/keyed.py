"""Keys of people as a store: erasing somebody shreds the keys of their values, so that no copy of a table can be read any more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeding_platform.catalog import LANDED
from seeding_platform.governance.encryption import SUBJECT, subject_text
from seeding_platform.governance.protection.policy import encrypted_columns, load_pii_policy
from seeding_platform.storage.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seeding_platform.governance.subject_rights.matcher import Matcher
    from seeding_platform.settings import Settings
    from seeding_platform.storage.subject_keys import SubjectKeys


@dataclass(frozen=True, slots=True)
class KeysStore:
    """The keys of one person, found by their identifiers and by the subjects of the rows that are about them.

    It comes before the tables: once those are rewritten, nothing says any more whose key is whose.
    """

    settings: Settings
    keys: SubjectKeys
    tenant: str
    matcher: Matcher
    name: str = "subject keys"

    def find(self) -> dict[str, int]:
        """How many keys the person has."""
        return {"keys": n} if (n := len(self.residue())) else {}

    def export(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Nothing: a key tells nothing about anybody."""
        yield from ()

    def erase(self) -> dict[str, int]:
        """Shred the keys."""
        gone = self.keys.shred(self.tenant, self._subjects())
        return {"keys": gone} if gone else {}

    def residue(self) -> list[str]:
        """Keys that are still there, by the first letters of whom they are for."""
        return [f"key {s[:12]}" for s, key in sorted(self.keys.opened(self.tenant, self._subjects()).items()) if key is not None]

    def _subjects(self) -> list[str]:
        lake, labels, texts = Lake(self.settings.lake), {"COLUMN", SUBJECT}, set()
        for contract in LANDED.values():
            policy = load_pii_policy(contract, self.settings.policies)
            columns = encrypted_columns(policy)
            labels |= {contract.columns[c].personal or "COLUMN" for c in columns}
            table = f"clean/{contract.name}"
            if columns and policy.subject and lake.exists(table):
                named = [policy.subject, *columns]
                rows = lake.read(table, tenant=self.tenant).select(named).collect()
                about = rows.filter(self.matcher.owns(rows, named))[policy.subject].drop_nulls().unique()
                texts |= {subject_text(str(person), SUBJECT) for person in about.to_list()}
        texts |= {subject_text(i.value, label) for i in self.matcher.identifiers for label in {*labels, i.label}}
        return self.keys.subjects(self.tenant, sorted(texts))
