"""A small receiver of the push protocol, for tests: keeps its files in memory and does what it is told to do wrong."""

import hashlib
import http.server
import json
import threading
import time
import urllib.parse

from seeding_platform.distribution.release import proof, read_release
from seeding_platform.exchange.signing import SignatureWrong, verified


class Receiver:
    """One engine.

    `wrong` says what it does wrong: a number = it answers so; `lie` = it says active and is not; `proof` = another proof; `slow:<seconds>`;
    `refuse` = 422 on prepare; `break` = it closes the line in the first PUT; `crash` = it forgets what it prepared once.
    """

    def __init__(self, *, secret="", clock=None):
        self.secret, self.clock = secret, clock
        self.wrong, self.retry_after = "", None
        self.highest, self.highest_content, self.active, self.prepared = 0, "", None, None
        self.files, self.asked, self.recalled, self.lock = {}, [], [], threading.Lock()
        self.applied, self.used = [], []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def _any(self):
                outer.handle(self)

            do_GET = do_POST = do_PUT = do_HEAD = _any

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 64
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/engine"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    # one request

    def handle(self, request):
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        parts = urllib.parse.urlsplit(request.path)
        path = parts.path.removeprefix("/engine")
        self.asked.append(f"{request.command} {path}")
        if self.secret:
            signed = f"sha256:{hashlib.sha256(body).hexdigest()}".encode() if request.command == "PUT" else body
            try:
                verified(self.secret, dict(request.headers.items()), signed, now=self.clock())
            except SignatureWrong:
                return self.say(request, 401, {"code": "unauthenticated", "title": "no"})
        if self.wrong.startswith("slow:"):
            time.sleep(float(self.wrong[5:]))
        if self.wrong.isdigit():
            headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
            return self.say(request, int(self.wrong), {"code": "broken", "title": "it is broken"}, headers)
        if request.command == "PUT":
            return self.put(request, path, body)
        if request.command == "HEAD":
            return self.say(request, 404, {})
        if path == "/v1/status":
            held = self.active
            told = {"state": "active" if held else "none", "generation": held and held.generation, "content_id": held and held.content_id}
            return self.say(request, 200, {"protocol": "1", "rows": 0, "highest": self.highest, **told})
        told = json.loads(body)
        with self.lock:
            answer = {"/v1/prepare": self.prepare, "/v1/activate": self.activate, "/v1/abort": self.abort, "/v1/recall": self.recall}[path](told)
        return self.say(request, *answer)

    def say(self, request, status, told, headers=None):
        body = json.dumps(told).encode() if request.command != "HEAD" else b""
        request.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    def put(self, request, path, body):
        _, _, _, content, name = path.split("/")
        if self.wrong == "break":
            self.wrong = ""
            request.close_connection = True
            return request.connection.close()
        if hashlib.sha256(body).hexdigest() != request.headers["x-content-sha256"]:
            return self.say(request, 422, {"code": "digest-mismatch", "title": "no"})
        self.files[content, name] = body
        return self.say(request, 204, {}) if False else self.empty(request)

    def empty(self, request):
        request.send_response(204)
        request.send_header("Content-Length", "0")
        request.end_headers()

    def fenced(self, generation, content):
        if generation < self.highest:
            return 409, {"code": "generation-stale", "title": "old", "generation": self.highest}
        if generation == self.highest and content != self.highest_content:
            return 409, {"code": "generation-conflict", "title": "another"}
        self.highest, self.highest_content = generation, content
        return None

    def prepare(self, told):
        release, manifest = read_release(told["release"].encode()), json.loads(told["manifest"])
        assert hashlib.sha256(told["manifest"].encode()).hexdigest() == release.manifest_sha256
        if refused := self.fenced(release.generation, release.content_id):
            return refused
        if self.wrong == "refuse":
            return 422, {"code": "validation-failed", "title": "column plan: unknown"}
        names = sorted(f["path"] for f in manifest["files"])
        missing = [n for n in names if (release.content_id, n) not in self.files]
        if missing:
            return 202, {"state": "wanting", "files": missing}
        self.prepared = release, names
        state = "active" if self.active is not None and self.active.generation == release.generation else "prepared"
        return 200, {"state": state, **self.proved(release, names)}

    def proved(self, release, names):
        right = proof(release.nonce, ([self.files[release.content_id, n]] for n in names))
        told = {"generation": release.generation, "content_id": release.content_id, "rows": 0, "via": "full"}
        return {**told, "proof": "0" * 64 if self.wrong == "proof" else right}

    def activate(self, told):
        if refused := self.fenced(told["generation"], told["content_id"]):
            return refused
        if self.wrong == "crash":
            self.wrong, self.prepared = "", None
            self.files = {}
        if self.prepared is None or self.prepared[0].generation != told["generation"]:
            return 409, {"code": "not-prepared", "title": "never"}
        release, names = self.prepared
        if self.wrong != "lie":
            if self.active is None or self.active.generation != release.generation:
                self.applied.append(release.generation)
            self.active = release
        return 200, {"state": "active", **self.proved(release, names)}

    def abort(self, told):
        if refused := self.fenced(told["generation"], told["content_id"]):
            return refused
        self.prepared = None
        return 200, {"state": "aborted"}

    def recall(self, told):
        self.recalled.append((told["generation"], told["instead"]))
        self.files = {k: v for k, v in self.files.items() if k[0] != told["content_id"]}
        if self.active is not None and self.active.content_id == told["content_id"]:
            self.active = None
        return 200, {"state": "recalled"}
