"""Whether a tenant has room for more: what it holds with what is to come, against its quota."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeding_platform.errors import PermanentError
from seeding_platform.governance.tenants.standing import Held, held_in

if TYPE_CHECKING:
    from seeding_platform.storage.lake import Lake
    from seeding_platform.storage.tenants import Tenant


class QuotaExceeded(PermanentError):
    """What is to come in would take a tenant beyond its quota.

    Args:
        what: rows or bytes.
        held: what it holds.
        more: what is to come.
        most: its quota.
    """

    def __init__(self, what: str, held: int, more: int, most: int) -> None:
        super().__init__(
            f"{more:,} more {what} are beyond the quota: {held:,} of {most:,} are held.",
            fix="Ask whoever runs the installation for a larger quota, or have older rows removed.",
        )
        self.counted, self.held, self.more, self.most = what, held, more, most


def room_for(lake: Lake, tenant: Tenant, *, rows: int = 0, size: int = 0) -> None:
    """Nothing, where a tenant has room for more rows and bytes; the lake is read only where it has a quota of them.

    Raises:
        QuotaExceeded: it has not.
    """
    quota = tenant.quota
    if quota.rows is None and quota.bytes is None:
        return
    held = held_in(lake, tenant.tenant).get(tenant.tenant, Held())
    for what, now, more, most in (("rows", held.rows, rows, quota.rows), ("bytes", held.bytes, size, quota.bytes)):
        if most is not None and now + more > most:
            raise QuotaExceeded(what, now, more, most)
