"""A worker that dies at a certain step: run as a process of its own by the tests.

Usage: python -m ... <root> <url> <step>. A step is `claimed`, `before <n>` or `after <n>` (the n-th call to the other side), `within <n>` (that call
is a file, half of which is sent), `written` or `never`.
"""

import datetime as dt
import os
import random
import signal
import sys
from pathlib import Path

from seeding_platform.distribution.delivery.adapters import http
from seeding_platform.distribution.delivery.adapters.http import HttpPush
from seeding_platform.distribution.delivery.courier import Courier
from seeding_platform.distribution.delivery.endpoint_keys import keys_of
from seeding_platform.distribution.delivery.publishing import Publisher
from seeding_platform.distribution.delivery.worker import Worker
from seeding_platform.storage.delivery.queue import Queue
from seeding_platform.storage.keyring import Keyring
from seeding_platform.storage.state import State


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Half:
    """A file of which half is read, and then the process is no more."""

    def __init__(self, body, size: int) -> None:
        self.body, self.left = body, size // 2

    def read(self, number: int = -1) -> bytes:
        if self.left <= 0:
            die()
        piece = self.body.read(min(self.left, number if number > 0 else self.left))
        self.left -= len(piece)
        return piece


def arm(step: str) -> None:
    """Let the process die at a step."""
    when, _, number = step.partition(" ")
    if when == "claimed":
        real_claim = Queue.claim

        def claim(self, **how):
            if real_claim(self, **how):
                die()
            return []

        Queue.claim = claim
    elif when == "written":
        real_ended = Queue.acknowledged

        def acknowledged(self, *given, **how):
            real_ended(self, *given, **how)
            die()

        Queue.acknowledged = acknowledged
    elif when != "never":
        real, count = http.HttpPush._asked, iter(range(1, 1000))

        def asked(self, endpoint, method, path, body, *rest, **how):
            mine = next(count) == int(number)
            if mine and when == "before":
                die()
            if mine and when == "within":
                body = Half(body, os.fstat(body.fileno()).st_size)
            answer = real(self, endpoint, method, path, body, *rest, **how)
            if mine and when == "after":
                die()
            return answer

        http.HttpPush._asked = asked


if __name__ == "__main__":
    root, url, at = sys.argv[1:]
    now = lambda: dt.datetime(2026, 11, 27, 6, tzinfo=dt.UTC)  # noqa: E731
    keys = Keyring(bytes(32))
    state = State.open(url)
    publisher = Publisher(state, Path(root) / "bundles", keys, lambda: os.urandom(16).hex())
    adapters = {"http": lambda alive: HttpPush(lambda e: keys_of(e, keys, now=now()), now, private=True, seconds=10, alive=alive)}
    arm(at)
    worker = Worker(Courier(publisher, adapters, random.Random(1), now), "doomed", now)
    while worker.round():
        pass
