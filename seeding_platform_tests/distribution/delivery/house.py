"""An installation with receivers, and a worker that is driven by hand."""

import datetime as dt
import itertools
import random

from seeding_platform.distribution.delivery.adapters.folder import FolderCopy
from seeding_platform.distribution.delivery.adapters.http import HttpPush
from seeding_platform.distribution.delivery.adapters.s3 import BucketCopy
from seeding_platform.distribution.delivery.adapters.webhook import WebhookTold
from seeding_platform.distribution.delivery.courier import Courier
from seeding_platform.distribution.delivery.endpoint_keys import keys_of
from seeding_platform.distribution.delivery.publishing import Publisher
from seeding_platform.distribution.delivery.rules import DeliveryRules
from seeding_platform.distribution.delivery.standing import registered
from seeding_platform.distribution.delivery.worker import Worker
from seeding_platform.storage.delivery.records import EndpointKind
from seeding_platform.storage.keyring import Keyring
from seeding_platform.storage.state import State
from seeding_platform_tests.distribution.delivery.receiver import Receiver
from seeding_platform_tests.distribution.test_bundle import build, more_posts

ENGINE = "content_performance_ml"
TENANT = "t1"


class House:
    """One installation."""

    def __init__(self, root, *, url="", rules=None, bucket=None):
        self.root = root
        self.state = State.open(url or f"sqlite:///{root / 'state.db'}")
        self.at = dt.datetime(2026, 11, 27, 6, tzinfo=dt.UTC)
        count = itertools.count(1)
        self.rules = rules or DeliveryRules(call_s=2, soak=dt.timedelta(minutes=10))
        keys = Keyring(bytes(32))
        self.publisher = Publisher(self.state, root / "bundles", keys, lambda: f"{next(count):032x}", self.rules)
        self.told = []
        signing = lambda e: keys_of(e, keys, now=self.now())  # noqa: E731
        adapters = {
            "http": lambda alive: HttpPush(signing, self.now, private=True, seconds=self.rules.call_s, alive=alive),
            "webhook": lambda _: WebhookTold(signing, self.now, private=True, seconds=self.rules.call_s),
            "folder": lambda _: FolderCopy(root / "out"),
            "s3": lambda _: BucketCopy(bucket),
        }
        raising = lambda rule, delivery, evidence: self.told.append((rule, evidence)) if evidence is not None else None  # noqa: E731
        courier = Courier(self.publisher, adapters, random.Random(1), self.now, raising)
        self.worker = Worker(courier, "w1", self.now, raising=lambda rule, made, evidence: self.told.append((rule, evidence)))
        self.receivers = []
        self.ids = itertools.count(1)

    def now(self):
        return self.at

    def later(self, seconds):
        self.at += dt.timedelta(seconds=seconds)

    def receiver(self, engine=ENGINE, **told):
        made = Receiver(clock=self.now)
        made.endpoint, made.secret = self.address(made.url, EndpointKind.HTTP, engine, **told)
        self.receivers.append(made)
        return made

    def address(self, target, kind, engine=ENGINE, **told):
        return registered(
            self.publisher, TENANT, engine, kind=kind, target=target, endpoint_id=f"ep_{next(self.ids)}", actor="test", now=self.now(), private=True,
            **told,
        )  # fmt: skip

    def build(self, number=None, engine=ENGINE):
        return build(self.root / "bundles", engine, **({} if number is None else {"inputs": more_posts(number)}))

    def settle(self, rounds=20):
        """Work until nothing is due."""
        for _ in range(rounds):
            if not self.worker.round():
                return
        raise AssertionError("it never settles")

    def states(self, **asked):
        return {(d.endpoint_id, d.generation, d.task): d.state for d in self.publisher.queue.some(**asked)}

    def newest(self, engine=ENGINE):
        return self.publisher.ledger.newest(TENANT, engine)

    def close(self):
        for receiver in self.receivers:
            receiver.close()
        self.state.close()
