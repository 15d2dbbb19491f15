"""One try of one delivery: what is asked of the other side, whether its proof fits, and how the try ends."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import logging
import threading
import time
from typing import TYPE_CHECKING

from seeding_platform.distribution.delivery.adapters.asked import TOLD, Trouble
from seeding_platform.distribution.delivery.parcels import Proofs, parcel_of
from seeding_platform.distribution.manifest import BundleInvalid
from seeding_platform.storage.delivery.groups import Groups
from seeding_platform.storage.delivery.queue import LeaseLost
from seeding_platform.storage.delivery.records import DeliveryState, GenerationState, Step, Task, Trace

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

    from seeding_platform.distribution.delivery.adapters.asked import Adapter, Came
    from seeding_platform.distribution.delivery.parcels import Parcel
    from seeding_platform.distribution.delivery.publishing import Publisher
    from seeding_platform.storage.delivery.records import Delivery, Endpoint, Generation

    Adapters = Mapping[str, Callable[[Callable[[], None]], Adapter]]
    """By kind of address: makes one that calls what it is given between its calls."""

log = logging.getLogger("seeding.engines")
UNDELIVERED, LIED = "engine.undelivered", "engine.lied"
WAITS_FOR_FILES = "not-prepared"
HELD = dt.timedelta(seconds=5)
"""How long what is sent is held; a key that is revoked meanwhile is seen after that."""


class Courier:
    """Tries deliveries; may be shared by threads.

    Args:
        publisher: ledger, queue, rules.
        adapters: ways to an engine.
        rng: spreads tries.
        now: the clock.
        raising: is told of a rule, a delivery and the evidence that people should know of; None evidence: it is over.
    """

    def __init__(
        self,
        publisher: Publisher,
        adapters: Adapters,
        rng: random.Random,
        now: Callable[[], dt.datetime],
        raising: Callable[[str, Delivery, Mapping[str, object] | None], None] = lambda *_: None,
    ) -> None:
        self.publisher, self._adapters, self._rng, self._now, self._raising = publisher, adapters, rng, now, raising
        self.proofs = Proofs()
        self._turn, self._packing = threading.Lock(), threading.Lock()
        self._parcels: dict[tuple[str, str, int], tuple[dt.datetime, Parcel]] = {}

    def tried(self, claim: Delivery) -> Delivery | None:
        """Try a claimed delivery to its end; None where the claim was lost meanwhile."""
        began, queue = time.monotonic(), self.publisher.queue

        def trace(error: str = "", message: str = "", code: int | None = None, sent: int = 0) -> Trace:
            return Trace(error, message, code, round(1000 * (time.monotonic() - began)), sent)

        try:
            endpoint = self.publisher.endpoints.one(claim.endpoint_id)
            made = self.publisher.ledger.one(claim.tenant, claim.engine, claim.generation)
            if endpoint is None or made is None:
                return queue.failed(claim, trace("gone", "the address was taken away"), again_at=None, now=self._now(), answers=True)
            try:
                done = self._carried(claim, endpoint, made, trace)
            except Trouble as trouble:
                done = self._failed(claim, endpoint, trouble, trace)
            except (FileNotFoundError, BundleInvalid):
                done = self._failed(claim, endpoint, Trouble("bundle-gone", "the bundle is not there any more", final=True, answers=True), trace)
            except LeaseLost:
                raise
            except Exception as error:  # told with its kind only, and tried again: a fault of ours holds up this delivery, no other
                log.exception("delivery %s failed within", claim.delivery_id)
                done = self._failed(claim, endpoint, Trouble("internal", type(error).__name__), trace)
        except LeaseLost:
            log.warning("delivery %s was taken over by another worker", claim.delivery_id)
            return None
        return done

    def _carried(self, claim: Delivery, endpoint: Endpoint, made: Generation, trace: Callable[..., Trace]) -> Delivery:
        """Ask what is next of the other side."""
        alive = self._keeping(claim)
        with contextlib.closing(self._adapters[endpoint.kind](alive)) as adapter:
            return self._gone_through(claim, endpoint, made, trace, adapter, alive)

    def _gone_through(
        self, claim: Delivery, endpoint: Endpoint, made: Generation, trace: Callable[..., Trace], adapter: Adapter, alive: Callable[[], None]
    ) -> Delivery:
        queue = self.publisher.queue
        if claim.task == Task.RECALL:
            newest = self.publisher.ledger.newest(claim.tenant, claim.engine)
            fresh = newest is not None and newest.generation > claim.generation and newest.state != GenerationState.RECALLED
            over = adapter.recall(self._shell(claim, endpoint, made), reason=made.note, instead=newest.generation if fresh and newest else None)
            return queue.acknowledged(claim, trace(code=over.code), via=TOLD, now=self._now())
        if made.state == GenerationState.RECALLED:
            raise Trouble("recalled", "the bundle was recalled", final=True, answers=True)
        if claim.step == Step.ABORT:
            over = adapter.abort(self._shell(claim, endpoint, made))
            return queue.aborted(claim, trace(code=over.code), now=self._now())
        parcel = self._parcel(claim, endpoint, made)
        sent = 0
        came: Came | None = None
        if claim.step == Step.PREPARE:
            came = self._proved(adapter.prepare(parcel), parcel)
            sent = came.sent
            if made.group_id is not None and came.state != "active" and not self._may_go_on(made):
                return self._waiting(queue.prepared(claim, trace(code=came.code, sent=sent), via=came.via, now=self._now()), made)
        if came is None or came.state != "active":
            alive()
            came, more = self._activated(adapter, parcel)
            sent += more
        done = queue.acknowledged(claim, trace(code=came.code, sent=sent), via=came.via, now=self._now())
        if done.state == DeliveryState.ACKNOWLEDGED:
            self._raising(UNDELIVERED, done, None)
        return done

    def _may_go_on(self, made: Generation) -> bool:
        decision = Groups(self.publisher.state).decision(made)
        return decision is not None and decision.go

    def _waiting(self, done: Delivery, made: Generation) -> Delivery:
        """One that is prepared; what was decided about its group while it was at that holds for it, too."""
        decision = Groups(self.publisher.state).decision(made)
        if done.state == DeliveryState.PREPARED and decision is not None:
            step = Step.ACTIVATE if decision.go else Step.ABORT
            self.publisher.queue.step([done], step, seen=(DeliveryState.PREPARED,), now=self._now())
        return done

    def _keeping(self, claim: Delivery) -> Callable[[], None]:
        """Keeps a claim while work goes on: it is renewed once a third of its lease is over; before that nobody else can have it."""
        lease, last = self.publisher.rules.lease, self._now()

        def alive() -> None:
            nonlocal last
            now = self._now()
            if now - last >= lease / 3:
                self.publisher.queue.renew(claim, lease=lease, now=now)
                last = now

        return alive

    def _parcel(self, claim: Delivery, endpoint: Endpoint, made: Generation) -> Parcel:
        """What is sent; read once for all addresses that are delivered to within seconds of each other."""
        now, key = self._now(), (claim.tenant, claim.engine, claim.generation)
        with self._packing:
            read_at, parcel = self._parcels.get(key, (None, None))
            if parcel is None or read_at is None or not dt.timedelta(0) <= now - read_at < HELD:
                parcel = parcel_of(self.publisher, claim, endpoint, made, now=now)
                self._parcels = {k: v for k, v in self._parcels.items() if now - v[0] < HELD} | {key: (now, parcel)}
        return dataclasses.replace(parcel, delivery=claim, endpoint=endpoint)

    def _activated(self, adapter: Adapter, parcel: Parcel) -> tuple[Came, int]:
        """Let it be used; one that has lost the files in the meantime is sent them again."""
        try:
            return self._proved(adapter.activate(parcel), parcel), 0
        except Trouble as trouble:
            if trouble.error != WAITS_FOR_FILES:
                raise
        came = self._proved(adapter.prepare(parcel), parcel)
        return (came if came.state == "active" else self._proved(adapter.activate(parcel), parcel)), came.sent

    def _proved(self, came: Came, parcel: Parcel) -> Came:
        """What came, where its proof fits.

        Raises:
            Trouble: it does not.
        """
        if came.via == TOLD:
            return came
        if not self.fits(parcel, came.proof, came.via):
            raise Trouble("proof-does-not-fit", "its proof is not that of these files", final=True, answers=True, code=came.code, sent=came.sent)
        return came

    def fits(self, parcel: Parcel, proof: str, via: str) -> bool:
        """Whether a proof is that of a bundle's files."""
        parts = {"full": parcel.files, "delta": parcel.delta}.get(via)
        if not parts:
            return False
        with self._turn:
            return proof == self.proofs.expected(parcel.folder, parcel.release.nonce, parts, via)

    def refused(self, dead: Delivery) -> None:
        """An engine that pulls cannot use what it was given: people are told."""
        self._raising(UNDELIVERED, dead, {"generation": dead.generation, "attempts": dead.attempts, "code": None, "why": dead.error})

    def _failed(self, claim: Delivery, endpoint: Endpoint, trouble: Trouble, trace: Callable[..., Trace]) -> Delivery:
        """How a try ends that came to no good end."""
        now, rules = self._now(), self.publisher.rules
        final = trouble.final or now - claim.opened_at > rules.most_age
        with self._turn:
            pause = rules.pause(claim.attempts, self._rng, at_least=trouble.wait_s)
        told = trace(trouble.error, trouble.message, trouble.code, trouble.sent)
        done = self.publisher.queue.failed(claim, told, again_at=None if final else now + pause, now=now, answers=trouble.answers)
        if trouble.gone:
            self.publisher.endpoints.adjust(endpoint.endpoint_id, disabled_at=now, disabled_why="gone")
        if done.state == DeliveryState.DEAD:
            evidence = {"generation": claim.generation, "attempts": claim.attempts, "code": trouble.code, "why": trouble.error}
            self._raising(UNDELIVERED, done, evidence)
        return done

    def _shell(self, claim: Delivery, endpoint: Endpoint, made: Generation) -> Parcel:
        """A parcel without files, for what is asked of a bundle that may be gone."""
        from seeding_platform.distribution.bundle import engine_folder
        from seeding_platform.distribution.delivery.parcels import Parcel
        from seeding_platform.distribution.release import read_release

        folder = engine_folder(self.publisher.root, claim.tenant, claim.engine)
        return Parcel(claim, endpoint, read_release(made.release.encode()), made.release, {}, "", {}, folder, (), (), 0)

    # how engines are

    def looked_at(self, endpoint: Endpoint) -> str:
        """Ask an address how it is, and whether it holds what it said; returns up, slow, down, lied, or nothing where it cannot be asked."""
        now, rules, publisher = self._now(), self.publisher.rules, self.publisher
        publisher.endpoints.adjust(endpoint.endpoint_id, asked_at=now)
        last = next(
            iter(publisher.queue.some(endpoint_id=endpoint.endpoint_id, task=Task.DELIVER, states=[DeliveryState.ACKNOWLEDGED], limit=1)), None
        )
        try:
            with contextlib.closing(self._adapters[endpoint.kind](lambda: None)) as adapter:
                holds = adapter.status(endpoint)
        except Trouble as trouble:
            verdict = "down" if not trouble.answers else "slow"
            publisher.health.count(endpoint.tenant, endpoint.engine, endpoint.endpoint_id, verdict, now=now)
            return verdict
        if holds is None:
            return ""
        verdict = "slow" if holds.took_ms > rules.slow_ms else "up"
        publisher.health.count(endpoint.tenant, endpoint.engine, endpoint.endpoint_id, verdict, now=now)
        publisher.endpoints.adjust(endpoint.endpoint_id, seen_at=now)
        if last is not None and self._untrue(last, holds.generation, holds.content_id):
            trace = Trace("lied", f"it says that it uses generation {holds.generation}", None, holds.took_ms)
            if publisher.queue.lied(last, trace, now=now):
                self._raising(LIED, dataclasses.replace(last, state=DeliveryState.DEAD), {"generation": last.generation, "says": holds.generation})
            return "lied"
        return verdict

    def _untrue(self, last: Delivery, generation: int | None, content_id: str | None) -> bool:
        """Whether an engine uses something older than what it acknowledged, and nothing took that away."""
        made = self.publisher.ledger.one(last.tenant, last.engine, last.generation)
        if made is None or made.state == GenerationState.RECALLED:
            return False
        return generation is None or generation < last.generation or (generation == last.generation and content_id != last.content_id)
