"""A whole installation in a folder of its own, with planted values and secrets, and everything done with it that people do.

What it said, answered and showed is kept beside it, to be searched.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from seeding_platform.settings import project_root
from seeding_platform_tests.governance.canary import Canary

MAIL = Canary("e-mail", "zilvermeeuw.q7x@canary-post.nl")
PHONE = Canary("phone", "+31 6 8712 3409")
IBAN = Canary("iban", "NL86 INGB 0002 4455 88")
NAME = Canary("name", "Wilhelmina Zonnevanck")
PERSONAL = (MAIL, PHONE, IBAN, NAME)
FOUND = f"mail {MAIL.value} or call {PHONE.value}, pay to {IBAN.value}"
"""What detectors find in a text; a name alone in a text is a weak tier and is not promised."""
TOLD = f"{NAME.value}: {FOUND}"


def secret(name: str, value: str) -> Canary:
    """A secret: random enough that its hash gives nothing away."""
    return Canary(name, value, guessable=False)


MASTER = secret("master key", "c4" * 8 + "0f1e2d3c4b5a6978" * 3)
PASSWORD = secret("database password", "Zwaluw9Postgres7Woord")
SMTP = secret("mail password", "Zwaluw9Mail7Woord")
HOOK = secret("hook secret", "Zwaluw9Hook7Woord")
MODEL = secret("language model key", "sk-Zwaluw9Model7Woord")
SLACK = secret("webhook", "T0ZWALUW9/B0HOOK7/wOORDwOORDwOORD")
PAGER = secret("pager key", "Zwaluw9Pager7Woord")
AI = secret("key of a provider", "sk-Zwaluw9Provider7Woord")
SECRETS = (MASTER, PASSWORD, SMTP, HOOK, MODEL, SLACK, PAGER, AI)

SOURCE = """\
type: seeding_platform.components.FileSource
attributes:
  name: {name}
  files: "{name}*.{format}"
  format: {format}
  mode: append
  tables:
    - contract: orders
      columns: {{order_id: id, created_at: at, amount: amount, status: status, customer_ref: who, note: note}}
      constants: {{currency: EUR}}
"""


@dataclass
class Installation:
    """The folder, and what was said.

    Attributes:
        home: holds the package, its samples, `.env`, and all data.
        said: what each command, log and answer held.
    """

    home: Path
    said: dict[str, bytes] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of this process's own settings; they all stand in `.env`."""
        mine = {k: v for k, v in os.environ.items() if not k.startswith(("SEEDING_", "DAGSTER_"))}
        state = {"SEEDING_STATE": str(self.home / "data" / "state"), "DAGSTER_HOME": str(self.home)}
        return {**mine, **state, "PYTHONPATH": str(self.home), "OMP_NUM_THREADS": "1", "GX_ANALYTICS_ENABLED": "false", "SEEDING_MIN_FREE_MB": "0"}

    def run(self, name: str, *arguments: str, module: str = "seeding_platform.cli") -> int:
        """Run a command and keep what it said; its exit code."""
        done = subprocess.run([sys.executable, "-m", module, *arguments], env=self.environment, cwd=self.home, capture_output=True, check=False)
        self.said[f"stdout of {name}"], self.said[f"stderr of {name}"] = done.stdout, done.stderr
        return done.returncode

    def write(self, name: str, text: str | bytes) -> str:
        """A file of a person's, outside of what the platform keeps."""
        path = self.home / "inbox" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return str(path)


def installed(home: Path, database_url: str) -> Installation:
    """The package with planted samples and settings."""
    root, away = project_root(), shutil.ignore_patterns("__pycache__")
    shutil.copytree(root / "seeding_platform", home / "seeding_platform", ignore=away)
    shutil.copytree(root / "data" / "samples", home / "data" / "samples", ignore=away)
    for name in ("pyproject.toml", "dagster.yaml", "workspace.yaml"):
        shutil.copy(root / name, home / name)
    lines = {
        "SEEDING_DATABASE_URL": database_url.replace("postgres@", f"postgres:{PASSWORD.value}@"),
        "SEEDING_MASTER_KEY": MASTER.value,
        "SEEDING_SMTP_URL": f"smtp://mailer:{SMTP.value}@127.0.0.1:9",
        "SEEDING_MAIL_FROM": "platform@example.org",
        "SEEDING_HOOK_SECRET": HOOK.value,
        "SEEDING_NLQ_LLM_URL": "http://127.0.0.1:9/v1",
        "SEEDING_NLQ_LLM_KEY": MODEL.value,
        "SEEDING_PAGER_KEY": PAGER.value,
        "SEEDING_PAGER_URL": "http://127.0.0.1:9/events",
        "SEEDING_AI_KEY": AI.value,
        "SEEDING_SLACK_WEBHOOK": f"http://127.0.0.1:9/services/{SLACK.value}",
    }
    (home / ".env").write_text("".join(f"{k}={v}\n" for k, v in lines.items()))
    _plant(home / "data" / "samples")
    return Installation(home)


