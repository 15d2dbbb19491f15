"""Files that come in over the network: streamed to disk, looked into, landed one after the other by the command line's own job.

An upload is kept before it is acknowledged, so that one that was queued or under way when the service was killed is taken up again.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import os
import queue
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from seeding_platform.connectors.exports import ExportRefused, read_export
from seeding_platform.governance.tenants.quotas import QuotaExceeded, room_for
from seeding_platform.monitoring.events import emit
from seeding_platform.settings import project_root
from seeding_platform.storage.api_state import Ingestion

if TYPE_CHECKING:
    from collections.abc import Callable

    from seeding_platform.service.context import Service

log = logging.getLogger("seeding.service")
CHUNK = 1_000_000
BUSY, BUSY_PAUSE_S, MOST_BUSY = 3, 2.0, 300


def safe_name(name: str) -> str:
    r"""A file name without folders and control characters; never empty.

    >>> safe_name("../../etc/passwd"), safe_name("C:\\\\x\\\\ads (1).csv"), safe_name("..")
    ('passwd', 'ads (1).csv', 'upload')
    """
    last = re.split(r"[/\\]", name)[-1]
    bare = re.sub(r"[^\w .()\[\]+@=,-]", "_", last, flags=re.UNICODE).strip(" .")
    return bare[-150:] or "upload"


class Uploads:
    """Takes files and lands them in the order in which they came.

    Args:
        service: where they are kept.
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self._waiting: queue.Queue[Ingestion | None] = queue.Queue()
        self._worker: threading.Thread | None = None
        self._ending = threading.Event()

    def path(self, ingestion: Ingestion) -> Path:
        """Where the bytes of an upload are."""
        return self.service.settings.state / "uploads" / ingestion.ingestion_id / ingestion.file_name

    def take(self, stream: BinaryIO, name: str, *, tenant: str, actor: str) -> Ingestion:
        """Keep a file and queue it; a file that cannot be trusted is kept as refused, with the reason.

        Raises:
            QuotaExceeded: the tenant has no room for it; nothing was kept.
        """
        ingestion_id = self.service.new_id(12)
        folder = self.service.settings.state / "uploads" / ingestion_id
        folder.mkdir(parents=True)
        file_name, digest, size = safe_name(name), hashlib.sha256(), 0
        with (folder / file_name).open("wb") as kept:
            while chunk := stream.read(CHUNK):
                kept.write(chunk)
                digest.update(chunk)
                size += len(chunk)
            kept.flush()
            os.fsync(kept.fileno())
        made = Ingestion(
            ingestion_id=ingestion_id, tenant=tenant, file_name=file_name, sha256=digest.hexdigest(), bytes=size, status="queued", actor=actor,
            created_at=self.service.now(),
        )  # fmt: skip
        try:
            summary = read_export(folder / file_name).summary()
            room_for(self.service.lake, self.service.tenant_of(tenant), rows=summary["rows"], size=size)
            made = dataclasses.replace(made, summary=json.dumps(summary))
        except QuotaExceeded:
            shutil.rmtree(folder)
            raise
        except ExportRefused as refused:
            told = {"status": "refused", "reason": refused.reason, "how_to_export_again": refused.how_to_export_again}
            shutil.rmtree(folder)
            made = dataclasses.replace(made, status="refused", message=str(refused), summary=json.dumps(told), finished_at=self.service.now())
            return self._ended(self.service.api.record(made))
        self.service.api.record(made)
        self._waiting.put(made)
        return made

    # the worker

    def start(self) -> None:
        """Take up what was left, then wait for more."""
        for status in ("running", "queued"):
            for left in reversed(self.service.api.ingestions(status=status, limit=1000)):
                self._waiting.put(left)
        self._worker = threading.Thread(target=self._work, name="uploads", daemon=True)
        self._worker.start()

    def stop(self) -> None:
        """Finish the one under way and end; the others stay queued."""
        self._ending.set()
        self._waiting.put(None)
        if self._worker is not None:
            self._worker.join(timeout=120)

    def _work(self) -> None:
        while (ingestion := self._waiting.get()) is not None and not self._ending.is_set():
            try:
                self._land(ingestion)
            except Exception:  # the next upload is still landed; this one is taken up again at the next start
                log.exception("upload %s could not be landed", ingestion.ingestion_id)

    def _land(self, ingestion: Ingestion) -> None:
        record, now = self.service.api.record, self.service.now
        running = record(dataclasses.replace(ingestion, status="running", started_at=now()))
        code, said = landed(self.path(running), running.tenant, self.service, ending=self._ending.wait)
        if code == BUSY and self._ending.is_set():
            record(dataclasses.replace(running, status="queued", started_at=None))
            return
        status, message = ("succeeded", "") if code == 0 else ("failed", said)
        self._ended(record(dataclasses.replace(running, status=status, message=message, finished_at=now())))
        if code == 0:
            shutil.rmtree(self.path(running).parent, ignore_errors=True)

    def _ended(self, ingestion: Ingestion) -> Ingestion:
        """Tell webhooks what became of a file; returns it."""
        facts = {"ingestion_id": ingestion.ingestion_id, "status": ingestion.status, "bytes": ingestion.bytes}
        emit(
            self.service.state,
            "ingestion.finished",
            ingestion.tenant,
            facts,
            now=self.service.now(),
            mark=f"{ingestion.ingestion_id}:{ingestion.status}",
        )
        return ingestion


def landed(path: Path, tenant: str, service: Service, *, ending: Callable[[float], bool]) -> tuple[int, str]:
    """Land a file by `seeding export land`, waiting while another run holds the lock; its exit code and last words."""
    for _ in range(MOST_BUSY):
        command = [sys.executable, "-m", "seeding_platform.cli", "export", "land", str(path), "--tenant", tenant]
        done = subprocess.run(
            command, capture_output=True, text=True, env={**service.inherited, **service.settings.as_environment()}, check=False, cwd=project_root()
        )
        if done.returncode != BUSY or ending(BUSY_PAUSE_S):
            break
    said = [line for line in (*done.stderr.splitlines(), *done.stdout.splitlines()) if line.startswith(("Failed", "FAILED", "REFUSED", "Busy"))]
    return done.returncode, " ".join(said)[:2000] or ("" if done.returncode == 0 else "The landing ended without a word; see the run in the web UI.")
