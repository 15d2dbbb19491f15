"""What every way to an engine is asked, and what can come of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from seeding_platform.distribution.delivery.parcels import Parcel
    from seeding_platform.storage.delivery.records import Endpoint

TOLD = "told"
"""In place of `full` or `delta` where the other side proves nothing."""


@dataclass(frozen=True, slots=True)
class Came:
    """What the other side said.

    Args:
        state: prepared, active, aborted or recalled.
        proof: that it has the files; empty where there is none to give.
        via: full, delta or told.
        sent: bytes of files that were sent.
        code: status of the answer.
    """

    state: str
    proof: str = ""
    via: str = TOLD
    sent: int = 0
    code: int | None = None


@dataclass(frozen=True, slots=True)
class Holds:
    """What an engine says that it uses.

    Args:
        state: none or active.
        generation: number; None before the first.
        content_id: of the bundle; None before the first.
        took_ms: how long the answer took.
    """

    state: str
    generation: int | None
    content_id: str | None
    took_ms: int


class Trouble(Exception):
    """A try did not come to its end.

    Args:
        error: class of the failure: a word for programs.
        message: for people; without data, paths and secrets.
        final: trying again would give the same.
        answers: the other side is there, and said no.
        code: status of the answer.
        wait_s: seconds that it asked for.
        gone: it is not to be called any more.
        sent: bytes of files that were sent all the same.
    """

    def __init__(
        self,
        error: str,
        message: str,
        *,
        final: bool = False,
        answers: bool = False,
        code: int | None = None,
        wait_s: float = 0.0,
        gone: bool = False,
        sent: int = 0,
    ) -> None:
        super().__init__(f"{error}: {message}")
        self.error, self.message, self.final, self.answers = error, message, final, answers
        self.code, self.wait_s, self.gone, self.sent = code, wait_s, gone, sent


class Adapter(Protocol):
    """A way to an engine. Everything may be asked twice: the second time has no further effect."""

    def close(self) -> None:
        """Nothing more is asked."""
        ...

    def prepare(self, parcel: Parcel) -> Came:
        """Bring the files there; what was in use stays in use."""
        ...

    def activate(self, parcel: Parcel) -> Came:
        """Let it be used."""
        ...

    def abort(self, parcel: Parcel) -> Came:
        """What was prepared is not to be used."""
        ...

    def recall(self, parcel: Parcel, *, reason: str, instead: int | None) -> Came:
        """It must not be used any more, nor kept."""
        ...

    def status(self, endpoint: Endpoint) -> Holds | None:
        """What is in use; None where that cannot be asked."""
        ...
