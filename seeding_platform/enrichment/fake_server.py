"""A chat completions endpoint that misbehaves as a script says: the fake provider over HTTP, for tests and rehearsals on one's own machine."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from seeding_platform.enrichment.providers.fake import Chance, outputs
from seeding_platform.enrichment.providers.offline import Offline
from seeding_platform.enrichment.providers.protocol import Question
from seeding_platform.enrichment.providers.script import Outcome
from seeding_platform.enrichment.stages import shipped_stages

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from seeding_platform.enrichment.providers.script import Script

MOST_BYTES = 2_000_000
PATHS = ("/chat/completions", "/v1/chat/completions")


class FakeServer:
    """The endpoint, in a thread of its own.

    Args:
        script: what it does to whom.
        now: the clock; the times of the script count from its first reading.
        port: 0 takes one that is free.
        wait: how seconds are waited.
    """

    def __init__(self, script: Script, *, now: Callable[[], dt.datetime], port: int = 0, wait: Callable[[float], None] = time.sleep) -> None:
        self.script, self.now, self.wait = script, now, wait
        self.start = now()
        self.met: dict[Outcome, int] = dict.fromkeys(Outcome, 0)
        self.house = Offline(shipped_stages(), Chance(shipped_stages()))
        self._asked: dict[tuple[str, str], int] = {}
        self._turn = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        """Where completions are asked for."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1/chat/completions"

    def __enter__(self) -> FakeServer:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def serve(self) -> None:
        """Serve until it is interrupted."""
        try:
            self._server.serve_forever()
        finally:
            self._server.server_close()

    def answered(self, asked: dict[str, Any]) -> tuple[int, dict[str, str], Any] | None:
        """Status, headers and body for a request; None hangs up without a word."""
        question = read(asked)
        if isinstance(question, str):
            return 400, {}, {"error": {"message": question, "type": "invalid_request_error"}}
        key = (question.stage, question.record_id)
        now = self.now()
        with self._turn:
            attempt = max(1, self._asked.get(key, 0) + (not question.again))  # the second ask of an attempt is none of its own
            self._asked[key] = attempt
            outcome = self.script.outcome(question.stage, question.record_id, attempt, now=now, start=self.start, again=bool(question.again))
            self.met[outcome] += 1
        if outcome in (Outcome.TIMEOUT, Outcome.KILL_WORKER):
            self.wait(self.script.timeout_seconds if outcome is Outcome.TIMEOUT else 0)
            return None
        self.wait(self.script.late_seconds if outcome is Outcome.LATE else self.script.latency_ms / 1000)
        if outcome is Outcome.RATE_LIMITED:
            return 429, {"Retry-After": str(self.script.retry_after_seconds)}, {"error": {"message": "slow down", "type": "rate_limit_exceeded"}}
        if outcome is Outcome.SERVER_ERROR:
            return 500, {}, {"error": {"message": "overloaded", "type": "server_error"}}
        right = self.house.ask([question], now=now)[0].output
        said = [o if isinstance(o, str) else json.dumps(o) for o in outputs(question, outcome, right, f"{question.record_id}-other", self.script)]
        choices = [] if outcome is Outcome.PARTIAL_BATCH else [_choice("\n".join(said))]
        used = {
            "prompt_tokens": self.script.tokens // 2,
            "completion_tokens": self.script.tokens - self.script.tokens // 2,
            "total_tokens": self.script.tokens,
        }
        model = self.script.model_at(now, self.start)
        return 200, {}, {"id": f"fake-{attempt}", "object": "chat.completion", "model": model, "choices": choices, "usage": used}


def _choice(text: str) -> dict[str, Any]:
    return {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}


def read(asked: Any) -> Question | str:
    """The question in a request of our provider's form, or what is wrong with it."""
    try:
        told = json.loads(asked["messages"][1]["content"])
        stage = asked["response_format"]["json_schema"]["name"]
        again = asked["messages"][-1]["content"] if len(asked["messages"]) > 2 else ""
        record = told["record"]
        return Question(
            stage=stage, tenant="", record_type=record["record_type"], record_id=record["record_id"], facts=record["facts"],
            upstream=record["upstream"], again=again,
        )  # fmt: skip
    except (KeyError, IndexError, TypeError, ValueError) as error:
        return f"not in the form that is known here ({type(error).__name__})"


def _handler(server: FakeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """One request."""

        def do_POST(self) -> None:
            """Answer a completion."""
            size = int(self.headers.get("Content-Length") or 0)
            if self.path not in PATHS or not 0 < size <= MOST_BYTES:
                self._told(404, {}, {"error": {"message": "no such place"}})
                return
            content = self.rfile.read(size)
            try:
                asked = json.loads(content)
            except ValueError:
                self._told(400, {}, {"error": {"message": "no JSON"}})
                return
            found = server.answered(asked)
            if found is None:
                self.close_connection = True
                return
            self._told(*found)

        def do_GET(self) -> None:
            """Say which model answers."""
            model = server.script.model_at(server.now(), server.start)
            self._told(200, {}, {"object": "list", "data": [{"id": model, "object": "model"}]})

        def _told(self, status: int, headers: dict[str, str], body: Any) -> None:
            content = json.dumps(body).encode()
            try:
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", "Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # whoever asked has given up meanwhile

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing: requests hold facts of records."""

    return Handler