def _plant(samples: Path) -> None:
    posts = samples / "posts_nl.csv"
    rows = posts.read_text("cp1252").rstrip("\n").split("\n")
    form = "{id};acc-01;CMP-01;Instagram;video;{text};nl;;https://www.example.nl/blog/{id};1;published;;{at};05-07-2026 11:02;{who};nee;"
    text = f"Vragen? {FOUND} over je bestelling in Venlo"
    rows += [form.format(id=f"ZD-90{n}", text=text, at="06-07-2026 17:02", who=MAIL.value) for n in range(3)]  # the same text: a cluster
    rows += [form.format(id="ZD-904", text=text, at=MAIL.value, who=MAIL.value)]  # a date that is none
    posts.write_text("\n".join(rows) + "\n", "cp1252")
    orders = samples / "orders_nl.csv"
    rows = orders.read_text("cp1252").rstrip("\n").split("\n")
    form = "{id};K272;direct;;created;04-07-2026 13:25;07-07-2026 22:00;;;{carrier};{amount};EUR;73,70;2;NL;{note}"
    rows += [form.format(id="ZB-29901", carrier=FOUND, amount="73,70", note=TOLD), form.format(id="ZB-29902", carrier="x", amount=TOLD, note="")]
    orders.write_text("\n".join(rows) + "\n", "cp1252")
    with (samples / "exceptions.jsonl").open("a") as file:
        told = {"exception_id": "EX-901", "order_id": "ZB-29901", "raised_at": "2026-07-12T18:47:00Z", "source": "shop", "description": TOLD}
        file.write(json.dumps(told) + "\n" + json.dumps({**told, "exception_id": "EX-902", "raised_at": TOLD}) + "\n")
    with (samples / "competitor_posts.jsonl").open("a") as file:
        told = {"id": "CP-9001", "account": "acc-52", "network": "LinkedIn", "type": "link", "caption": FOUND, "lang": "en", "link": None, "media": 0}
        file.write(json.dumps({**told, "posted_at": "2026-07-26T11:44:00Z"}) + "\n")
    with (samples / "navigation.jsonl").open("a") as file:
        told = {"s": "s901", "n": 1, "u": "u28", "r": FOUND, "p": f"/customer/{MAIL.value}", "ms": 48, "d": "pc", "t": "2026-09-01T12:22:27Z"}
        file.write(json.dumps(told) + "\n" + json.dumps({**told, "n": 2, "ms": MAIL.value}) + "\n")
    runs = json.loads((samples / "workflow_runs.json").read_text())
    told = {"id": "run-901", "workflow": "mail", "trigger": "manual", "status": "failed", "started_at": "2026-10-01T05:09:00Z"}
    runs += [{**told, "finished_at": "2026-10-01T05:10:34Z", "items": 1, "error": f"550 no such mailbox {FOUND}"}]
    (samples / "workflow_runs.json").write_text(json.dumps(runs))
    with (samples / "ads_google.csv").open("a") as file:
        file.write(f"2026-10-31,Google,ZD-G1,Voor {MAIL.value} {PHONE.value},NL,Mobile,26.02,64,1777,2,100.36\n")
        file.write(f"2026-10-31,Google,ZD-G1,Kapot,NL,Mobile,{MAIL.value},64,1777,2,100.36\n")


def lived_in(place: Installation) -> None:
    """Everything that people do: the main job, files that break, a gate that closes, questions, uploads, pages."""
    place.run("keys create", "keys", "create", "--role", "admin", "--tenant", "demo-3pl")
    key = place.said.pop("stdout of keys create").decode().strip()  # it is shown there, and nowhere else
    place.said["the key"] = key.encode()
    assert place.run("seed", "seed") in (0, 1)
    _land(place)
    for command in ("status", "doctor", "tables", "audit list", "source check", "audit verify"):
        place.run(command, *command.split())
    job = ("job", "execute", "-m", "seeding_platform.definitions", "-j", "expectations")
    place.run("expectations", *job, module="dagster")
    _serve(place, key)


def _land(place: Installation) -> None:
    at = "2026-07-04T13:25:00Z"
    head = "id,at,amount,status,who,note\n"
    row = "{id},{at},{amount},created,K1,{note}\n"
    bad = [row.format(id=f"B{n}", at=at, amount=MAIL.value, note=f'"{TOLD}"') for n in range(1200)]
    files = {
        "one_bad_cell.csv": head
        + row.format(id="A1", at=at, amount="1.00", note=f'"{TOLD}"')
        + row.format(id="A2", at=MAIL.value, amount="2", note=""),
        "all_bad.csv": head + "".join(bad),  # the gate closes over it
        "torn.csv": head + f'A3,{at},"{TOLD}',
        "wide.csv": head + f"A4,{at},1,created,K1,x,{MAIL.value},{PHONE.value}\n",
        "wrong_head.csv": f"id,{MAIL.value},amount\n1,2,3\n",
        "bytes.csv": (head + f"A5,{at},1,created,K1,{TOLD} ").encode() + b"\xff\xfe\x00\x81\n",
        "torn.jsonl": f'{{"id": "A6", "at": "{at}", "note": "{TOLD}"\n{{"id": {MAIL.value}}}\n',
    }
    for name, text in files.items():
        kind = name.rpartition(".")[2]
        stem = name.partition(".")[0]
        source = place.write(f"{stem}.yaml", SOURCE.format(name=stem, format=kind))
        place.run(f"land {name}", "land", place.write(name, text), "--source", source, "--tenant", "demo-3pl")
    exports = {
        "bad_cell.csv": f"Date,Network,Campaign,Cost,Clicks,Impressions,Conversions,Currency\n2026-09-01,Google,A,{MAIL.value},1,2,3,EUR\n"
        f"2026-09-02,Google,{FOUND.replace(',', '')},2.5,1,2,3,EUR\n",
        "no_export.csv": f"{MAIL.value},{PHONE.value}\n1,2\n",
    }
    for name, text in exports.items():
        place.run(f"export land {name}", "export", "land", place.write(name, text), "--tenant", "demo-3pl")


