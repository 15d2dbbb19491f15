"""The audit log of an installation with all that belongs to it: one object for whoever records, seals or verifies."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from seeding_platform.governance.audit.seal import Checkpoints, Sealer
from seeding_platform.governance.audit.verify import verify
from seeding_platform.storage.audit import AuditLog
from seeding_platform.storage.keyring import keyring

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from seeding_platform.governance.audit.verify import Verdict
    from seeding_platform.settings import Settings
    from seeding_platform.storage.audit import Event
    from seeding_platform.storage.keyring import Keyring
    from seeding_platform.storage.state import State


class Trail:
    """Who did what, of one installation.

    Args:
        settings: where key and checkpoints lie.
        state: where the events lie.
    """

    def __init__(self, settings: Settings, state: State) -> None:
        self.settings, self.state = settings, state

    @cached_property
    def keys(self) -> Keyring:
        """The keyring of the installation."""
        return keyring(self.settings.state, self.settings.master_key.get_secret_value())

    @cached_property
    def log(self) -> AuditLog:
        """The events."""
        return AuditLog(self.state, self.keys)

    @cached_property
    def checkpoints(self) -> Checkpoints:
        """The file of checkpoints."""
        return Checkpoints(self.settings.checkpoints)

    def record(self, *events: Event) -> int:
        """Write events down; returns the number of the last."""
        return self.log.record(*events)

    def seal(self, *, now: dt.datetime) -> int:
        """Cover what no checkpoint covers yet; returns how many events those were."""
        return Sealer(self.log, self.keys, self.checkpoints).seal(now=now)

    def verify(self, copies: Sequence[str] = ()) -> Verdict:
        """Whether everything is as it was written; `copies` are checkpoints that were kept elsewhere."""
        return verify(self.log, self.keys, self.checkpoints, copies=copies)
