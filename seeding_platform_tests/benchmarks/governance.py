"""What governance costs: `python -m seeding_platform_tests.benchmarks.governance [--posts FILE]`; prints, judges nothing."""

from __future__ import annotations

import argparse
import datetime as dt
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from seeding_platform.governance.audit import Checkpoints, Sealer, verify
from seeding_platform.storage.audit import AuditLog
from seeding_platform.storage.keyring import Keyring
from seeding_platform.storage.state import State

KEYS = Keyring(bytes(range(32)))
NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
WRITER = """
import datetime as dt, sys
from seeding_platform.storage.audit import AuditLog, Event
from seeding_platform.storage.keyring import Keyring
from seeding_platform.storage.state import State

with State.open(sys.argv[1]) as state:
    log = AuditLog(state, Keyring(bytes(range(32))))
    log.last()
    print("ready", flush=True)
    sys.stdin.readline()
    for n in range(int(sys.argv[2])):
        log.record(Event(at=dt.datetime(2026, 3, 1, tzinfo=dt.UTC), tenant="t", actor="k", action="bench", subject=str(n)))
"""


def audit(writers: int, events: int) -> None:
    """Several processes write at once; then seal and verify."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/state.db"
        with State.open(url):
            pass
        command = [sys.executable, "-c", WRITER, url, str(events)]
        running = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(writers)]
        for process in running:
            assert process.stdout is not None
            process.stdout.readline()
        began = time.perf_counter()
        for process in running:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.close()
        for process in running:
            process.wait()
        seconds = time.perf_counter() - began
        with State.open(url) as state:
            log, checkpoints = AuditLog(state, KEYS), Checkpoints(Path(folder) / "checkpoints.jsonl")
            cpu = time.process_time()
            Sealer(log, KEYS, checkpoints).seal(now=NOW)
            sealed = time.process_time() - cpu
            found = verify(log, KEYS, checkpoints)
            checked = time.process_time() - cpu - sealed
        total = writers * events
        print(f"{writers} writers, {total:,} events: {total / seconds:,.0f} events/s, {len(found.missing)} gaps, ok {found.ok}; ", end="")
        print(f"sealed in {sealed:.2f} CPU-s, verified in {checked:.2f}")


def scan(posts: Path) -> None:
    """`seeding pii scan` as a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-m", "seeding_platform.cli", "pii", "scan", str(posts), "--text", "text", "--out", f"{folder}/spans.jsonl"]
        subprocess.run(command, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(f"pii scan: {after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime:.2f} CPU-s with imports")


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=Path, default=None)
    chosen = parser.parse_args()
    for writers in (1, 8):
        audit(writers, 4000 // writers)
    if chosen.posts is not None:
        scan(chosen.posts)


if __name__ == "__main__":
    main()
