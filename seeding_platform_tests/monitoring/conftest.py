"""A desk over a database of its own, and somebody outside who takes what is sent."""

import http.server
import json
import shutil
import socketserver
import threading

import pytest
from pydantic import SecretStr

from seeding_platform.monitoring.desk import AlertDesk
from seeding_platform.settings import Settings
from seeding_platform.storage.state import State


class Taker(http.server.BaseHTTPRequestHandler):
    """Takes what is posted; answers as it is told to."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        self.server.meanwhile(self.path)
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_) -> None:
        pass


class Mails(socketserver.StreamRequestHandler):
    """As much of SMTP as sending one message needs."""

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline().strip().upper():
            if line.startswith(b"DATA"):
                self.wfile.write(b"354 go on\r\n")
                text = b""
                while (part := self.rfile.readline()) != b".\r\n":
                    text += part
                self.server.got.append(text.decode())
                self.wfile.write(b"250 kept\r\n")
            elif line.startswith(b"QUIT"):
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 fine\r\n")


class Outside:
    """What was taken, by channel."""

    def __init__(self, web, mail) -> None:
        self.web, self.mail = web, mail
        self.url = f"http://127.0.0.1:{web.server_address[1]}"

    def to(self, path: str) -> list[dict]:
        return [json.loads(body) for where, _, body in self.web.got if where == path]


@pytest.fixture
def outside():
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Taker)
    web.status, web.headers, web.daemon_threads = 200, {}, True
    web.meanwhile = lambda path: None
    mail = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mails)
    mail.daemon_threads = True
    for server in (web, mail):
        server.got = []
        threading.Thread(target=lambda s=server: s.serve_forever(poll_interval=0.02), daemon=True).start()
    yield Outside(web, mail)
    for server in (web, mail):
        server.shutdown()
        server.server_close()


@pytest.fixture
def settings(tmp_path, outside):
    """Every channel is set up."""
    return Settings(
        _env_file=None,
        state=tmp_path,
        smtp_url=SecretStr(f"smtp://127.0.0.1:{outside.mail.server_address[1]}"),
        mail_from="seeding@example.org",
        slack_webhook=SecretStr(f"{outside.url}/slack"),
        webhook_url=SecretStr(f"{outside.url}/hook"),
        webhook_secret=SecretStr("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        pager_key=SecretStr("routing-key"),
        pager_url=f"{outside.url}/pager",
        public_url="https://figures.example.org",
        private_addresses=True,
    )


@pytest.fixture(scope="session")
def empty(tmp_path_factory):
    """The file of an empty database, made once."""
    file = tmp_path_factory.mktemp("empty") / "state.db"
    State.open(f"sqlite:///{file}").close()
    return file


@pytest.fixture
def state(tmp_path, empty):
    shutil.copy(empty, tmp_path / "state.db")
    with State.open(f"sqlite:///{tmp_path / 'state.db'}") as state:
        yield state


@pytest.fixture
def desk(state, settings):
    return AlertDesk(state, settings)
