"""People planted in every store and format, and a search for them that shares no code with the one under test."""

import datetime as dt
import gzip
import io
import json
import os
import sqlite3
import zipfile
from pathlib import Path

import duckdb
import polars as pl
import pyarrow.parquet as pq

from seeding_platform.settings import Settings
from seeding_platform.storage import snapshots
from seeding_platform.storage.enrichment.actions import Action, ActionLedger
from seeding_platform.storage.enrichment.answers import Answers
from seeding_platform.storage.enrichment.states import STAGES, Completed, ErrorClass, Failed, Record
from seeding_platform.storage.enrichment.store import EnrichmentStore
from seeding_platform.storage.kept import Kept
from seeding_platform.storage.lake import Lake
from seeding_platform.storage.live import Live, Message
from seeding_platform.storage.state import Landing, LandingStatus, State

PEOPLE = 50
TENANT = "default"


def email(n: int) -> str:
    return f"person.{n:02d}@planted.example"


def phone(n: int) -> str:
    return f"+31 6 555{n:05d}"


def rows() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "tenant": [TENANT] * PEOPLE,
            "_source": ["s"] * PEOPLE,
            "_batch": ["b"] * PEOPLE,
            "_row": list(range(PEOPLE)),
            "order_id": [f"o{n}" for n in range(PEOPLE)],
            "owner": [email(n) for n in range(PEOPLE)],
            "note": [f"call {phone(n).replace(' ', '-')} or mail {email(n).upper()} about {n}" for n in range(PEOPLE)],
            "tags": [[email(n), "x"] for n in range(PEOPLE)],
        }
    )


def csv_text() -> str:
    return "order_id,owner,note\n" + "".join(f'o{n},{email(n)},"call {phone(n)}"\n' for n in range(PEOPLE))


def plant(settings: Settings, state: State, now) -> None:
    """Put all fifty people into every store."""
    lake = Lake(settings.lake)
    frame = rows()
    for table in ("raw/demo__main", "clean/orders", "quality/orders", "kpi/people"):
        lake.overwrite(table, frame.with_columns(note=pl.lit("first version of ") + pl.col("owner")))
        lake.overwrite(table, frame)
    lake.overwrite(
        "clean/orders__quarantine", frame.select("tenant", "_source", "_batch", "_row", record=pl.struct("owner", "note").struct.json_encode())
    )
    _files(settings, frame)
    kept = Kept(state)
    live = Live(state)
    for n in range(PEOPLE):
        kept.add("question", {"text": f"spend of {email(n)}"}, tenant=TENANT, actor="k", item_id=f"i{n}", now=now)
        live.send(
            Message(message_id=f"m{n}", tenant=TENANT, channel="email", target=email(n), subject="s", body=f"dear {email(n)}", created_at=now),
            mark=f"m{n}",
        )
    _enrichment(state, now)
    state.record_landing(
        Landing(source="s", partition_key="p", tenant=TENANT, file_name="a.csv", sha256="a" * 64, status=LandingStatus.LANDED, landed_at=now)
    )
    facts = pl.DataFrame({"tenant": TENANT, "date": [now.date()] * PEOPLE, "campaign": [f"for {email(n)}" for n in range(PEOPLE)], "spend": 1.0})
    snapshots.publish(facts, settings.serving, now=now)


def _enrichment(state: State, now) -> None:
    """Texts of people in records, outputs, traces, actions, labels and kept answers, as where nothing of it was treated on its way in."""
    store, answers, ledger = EnrichmentStore(state), Answers(state), ActionLedger(state)
    records = [
        Record(tenant=TENANT, record_type="exception", record_id=f"e{n}", payload={"description": f"{email(n)} waits"}, input_hash=f"h{n}")
        for n in range(PEOPLE)
    ]
    store.intake(records, now=now)
    claims = store.claim(STAGES[0], owner="w", limit=PEOPLE, lease=dt.timedelta(minutes=5), now=now)
    half = len(claims) // 2
    store.complete([Completed(ref=c.ref, fence=c.fence, output={"notes": f"of {email(int(c.ref.record_id[1:]))}"}) for c in claims[:half]], now=now)
    failed = [
        Failed(ref=c.ref, fence=c.fence, error=ErrorClass.TRANSIENT, message=f"about {email(int(c.ref.record_id[1:]))}", due_at=now)
        for c in claims[half:]
    ]
    store.fail(failed, now=now)
    for n in range(PEOPLE):
        answers.keep(TENANT, {f"k{n}": {"notes": email(n)}}, now=now)
        told = {"reference": f"call {phone(n)}"}
        ledger.plan(
            [
                Action(
                    tenant=TENANT, record_type="exception", record_id=f"e{n}", action="escalate", parameters=told, policy_version="1", planned_at=now
                )
            ]
        )


