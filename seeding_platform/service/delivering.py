"""The delivery to engines within the service: the resident worker, put together from settings, and those who listen."""

from __future__ import annotations

import random
from functools import cached_property
from typing import TYPE_CHECKING

from seeding_platform.distribution.delivery.adapters.folder import FolderCopy
from seeding_platform.distribution.delivery.adapters.http import HttpPush
from seeding_platform.distribution.delivery.adapters.s3 import BucketCopy, s3_system
from seeding_platform.distribution.delivery.adapters.webhook import WebhookTold
from seeding_platform.distribution.delivery.courier import UNDELIVERED, Courier
from seeding_platform.distribution.delivery.endpoint_keys import keys_of
from seeding_platform.distribution.delivery.publishing import Publisher
from seeding_platform.distribution.delivery.rules import rules_of
from seeding_platform.distribution.delivery.worker import Worker
from seeding_platform.monitoring.alert import Alert
from seeding_platform.service.bulletin import Bulletin
from seeding_platform.storage.delivery.records import DeliveryState, EndpointKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from seeding_platform.distribution.delivery.adapters.asked import Adapter
    from seeding_platform.service.context import Service
    from seeding_platform.storage.delivery.records import Delivery, Endpoint, Generation

NONCE_BYTES = 16


class Delivering:
    """What the service has of the delivery.

    Args:
        service: whose settings, database, clock and alerts.
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self._worker: Worker | None = None

    @cached_property
    def publisher(self) -> Publisher:
        """Ledger, queue and rules."""
        service = self.service
        return Publisher(service.state, service.settings.bundles, service.trail.keys, lambda: service.new_id(NONCE_BYTES), rules_of(service.settings))

    @cached_property
    def courier(self) -> Courier:
        """Tries deliveries, and knows the proofs that are expected."""
        chance = random.Random(self.service.new_id(8))  # noqa: S311  it spreads retries
        return Courier(self.publisher, self._adapters(), chance, self.service.now, self._raised)

    @cached_property
    def bulletin(self) -> Bulletin:
        """Those who listen."""
        return Bulletin(self.publisher.events)

    def content_of(self, tenant: str, engine: str, generation: int) -> str | None:
        """The content that a generation let out; None where it is not written down."""
        made = self.publisher.ledger.one(tenant, engine, generation)
        return None if made is None else made.content_id

    def start(self) -> None:
        """Begin to deliver."""
        service = self.service
        self._worker = Worker(self.courier, f"service-{service.new_id(4)}", service.now, raising=self._judged)
        self._worker.start()

    def stop(self) -> None:
        """End within a second."""
        self.bulletin.close()
        if self._worker is not None:
            self._worker.stop()

    def wake(self) -> None:
        """Something was published, or is to be sent, by this process: look at once."""
        self.bulletin.wake()
        if self._worker is not None:
            self._worker.wake()

    def _adapters(self) -> Mapping[str, Callable[[Callable[[], None]], Adapter]]:
        settings, now, seconds = self.service.settings, self.service.now, self.publisher.rules.call_s
        private = settings.private_addresses

        def signing(endpoint: Endpoint) -> Sequence[bytes]:
            return keys_of(endpoint, self.publisher.keys, now=now())

        return {
            EndpointKind.HTTP: lambda alive: HttpPush(signing, now, private=private, seconds=seconds, alive=alive),
            EndpointKind.WEBHOOK: lambda _: WebhookTold(signing, now, private=private, seconds=seconds),
            EndpointKind.FOLDER: lambda _: FolderCopy(settings.engine_folders),
            EndpointKind.S3: lambda _: BucketCopy(lambda: s3_system(settings.engine_bucket_url, seconds=seconds)),
        }

    def _raised(self, rule: str, delivery: Delivery, evidence: Mapping[str, object] | None) -> None:
        """Raise an alert about an address, or let it end where what was dead is behind us."""
        subject, now = f"engine/{delivery.engine}/{delivery.endpoint_id}", self.service.now()
        if evidence is not None:
            self.service.desk.raise_(Alert(rule=rule, tenant=delivery.tenant, subject=subject, evidence=evidence), now=now)
        elif rule == UNDELIVERED:
            dead = self.publisher.queue.some(endpoint_id=delivery.endpoint_id, states=[DeliveryState.DEAD], limit=1)
            if dead or delivery.fence > 1:  # else nothing was raised, and every delivery would write for nothing
                self.service.desk.clear(rule, delivery.tenant, subject, now=now)

    def _judged(self, rule: str, made: Generation, evidence: Mapping[str, object]) -> None:
        alert = Alert(rule=rule, tenant=made.tenant, subject=f"engine/{made.engine}/{made.generation}", evidence=evidence)
        self.service.desk.raise_(alert, now=self.service.now())
