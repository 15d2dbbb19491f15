"""Every example of `docs/engines.md`, as it stands there."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest
from typer.testing import CliRunner

from seeding_platform.cli import app as commands
from seeding_platform.distribution.conformance.publisher import public_keys, rows
from seeding_platform.distribution.conformance.run import tried
from seeding_platform.settings import project_root
from seeding_platform_tests.distribution.platforms import ENGINE, FakePlatform
from seeding_platform_tests.distribution.receivers import KEYS, SECRET, AsgiLine, fresh, now
from seeding_platform_tests.distribution.test_bundle import build
from seeding_platform_tests.service.served import served

PAGE = (project_root() / "docs" / "engines.md").read_text(encoding="utf-8")
EXAMPLES = {(kind, name): code for kind, name, code in re.findall(r"```(python|sh) (\w+)\n(.*?)```", PAGE, re.DOTALL)}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [k.model_dump(mode="json") for k in public_keys(KEYS, now=now())]}))
    return tmp_path


def asgi(platform):
    """A fake platform as an ASGI application."""

    async def app(scope, receive, send):
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        target = scope["path"] + (f"?{scope['query_string'].decode()}" if scope["query_string"] else "")
        got = platform.answer(httpx.Request(scope["method"], f"http://here{target}", headers=scope["headers"], content=body))
        await send({"type": "http.response.start", "status": got.status_code, "headers": [(n.lower(), v) for n, v in got.headers.raw]})
        await send({"type": "http.response.body", "body": got.content})

    return app


def test_the_examples_are_short_and_all_run():
    assert set(EXAMPLES) == {("python", "pull"), ("python", "push"), ("sh", "push"), ("sh", "share"), ("python", "share")}
    assert max(len(code.strip().splitlines()) for code in EXAMPLES.values()) <= 15


def test_pull(folder):
    platform = FakePlatform()
    platform.release(1, rows(20))
    platform.streams = ['event: release\nid: 802\ndata: {"seq": 802, "generation": 1}\n\n']
    with served(asgi(platform)) as url:
        known = {"url": url, "key": "sp_key"}
        exec(compile(EXAMPLES["python", "pull"], "docs/engines.md", "exec"), known)
    assert known["bundle"].rows == 20
    assert known["heavy"]["ref"].to_list() == ["p00016"]
    assert [a["generation"] for a in platform.acknowledged] == [1, 1]
    assert ENGINE == "parcels"


def test_push(folder, capsys):
    known = {"secret": SECRET}
    exec(compile(EXAMPLES["python", "push"], "docs/engines.md", "exec"), known)
    results = tried(AsgiLine(known["app"]), SECRET, KEYS, now=now, fresh=fresh, engine="parcels", only=["takes_parquet", "request_unsigned"])
    assert [r.outcome for r in results] == ["passed", "passed"]
    assert capsys.readouterr().out == "parcels 20\n"


@pytest.mark.long
def test_the_kit_against_the_reference_from_the_command_line(folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": str(project_root()), "SECRET": SECRET, "PORT": str(port)}
    write, receive, kit = (line.replace("seeding ", f"{sys.executable} -m seeding_platform.cli ", 1) for line in EXAMPLES["sh", "push"].splitlines())
    subprocess.run(["/bin/sh", "-c", write], env=environment, check=True, timeout=60)
    receiver = subprocess.Popen(["/bin/sh", "-c", f"exec {receive.removesuffix(' &')}"], env=environment, stderr=subprocess.DEVNULL)
    try:
        ends = time.monotonic() + 30
        while True:
            with socket.socket() as tries:
                if tries.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert time.monotonic() < ends
            time.sleep(0.2)
        done = subprocess.run(["/bin/sh", "-c", kit], env=environment, capture_output=True, text=True, timeout=120)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        assert "0 failed, 1 not tried" in done.stdout
        wrong = kit.replace('--secret "$SECRET"', "--secret whsec_AAAA --case takes_csv --json")
        done = subprocess.run(["/bin/sh", "-c", wrong], env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 1
        assert [(c["name"], c["outcome"], c["came"][:3]) for c in json.loads(done.stdout)["cases"]] == [("takes_csv", "failed", "401")]
    finally:
        receiver.send_signal(signal.SIGTERM)
        receiver.wait(20)


@pytest.mark.long
def test_share(folder, service, monkeypatch):
    settings = service.app.state.service.settings
    bundle = build(settings.bundles)
    monkeypatch.setenv("SEEDING_STATE", str(settings.state))
    with served(service.app) as url:
        told = EXAMPLES["sh", "share"].split()[1:]
        done = CliRunner().invoke(commands, [url if part == '"$URL"' else part for part in told] + ["--tenant", "t1"])
        assert done.exit_code == 0, done.output
        code = EXAMPLES["python", "share"].replace("#default.", "#t1.") + "print(len(rows))"
        read = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (read.stdout, read.returncode) == (f"{bundle.rows}\n", 0), read.stderr
