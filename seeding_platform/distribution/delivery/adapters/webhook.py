"""An address that is only told: it fetches by itself, and acknowledges as an engine that pulls. Nothing proves that it did."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from seeding_platform.distribution.delivery.adapters.asked import Came, Trouble
from seeding_platform.errors import ConfigError, TransientError
from seeding_platform.exchange.http import Guarded
from seeding_platform.exchange.signing import signed_headers

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence

    from seeding_platform.distribution.delivery.adapters.asked import Holds
    from seeding_platform.distribution.delivery.parcels import Parcel
    from seeding_platform.storage.delivery.records import Endpoint

GONE = 410
LATER = (408, 425, 429)


class WebhookTold:
    """Tells of a release by a signed webhook; the fields are those of `HttpPush`."""

    def __init__(self, signing: Callable[[Endpoint], Sequence[bytes]], now: Callable[[], dt.datetime], *, private: bool, seconds: float) -> None:
        self._signing, self._now, self._private, self._seconds = signing, now, private, seconds

    def close(self) -> None:
        """Nothing is held."""

    def prepare(self, parcel: Parcel) -> Came:
        """Nothing: there are no files to bring."""
        return Came("prepared")

    def activate(self, parcel: Parcel) -> Came:
        """Tell of the release."""
        told = {"release": parcel.release_text, "release_signature": parcel.release_signature}
        return Came("active", code=self._told(parcel, "engine.release", told))

    def abort(self, parcel: Parcel) -> Came:
        """Nothing: it was told of nothing."""
        return Came("aborted")

    def recall(self, parcel: Parcel, *, reason: str, instead: int | None) -> Came:
        """Tell that it must not be used any more."""
        return Came("recalled", code=self._told(parcel, "engine.recalled", {"reason": reason, "instead": instead}))

    def status(self, endpoint: Endpoint) -> Holds | None:
        """Nobody can be asked."""
        return None

    def _told(self, parcel: Parcel, event: str, more: dict[str, Any]) -> int:
        release = parcel.release
        data = {"tenant": release.tenant, "engine": release.engine, "generation": release.generation, "content_id": release.content_id, **more}
        body = json.dumps({"type": event, "timestamp": self._now().isoformat(), "data": data}, ensure_ascii=False).encode()
        headers = signed_headers(self._signing(parcel.endpoint), parcel.delivery.delivery_id, body, now=self._now())
        try:
            answer = Guarded(private=self._private, seconds=self._seconds).post(parcel.endpoint.target, body, headers)
        except ConfigError as error:
            raise Trouble("address-refused", str(error), final=True) from error
        except TransientError as error:
            raise Trouble("unreachable", error.what) from error
        if answer.ok:
            return answer.status
        later = answer.status in LATER or answer.status >= 500 or answer.status < 400
        wait = answer.headers.get("retry-after", "")
        raise Trouble(
            f"http-{answer.status}",
            f"it answered {answer.status}",
            final=not later,
            answers=answer.status < 500,
            code=answer.status,
            wait_s=float(wait) if wait.isdecimal() and len(wait) < 8 else 0.0,
            gone=answer.status == GONE,
        )
