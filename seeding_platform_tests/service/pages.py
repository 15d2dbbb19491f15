"""A person at the pages: signed in with a role, sending forms as a browser does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx


class Pages:
    """Pages of a service for one key.

    Args:
        client: the service's test client.
        role: what the key may do.
        tenant: whose data it sees.
    """

    def __init__(self, client: Any, role: str = "steward", tenant: str = "default") -> None:
        self.client = client
        key = client.key(role, tenant)["Authorization"].removeprefix("Bearer ")
        signed = client.post("/en/sign-in", data={"key": key}, follow_redirects=False)
        assert signed.status_code == 303

    def get(self, url: str, *, status: int = 200) -> str:
        """A page that is there."""
        answer = self.client.get(url, follow_redirects=False)
        assert answer.status_code == status, answer.text[:400]
        return str(answer.text)

    @property
    def mark(self) -> str:
        """What a form of ours bears."""
        found = re.search(r'name="csrf" content="([0-9a-f]+)"', self.get("/en/upload"))
        assert found is not None
        return found[1]

    def send(self, url: str, **fields: Any) -> httpx.Response:
        """Send a form; where it leads is not followed."""
        answer: httpx.Response = self.client.post(url, data={"csrf": self.mark, **fields}, follow_redirects=False)
        return answer