def _files(settings: Settings, frame: pl.DataFrame) -> None:
    text = csv_text()
    spool = settings.spool / "landed" / ("a" * 64)
    for folder in (spool, settings.landing, settings.state / "logs", settings.state / "reports"):
        folder.mkdir(parents=True, exist_ok=True)
    (spool / "a.csv").write_text(text)
    (spool / "a.csv.gz").write_bytes(gzip.compress(text.encode()))
    (spool / "wide.csv").write_bytes(text.encode("utf-16"))
    (spool / "latin.csv").write_bytes(("é;" + text).encode("latin-1"))
    (spool / "a.jsonl").write_text("".join(json.dumps({"mail": email(n), "tel": phone(n)}) + "\n" for n in range(PEOPLE)))
    frame.drop("tags").write_parquet(spool / "a.parquet")
    frame.drop("tags").write_excel(spool / "a.xlsx")
    (settings.landing / "drop.csv").write_text(text)
    (settings.state / "logs" / "run.log").write_text("".join(f"row of {email(n)} refused\n" for n in range(PEOPLE)))
    (settings.state / "reports" / "quality.html").write_text("".join(f"<p>{email(n)}</p>" for n in range(PEOPLE)))
    with sqlite3.connect(settings.state / "events.db") as database:
        database.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, body TEXT, packed BLOB)")
        packed = [gzip.compress(email(n).encode()) for n in range(PEOPLE)]
        database.executemany("INSERT INTO events (body, packed) VALUES (?, ?)", [(f"told {email(n)}", packed[n]) for n in range(PEOPLE)])
        database.execute("DELETE FROM events WHERE id % 2 = 0")  # their pages are free and still hold them
        database.executemany("INSERT INTO events (body, packed) VALUES (?, ?)", [(f"told {email(n)}", packed[n]) for n in range(1, PEOPLE, 2)])
    database.close()
    bundle = settings.bundles / TENANT / "search" / ("c" * 32)
    bundle.mkdir(parents=True)
    frame.drop("tags").write_parquet(bundle / "part-0.parquet")
    (bundle / "manifest.json").write_text('{"rows": 50}')
    shared = settings.bundles / TENANT / ".parts" / ("e" * 32)
    shared.mkdir(parents=True)
    os.link(bundle / "part-0.parquet", shared / "part-0.parquet")
    (shared / "parts.json").write_text("{}")
    (bundle.parent / "CURRENT").write_text("{}")
    clean = settings.bundles / TENANT / "other" / ("d" * 32)
    clean.mkdir(parents=True)
    (clean / "part-0.csv").write_text("nobody")
    artefacts = settings.state / "mlflow" / "artefacts" / "model"
    artefacts.mkdir(parents=True)
    with zipfile.ZipFile(artefacts / "model.skops", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", json.dumps({"vocabulary": {email(n): n for n in range(PEOPLE)}}))
    with sqlite3.connect(settings.state / "mlflow" / "mlflow.db") as database:
        database.execute("CREATE TABLE params (value TEXT)")
        database.executemany("INSERT INTO params VALUES (?)", [(email(n),) for n in range(PEOPLE)])
    database.close()


def everything(settings: Settings) -> dict[str, str]:
    """Every file under state, lake and landing as lower-case text, decoded as deep as it goes."""
    found = {}
    for root in (settings.state, Path(settings.lake), settings.landing):
        for path in sorted(p for p in root.rglob("*") if p.is_file()):
            data = path.read_bytes()
            told = [data.decode("latin-1"), data.decode("utf-16-le", "ignore"), data[1:].decode("utf-16-le", "ignore"), *_decoded(path, data)]
            found[str(path)] = "\n".join(told).lower()
    return found


def _decoded(path: Path, data: bytes) -> list[str]:
    if data[:2] == b"\x1f\x8b":
        return [gzip.decompress(data).decode("latin-1")]
    if data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return [archive.read(name).decode("latin-1") for name in archive.namelist()]
    if data[:4] == b"PAR1":
        file = pq.ParquetFile(io.BytesIO(data))
        return [str(file.read().to_pylist()), str(file.metadata.to_dict())]
    if data[:15] == b"SQLite format 3":
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
            tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            cells = [c for t in tables for row in database.execute(f'SELECT * FROM "{t}"') for c in row]
        database.close()
        return [str(cells), *(gzip.decompress(c).decode("latin-1") for c in cells if isinstance(c, bytes) and c[:2] == b"\x1f\x8b")]
    if data[8:12] == b"DUCK":
        with duckdb.connect(str(path), read_only=True) as database:
            return [str(database.execute("SELECT * FROM facts").fetchall())]
    return []


def people_in(texts: dict[str, str]) -> dict[int, set[str]]:
    """Files in which each person stands, by e-mail or telephone number."""
    found: dict[int, set[str]] = {n: set() for n in range(PEOPLE)}
    for name, text in texts.items():
        squeezed = text.replace(" ", "").replace("-", "")
        for n in range(PEOPLE):
            if email(n) in text or phone(n).replace(" ", "").replace("+", "") in squeezed:
                found[n].add(name)
    return found