def _serve(place: Installation, key: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = place.home / "service.log"
    with log.open("wb") as out:
        command = [sys.executable, "-m", "seeding_platform.cli", "serve"]
        environment = {**place.environment, "SEEDING_PORT": str(port)}
        process = subprocess.Popen(command, env=environment, cwd=place.home, stdout=out, stderr=out)
    try:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        _asked(place, f"http://127.0.0.1:{port}", key)
    finally:
        process.terminate()
        process.wait(timeout=90)
    place.said["log of the service"] = log.read_bytes()


def _asked(place: Installation, url: str, key: str) -> None:
    json_of = {"Content-Type": "application/json"}

    def ask(method: str, path: str, body: object = None, *, own: bool = False, raw: bytes | None = None, kind: dict[str, str] = json_of) -> bytes:
        """Ask; an answer that only gives back somebody's own words to them is not kept (`own`)."""
        data = raw if raw is not None else json.dumps(body).encode() if body is not None else None
        headers = {"Authorization": f"Bearer {key}", **(kind if data is not None else {})}
        try:
            with urllib.request.urlopen(urllib.request.Request(url + path, data=data, headers=headers, method=method), timeout=120) as answer:
                told = answer.read()
        except urllib.error.HTTPError as error:
            told = error.read()
        if not own:
            place.said[f"answer to {method} {path.partition('?')[0]} {len(place.said)}"] = told
        return told

    said = FOUND.replace("+", "%2B").replace(" ", "+").replace("@", "%40")
    ask("POST", "/api/v1/nlq", {"question": f"spend of {FOUND} last month"}, own=True)
    ask("POST", "/api/v1/nlq", {"question": MAIL.value, "as_of": FOUND})
    ask("POST", "/api/v1/nlq", {"question": {"a": TOLD}, FOUND: 1})
    ask("GET", f"/en/ask?question={said}", own=True)
    ask("GET", f"/api/v1/kpis?metrics={said}")
    ask("GET", f"/api/v1/kpis?filter=campaign:{said}", own=True)
    ask("GET", f"/api/v1/kpis?{said}=1")
    ask("GET", f"/api/v1/kpis?start={said}")
    for method, path in (("DELETE", "/api/v1/keys"), ("PUT", "/api/v1/settings"), ("DELETE", "/api/v1/questions"), ("POST", "/api/v1/hooks")):
        ask(method, f"{path}/{MAIL.value}", {} if method != "DELETE" else None, own=True)
    ask("PUT", "/api/v1/settings/quality.gate", {"values": {"score": 80.0}, "scope": "orders", "reason": FOUND})
    ask("POST", "/api/v1/keys", {"role": TOLD})
    ask("POST", "/api/v1/runs", {"event": TOLD})
    for name in ("bad_cell.csv", "no_export.csv"):
        edge = uuid.uuid4().hex
        file = (place.home / "inbox" / name).read_bytes()
        head = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: text/csv\r\n\r\n'
        raw = head.encode() + file + f"\r\n--{edge}--\r\n".encode()
        ask("POST", "/api/v1/ingestions", raw=raw, kind={"Content-Type": f"multipart/form-data; boundary={edge}"})
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and any(i["status"] in ("queued", "running") for i in json.loads(ask("GET", "/api/v1/ingestions"))):
        time.sleep(1)
    for path in ("ingestions", "runs", "audit?limit=200", "messages", "cleaning", "insights/findings", "exports", "metrics", "snapshots/current"):
        ask("GET", f"/api/v1/{path}")
    for run in json.loads(ask("GET", "/api/v1/runs")):
        ask("GET", f"/api/v1/runs/{run['run_id']}/log")
    for contract in ("orders", "content_posts", "ad_facts", "exception_records", "navigation_events"):
        for part in ("rejects", "repairs", "clusters", "changes"):
            ask("GET", f"/api/v1/cleaning/{contract}/{part}")
    for page in ("overview", "kpis", "kpis?by=campaign", "upload", "dashboards", "watch", "runs", "quality/cleaning"):
        ask("GET", f"/en/{page}")
    for contract in ("orders", "content_posts", "ad_facts"):
        for more in ("", "/clusters"):
            ask("GET", f"/nl/quality/cleaning/{contract}{more}")
    ask("GET", "/readyz")
    ask("GET", "/metrics")
