"""The resident worker: finds what moved, claims what is due, delivers it with several threads, and looks after health, groups and the soak.

Several workers may run at once, in one process or many: everything is claimed in the database. One engine's trouble holds up one thread for a call at
most, and no delivery of another.
"""

from __future__ import annotations

import functools
import logging
import threading
import time
from typing import TYPE_CHECKING

from seeding_platform.distribution.delivery.groups import moved_on
from seeding_platform.distribution.delivery.publishing import Reconciler
from seeding_platform.distribution.delivery.soak import soaked
from seeding_platform.storage.delivery.records import EndpointKind

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from seeding_platform.distribution.delivery.courier import Courier
    from seeding_platform.storage.delivery.records import Endpoint, Generation

log = logging.getLogger("seeding.engines")
LOOK_S = 0.1
"""How often pointers are looked at when nothing wakes the worker."""
QUEUE_S = 0.5
"""How often the queue is asked when nothing moved and nothing is known to be due: what another process put there waits so long at most."""
SLOW_S, SOAK_S = 2.0, 10.0
"""How often recalls, groups and health are looked at, and how often what is watched: that asks the most."""
THREADS = 16
STOP_S = 0.9


class Worker:
    """Delivers while it lives.

    Args:
        courier: tries one delivery.
        name: of this worker, unlike any other's.
        now: the clock.
        raising: is told of a rule, a generation and the evidence that people should know of.
        threads: deliveries at once.
    """

    def __init__(
        self,
        courier: Courier,
        name: str,
        now: Callable[[], dt.datetime],
        *,
        raising: Callable[[str, Generation, Mapping[str, object]], None] = lambda *_: None,
        threads: int = THREADS,
    ) -> None:
        self.courier, self.name, self._now, self._raising, self._most = courier, name, now, raising, threads
        self.publisher = courier.publisher
        self.reconciler = Reconciler(self.publisher)
        self._wake, self._ending = threading.Event(), threading.Event()
        self._busy, self._turn, self._asked = 0, threading.Lock(), set[str]()
        self._living = False
        self._thread: threading.Thread | None = None
        self._due: dt.datetime | None = None
        self._tidied: dt.datetime | None = None

    # life

    def start(self) -> None:
        """Begin to deliver."""
        self._living = True
        self._thread = threading.Thread(target=self._live, name="deliveries", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End within a second: what is under way then is taken up again when its lease ends."""
        self._ending.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=STOP_S)

    def wake(self) -> None:
        """Something was published here: look at once."""
        self._wake.set()

    def _live(self) -> None:
        asked = slow = watched = float("-inf")
        woken = True
        while not self._ending.is_set():
            clock = time.monotonic()
            try:
                now = self._now()
                moved = self.reconciler.moved(now=now, broken=_broken)
                if woken or moved or clock - asked >= QUEUE_S or (self._due is not None and self._due <= now):
                    asked = clock
                    self._handed_out(now)
                if clock - slow >= SLOW_S:
                    slow, asked = clock, float("-inf")  # a group may go on now
                    watching = clock - watched >= SOAK_S
                    watched = clock if watching else watched
                    self.slow_round(watching=watching)
            except Exception:  # the next round looks again; a worker that died silently would deliver nothing
                log.exception("a round of the delivery failed")
            woken = self._wake.wait(LOOK_S)
            self._wake.clear()

    # what is done

    def round(self) -> int:
        """Publish what moved and hand out what is due; returns how many deliveries began."""
        now = self._now()
        self.reconciler.moved(now=now, broken=_broken)
        return self._handed_out(now)

    def _handed_out(self, now: dt.datetime) -> int:
        self._due = self.publisher.queue.next_due(now=now)
        if self._due is None or self._due > now:
            return 0
        self.publisher.queue.release(now=now)
        with self._turn:
            free = self._most - self._busy
        begun = 0
        if free > 0:
            for claim in self.publisher.queue.claim(owner=self.name, limit=free, lease=self.publisher.rules.lease, now=now):
                self._given(functools.partial(self.courier.tried, claim))
                begun += 1
        return begun

    def slow_round(self, *, watching: bool = True) -> None:
        """Recalls, groups, how engines are, and where it is time for that what harm new generations do."""
        now = self._now()
        parts: tuple[Callable[[], int], ...] = (
            lambda: self.reconciler.withdrawn(now=now),
            lambda: moved_on(self.publisher, now=now),
            lambda: soaked(self.publisher, now=now, raising=self._raising) if watching else 0,
            lambda: self._looked_around(now),
            lambda: self._forgotten(now),
        )
        for work in parts:
            try:
                work()
            except Exception:  # what follows is somebody else's
                log.exception("a part of the slow round of the delivery failed")

    def _looked_around(self, now: dt.datetime) -> int:
        """Ask the addresses how they are whose time has come."""
        asked = 0
        for endpoint in self.publisher.endpoints.all():
            if not endpoint.enabled or endpoint.kind in (EndpointKind.PULL, EndpointKind.WEBHOOK) or endpoint.endpoint_id in self._asked:
                continue
            if endpoint.asked_at is None or now - endpoint.asked_at >= self.publisher.rules.status_every:
                self._asked.add(endpoint.endpoint_id)
                self._given(functools.partial(self._looked_at, endpoint))
                asked += 1
        return asked

    def _forgotten(self, now: dt.datetime) -> int:
        """Once a day: what nobody asks for any more goes."""
        if self._tidied is not None and now - self._tidied < self.publisher.rules.tidied_every:
            return 0
        self._tidied = now
        return self.publisher.queue.forget(before=now - self.publisher.rules.kept)

    def _looked_at(self, endpoint: Endpoint) -> None:
        try:
            self.courier.looked_at(endpoint)
        finally:
            self._asked.discard(endpoint.endpoint_id)

    def _given(self, work: Callable[[], object]) -> None:
        """Let a thread do it; a worker that was not started does it here, as in a test.

        The threads do not hold up the end of the process: a claim that ends with it is taken up when its lease is over.
        """
        if not self._living:
            work()
            return
        with self._turn:
            self._busy += 1
        threading.Thread(target=self._done, args=(work,), name="delivery", daemon=True).start()

    def _done(self, work: Callable[[], object]) -> None:
        try:
            work()
        except Exception:  # told here: nobody asks for what came of it
            log.exception("a delivery failed within")
        finally:
            with self._turn:
                self._busy -= 1
            self._wake.set()


def _broken(tenant: str, engine: str, error: Exception) -> None:
    log.error("what is in force for engine %s of tenant %s could not be published: %s", engine, tenant, type(error).__name__)
