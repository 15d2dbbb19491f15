"""A publisher that dies at a certain step: run as a process of its own by the tests.

Usage: python -m ... <root> <url> <posts> <step> <what>; `what` is build or rollback.
"""

import datetime as dt
import os
import signal
import sys
from pathlib import Path

from seeding_platform.distribution import bundle as bundles
from seeding_platform.distribution.delivery.publishing import Publisher
from seeding_platform.distribution.delivery.putting_back import rolled_back
from seeding_platform.storage.delivery import ledger
from seeding_platform.storage.keyring import Keyring
from seeding_platform.storage.state import State
from seeding_platform_tests.distribution.test_bundle import build, more_posts

STEPS = ("staged", "put in place", "before the flip", "in the flip", "flipped", "signed", "in the transaction", "before the event", "entered")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dies_before(module: object, name: str) -> None:
    def instead(*_: object, **__: object) -> None:
        die()

    setattr(module, name, instead)


def dies_after(module: object, name: str) -> None:
    real = getattr(module, name)

    def instead(*given: object, **named: object) -> object:
        real(*given, **named)
        die()
        return None

    setattr(module, name, instead)


def arm(step: str) -> None:
    """Let the process die at a step."""
    if step == "staged":
        dies_before(bundles, "_put_in_place")
    elif step == "put in place":
        dies_after(bundles, "_put_in_place")
    elif step == "before the flip":
        dies_before(bundles, "_flip")
    elif step == "in the flip":
        dies_after(bundles, "synced")
        real = bundles._flip

        def flip(folder: Path, pointer: object) -> None:
            bundles.synced = SYNCED
            dies_after(bundles, "synced")
            real(folder, pointer)

        bundles.synced, bundles._flip = SYNCED, flip
    elif step == "flipped":
        dies_after(bundles, "_flip")
    elif step == "signed":
        dies_after(Publisher, "signed")
    elif step == "in the transaction":
        dies_before(ledger, "_ordered")
    elif step == "before the event":
        dies_before(ledger, "tell")
    elif step == "entered":
        dies_after(ledger.Ledger, "enter")
    elif step != "never":
        raise SystemExit(f"no step {step}")


SYNCED = bundles.synced

if __name__ == "__main__":
    root, url, posts, at, what = sys.argv[1:]
    now = dt.datetime(2026, 11, 27, 6, tzinfo=dt.UTC)
    state = State.open(url)
    publisher = Publisher(state, Path(root) / "bundles", Keyring(bytes(32)), lambda: os.urandom(16).hex())
    arm(at)
    if what == "build":
        build(Path(root) / "bundles", inputs=more_posts(int(posts)))
        publisher.published("t1", "content_performance_ml", now=now)
    else:
        rolled_back(publisher, "t1", "content_performance_ml", reason="by hand, before a kill", actor="somebody", now=now)
