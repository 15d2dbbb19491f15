"""Who listens to the log of engines here: one thread reads it for all of them, and whoever does not keep up is cut off."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from seeding_platform.storage.delivery.events import EngineEvents
    from seeding_platform.storage.delivery.records import EngineEvent

log = logging.getLogger("seeding.service")
LOOK_S = 0.1
"""How often the log is looked at while somebody listens and nobody wakes the thread."""
MOST_WAITING = 100
"""Events that wait for one listener."""
MOST_LISTENERS = 500


class Listener:
    """One who listens.

    Args:
        tenant: whose events.
        engines: which engines'.
    """

    def __init__(self, tenant: str, engines: Collection[str]) -> None:
        self.tenant, self.engines = tenant, frozenset(engines)
        self.cut = False
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Queue[EngineEvent] = asyncio.Queue(MOST_WAITING)

    async def next(self, seconds: float) -> EngineEvent | None:
        """The next event; None when none came in time."""
        try:
            return await asyncio.wait_for(self._waiting.get(), seconds)
        except TimeoutError:
            return None

    def wants(self, event: EngineEvent) -> bool:
        """Whether an event is for it."""
        return event.tenant == self.tenant and event.engine in self.engines

    def offer(self, event: EngineEvent) -> None:
        """Called by the reading thread."""
        try:
            self._loop.call_soon_threadsafe(self._put, event)
        except RuntimeError:  # its loop has ended, and so has it
            self.cut = True

    def _put(self, event: EngineEvent) -> None:
        try:
            self._waiting.put_nowait(event)
        except asyncio.QueueFull:
            self.cut = True


class Bulletin:
    """Reads the log for those who listen.

    Args:
        events: the log.
    """

    def __init__(self, events: EngineEvents) -> None:
        self.events = events
        self._listeners: set[Listener] = set()
        self._lock, self._wake, self._ending = threading.Lock(), threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def join(self, listener: Listener) -> bool:
        """Begin to offer it what is new; false where too many listen."""
        with self._lock:
            if len(self._listeners) >= MOST_LISTENERS or self._ending.is_set():
                return False
            self._listeners.add(listener)
            if self._thread is None:
                newest = self.events.span()[1]
                self._thread = threading.Thread(target=self._read, args=(newest,), name="bulletin", daemon=True)
                self._thread.start()
        return True

    def leave(self, listener: Listener) -> None:
        """It does not listen any more."""
        with self._lock:
            self._listeners.discard(listener)

    def wake(self) -> None:
        """Something was told here: look at once."""
        self._wake.set()

    def close(self) -> None:
        """End, and let everybody go."""
        self._ending.set()
        self._wake.set()
        with self._lock:
            for listener in self._listeners:
                listener.cut = True
        if self._thread is not None:
            self._thread.join(timeout=1)

    @property
    def closing(self) -> bool:
        """Whether it has ended."""
        return self._ending.is_set()

    def _read(self, seq: int) -> None:
        while not self._ending.is_set():
            try:
                for event in self.events.after(seq):
                    seq = event.seq
                    with self._lock:
                        wanting = [one for one in self._listeners if one.wants(event)]
                    for listener in wanting:
                        listener.offer(event)
            except Exception:  # the next look tries again; a thread that died silently would tell nobody anything
                log.exception("the log of engines could not be read")
            self._wake.wait(LOOK_S)
            self._wake.clear()
            with self._lock:
                if not self._listeners and not self._ending.is_set():
                    self._thread = None
                    return
