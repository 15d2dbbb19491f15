"""The one way out: private addresses in every disguise are refused, redirects are not followed, and nobody holds us longer than allowed."""

import datetime as dt
import http.server
import io
import select
import socket
import ssl
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seeding_platform.exchange.addresses import AddressRefused, checked_addresses, is_public, place_of
from seeding_platform.exchange.http import Guarded, Line, NoAnswer
from seeding_platform.exchange.signing import SignatureWrong, key_of, secret_text, signed_headers, verified

NOW = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
PRIVATE = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "::",
    "fe80::1", "fc00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::", "2002:a00:1::", "ff02::1",
    "2001:0:53aa:64c:0:0:0:1", "::127.0.0.1",
]  # fmt: skip
PUBLIC = ["93.184.216.34", "8.8.8.8", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("number", PRIVATE)
def test_private_numbers_are_refused_in_every_disguise(number):
    host = f"[{number}]" if ":" in number else number
    with pytest.raises(AddressRefused, match="private network"):
        place_of(f"https://{host}/x", private=False)
    with pytest.raises(AddressRefused):
        checked_addresses("looks.example", 443, private=False, lookup=lambda *_: ["8.8.8.8", number])
    assert checked_addresses("looks.example", 443, private=True, lookup=lambda *_: [number]) == [number]


@pytest.mark.parametrize("number", PUBLIC)
def test_public_numbers_are_talked_to(number):
    assert checked_addresses("looks.example", 443, private=False, lookup=lambda *_: [number]) == [number]


@settings(deadline=None)
@given(st.ip_addresses(v=4))
def test_an_address_within_an_ipv6_one_is_judged_as_itself(inner):
    import ipaddress

    whole = int(inner)
    assert is_public(ipaddress.IPv6Address(f"::ffff:{inner}")) == is_public(inner)
    assert is_public(ipaddress.IPv6Address((0x64FF9B << 96) | whole)) == is_public(inner)


@pytest.mark.parametrize(
    "url",
    ["http://example.org/", "ftp://example.org/", "https://", "https://a@example.org/", "https://a:b@example.org/", "https://exa mple.org/", "x",
     "https://example.org/#x", "https://example.org:99999/", "https://example.org/\n", "https://exämple.org/", "https://example.org/" + "a" * 2000],
)  # fmt: skip
def test_other_addresses_are_refused(url):
    with pytest.raises(AddressRefused):
        place_of(url, private=False)


def test_a_secret_in_a_path_is_in_no_error():
    for url in ("https://10.0.0.1/services/T000/secret", "https://u:secret@example.org/"):
        with pytest.raises(AddressRefused) as caught:
            Guarded().post(url, b"")
        assert "secret" not in str(caught.value)


class Other(http.server.BaseHTTPRequestHandler):
    """Answers as it is asked to by the path."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, dict(self.headers), body))
        if self.path == "/slow":
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            while not self.server.ending.wait(0.05):
                try:
                    self.wfile.write(b".")
                except OSError:
                    return
            return
        if self.path == "/drip":
            while not self.server.ending.wait(0.05):
                try:
                    self.wfile.write(b"H")
                except OSError:
                    return
            return
        self.send_response(int(self.path.strip("/").partition("?")[0] or 200))
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.send_header("Retry-After", "90")
        self.end_headers()
        self.wfile.write(b"x" * 200_000)

    def log_message(self, *_) -> None:
        pass


@pytest.fixture
def other():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Other)
    server.got, server.ending, server.daemon_threads = [], threading.Event(), True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield server
    server.ending.set()
    server.shutdown()
    server.server_close()


def test_a_body_arrives_with_its_headers_and_the_answer_is_cut_at_the_limit(other):
    answer = Guarded(private=True).post(f"{other.url}/200?a=b", b'{"n": 1}', {"webhook-id": "m"})
    ((path, headers, body),) = other.got
    assert (path, body, headers["webhook-id"], headers["Content-Type"]) == ("/200?a=b", b'{"n": 1}', "m", "application/json")
    assert headers["Host"] == other.url.removeprefix("http://")
    assert (answer.ok, answer.status, len(answer.body)) == (True, 200, 64_000)


@pytest.mark.parametrize("status", [301, 302, 307, 400, 410, 500])
def test_a_redirect_is_told_and_not_followed(other, status):
    answer = Guarded(private=True).post(f"{other.url}/{status}", b"")
    assert (answer.ok, answer.status, answer.headers["retry-after"]) == (False, status, "90")
    assert len(other.got) == 1


def test_who_never_ends_the_head_of_an_answer_is_cut_off(other):
    with pytest.raises(NoAnswer, match=r"within 0\.5 s"):
        Guarded(private=True, seconds=0.5).post(f"{other.url}/drip", b"")


def test_who_never_ends_the_answer_is_cut_off_too(other):
    answer = Guarded(private=True, seconds=0.5).post(f"{other.url}/slow", b"")
    assert (answer.status, len(answer.body) < 1000) == (200, True), "it was taken; the rest is of no use"


def test_nobody_there_is_worth_another_try():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(NoAnswer, match="gave no answer"):
        Guarded(private=True, seconds=2).post(f"http://127.0.0.1:{port}/", b"")


def test_the_number_that_was_checked_is_the_one_that_is_asked(other):
    """A name that means something else a moment later leads nowhere else: it is looked up once."""
    asked = []

    def lookup(host, port):
        asked.append(host)
        return ["127.0.0.1"]

    answer = Guarded(private=True, lookup=lookup).post(other.url.replace("127.0.0.1", "nobody.invalid") + "/200", b"")
    assert answer.ok
    assert asked == ["nobody.invalid"]
    assert other.got[0][1]["Host"].startswith("nobody.invalid:")


class Keeps(http.server.BaseHTTPRequestHandler):
    """Keeps its connections; the path says how long an answer is, or that it hangs up."""

    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.server.connections.append(self.connection)
        self.count = 0

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, body))
        self.count += 1
        if self.path == "/hang-up" and self.count > 1:
            self.close_connection = True
            return
        content = b"x" * int(self.path[1:]) if self.path[1:].isdigit() else body
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        if self.path == "/last":
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)
        if self.path == "/leave":
            self.close_connection = True

    def log_message(self, *_) -> None:
        pass


@pytest.fixture
def keeps():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Keeps)
    server.got, server.connections, server.daemon_threads, server.asked = [], [], True, []
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    server.url = f"http://nobody.invalid:{server.server_address[1]}"
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def line(keeps):
    with Line(Guarded(private=True, seconds=5, lookup=lambda host, _: keeps.asked.append(host) or ["127.0.0.1"])) as made:
        yield made


def test_what_is_asked_in_a_row_goes_over_one_connection(keeps, line):
    told = [line.ask("POST", f"{keeps.url}/{n}x", f"body {n}".encode()).body for n in range(4)]
    assert told == [b"body 0", b"body 1", b"body 2", b"body 3"]
    assert line.ask("POST", f"{keeps.url}/x", io.BytesIO(b"a file"), {"Content-Length": "6"}).body == b"a file"
    assert (len(keeps.connections), keeps.asked) == (1, ["nobody.invalid"])


@pytest.mark.parametrize("path", ["last", "leave", "70000"])
def test_a_connection_that_ends_or_is_not_read_to_its_end_is_not_used_again(keeps, line, path):
    """`leave` hangs up without saying so before, and the answer of 70,000 bytes is cut at the limit."""
    line.ask("POST", f"{keeps.url}/{path}", b"one")
    if line._held is not None:
        select.select([line._held.sockets[-1]], [], [], 5)
    assert line.ask("POST", f"{keeps.url}/x", b"two").body == b"two"
    assert (len(keeps.connections), len(keeps.asked)) == (2, 2), "it is looked up and checked again"
    assert [body for _, body in keeps.got] == [b"one", b"two"]


def test_a_request_that_finds_its_connection_ended_is_made_once_more_and_a_file_is_not(keeps, line):
    line.ask("POST", f"{keeps.url}/x", b"one")
    assert line.ask("POST", f"{keeps.url}/hang-up", b"two").body == b"two"
    assert [body for _, body in keeps.got] == [b"one", b"two", b"two"]
    with pytest.raises(NoAnswer):
        line.ask("POST", f"{keeps.url}/hang-up", io.BytesIO(b"three"), {"Content-Length": "5"})
    assert [body for _, body in keeps.got][3:] == [b"three"]


def test_every_place_is_checked(keeps, line):
    line.ask("POST", f"{keeps.url}/x", b"one")
    line.ask("POST", keeps.url.replace("nobody", "other") + "/x", b"two")
    assert (len(keeps.connections), keeps.asked) == (2, ["nobody.invalid", "other.invalid"])
    with pytest.raises(AddressRefused):
        line.ask("POST", "ftp://nobody.invalid/x", b"")


def test_each_request_has_its_own_time(keeps, line):
    line.ask("POST", f"{keeps.url}/x", b"one", seconds=0.3)
    time.sleep(0.4)
    assert line.ask("POST", f"{keeps.url}/x", b"two", seconds=5).body == b"two"
    assert len(keeps.connections) == 1


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nobody.invalid")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    made = made.not_valid_before(dt.datetime(2020, 1, 1)).not_valid_after(dt.datetime(2090, 1, 1)).sign(key, hashes.SHA256())
    file = tmp_path / "one.pem"
    plain = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(plain + made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server = http.server.HTTPServer(("127.0.0.1", 0), Other)
    server.got, server.ending = [], threading.Event()
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with pytest.raises(NoAnswer, match="certificate is not trusted"):
            Guarded(private=True, seconds=3).post(f"https://127.0.0.1:{server.server_address[1]}/200", b"")
        trusting = Guarded(private=True, seconds=3, lookup=lambda *_: ["127.0.0.1"])
        trusted = ssl.create_default_context(cadata=made.public_bytes(serialization.Encoding.PEM).decode())
        trusted.check_hostname = False
        object.__setattr__(trusting, "context", trusted)
        assert trusting.post(f"https://nobody.invalid:{server.server_address[1]}/200", b"x").ok
    finally:
        server.shutdown()
        server.server_close()


def test_a_signature_holds_for_its_body_its_secret_and_five_minutes():
    secret, body = secret_text(b"k" * 32), b'{"a": 1}'
    headers = signed_headers([key_of(secret)], "msg_1", body, now=NOW)
    assert verified(secret, headers, body, now=NOW + dt.timedelta(minutes=4)) == "msg_1"
    for given_secret, given_headers, given_body, at in (
        (secret_text(b"l" * 32), headers, body, NOW),
        (secret, headers, b'{"a": 2}', NOW),
        (secret, {**headers, "webhook-id": "msg_2"}, body, NOW),
        (secret, {**headers, "webhook-timestamp": str(int(NOW.timestamp()) + 1)}, body, NOW),
        (secret, headers, body, NOW + dt.timedelta(minutes=6)),
        (secret, headers, body, NOW - dt.timedelta(minutes=6)),
        (secret, {}, body, NOW),
    ):
        with pytest.raises(SignatureWrong):
            verified(given_secret, given_headers, given_body, now=at)


def test_a_signature_is_that_of_standard_webhooks():
    """The published example of the specification's reference libraries."""
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    at = dt.datetime.fromtimestamp(1614265330, dt.UTC)
    headers = signed_headers([key_of(secret)], "msg_p5jXN8AQM9LWM0D4loKWxJek", body, now=at)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_while_a_secret_is_changed_both_hold():
    headers = signed_headers([b"new", b"old"], "m", b"x", now=NOW)
    assert verified("new", headers, b"x", now=NOW) == verified("old", headers, b"x", now=NOW) == "m"
