"""What governance costs: `python -m seeding_platform_tests.benchmarks.governance [--posts FILE]`; prints, judges nothing."""

from __future__ import annotations

import argparse
import datetime as dt
import gzip
import json
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


RIVAL = """
import json, sys, time
import spacy
from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import NlpEngineProvider

texts, folder = json.load(open(sys.argv[1])), sys.argv[2]
spacy.blank("en").to_disk(folder)
engine = NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": folder}]}).create_engine()
analyzer = AnalyzerEngine(nlp_engine=engine)
analyzer.analyze("warm up", language="en")
began = time.process_time()
found = sum(len(analyzer.analyze(text, language="en")) for text in texts)
print(json.dumps([time.process_time() - began, found]))
"""


def beside_presidio(posts: Path, python: str, most: int) -> None:
    """Presidio's default recognisers on the same texts in the same run, with an empty language model: what they cost at the very least.

    Args:
        posts: JSON lines with `text`, perhaps gzipped.
        python: an interpreter that has presidio-analyzer.
        most: texts.
    """
    import polars as pl

    from seeding_platform.governance import detect_pii

    with gzip.open(posts, "rt", encoding="utf-8") if posts.suffix == ".gz" else posts.open(encoding="utf-8") as lines:
        texts = [str(json.loads(line)["text"]) for line, _ in zip(lines, range(most), strict=False)]
    column = pl.Series(texts)
    detect_pii(column.head(100))
    began = time.process_time()
    spans = detect_pii(column).height
    ours = time.process_time() - began
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder) / "texts.json"
        given.write_text(json.dumps(texts))
        done = subprocess.run([python, "-c", RIVAL, str(given), f"{folder}/blank"], check=True, capture_output=True, text=True)
    theirs, found = json.loads(done.stdout.strip().splitlines()[-1])
    print(f"{len(texts):,} texts: detect_pii {ours:.2f} CPU-s ({spans:,} spans), presidio {theirs:.2f} CPU-s ({found:,}), ratio {theirs / ours:.0f}")


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=Path, default=None)
    parser.add_argument("--presidio", default=None, help="interpreter that has presidio-analyzer (extra `bench`)")
    parser.add_argument("--texts", type=int, default=10_000, help="for presidio (default: %(default)s)")
    chosen = parser.parse_args()
    for writers in (1, 8):
        audit(writers, 4000 // writers)
    if chosen.posts is not None:
        scan(chosen.posts)
        if chosen.presidio is not None:
            beside_presidio(chosen.posts, chosen.presidio, chosen.texts)


if __name__ == "__main__":
    main()
