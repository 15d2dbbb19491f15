"""The reference receiver on a port of its own, behind something that may go wrong on the way to it: healthy stands, and twelve bad ones."""

import base64
import http.server
import json
import os
import threading
import time

from seeding_platform.distribution.receiver import Receiver
from seeding_platform.distribution.signers import published_keys
from seeding_platform.distribution.signing import Signer, TrustedKey, trusted_keys
from seeding_platform.storage.delivery.records import EndpointKind
from seeding_platform.storage.keyring import Keyring
from seeding_platform.storage.signing_keys import SigningKeys
from seeding_platform_tests.distribution.receivers import AsgiLine


class Stand:
    """One engine with the reference receiver.

    Args:
        house: installation that delivers to it.
        log: takes the name whenever a bundle is put in use.
        name: of the engine, in the log.
    """

    kind = Receiver

    def __init__(self, house, log=None, name="healthy"):
        self.house, self.name, self.log, self.asked = house, name, log if log is not None else [], []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def _any(self):
                outer.asked.append(f"{self.command} {self.path}")
                outer.meet(self)

            do_GET = do_POST = do_PUT = do_HEAD = _any

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.endpoint, self.secret = house.address(url, EndpointKind.HTTP)
        folder = house.root / "engines" / self.endpoint.endpoint_id
        SigningKeys(house.state).active(now=house.now())
        self.receiver = self.kind(folder, self.trusted(), self.secret, now=house.now, use=lambda *_: self.log.append(self.name))
        self.line = AsgiLine(self.receiver)
        house.receivers.append(self)

    def trusted(self):
        return trusted_keys(published_keys(self.house.state, self.house.publisher.keys))

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def meet(self, request):
        """One request, from the outside."""
        self.answered(request, *self.read(request))

    def read(self, request):
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        return request.command, request.path, {n.lower(): v for n, v in request.headers.items()}, body

    def answered(self, request, method, path, headers, body):
        reply = self.line.send(method, path, headers, body)
        self.say(request, reply.status, reply.body, {n: v for n, v in reply.headers.items() if n in ("retry-after", "x-received-bytes")})

    def say(self, request, status, told, headers=None):
        body = b"" if request.command == "HEAD" or status == 204 else json.dumps(told).encode()
        request.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    # what the tests look at

    @property
    def active(self):
        held = self.receiver.status("t1", self.endpoint.engine)[1]
        return held["generation"]

    @property
    def delivery(self):
        return self.house.publisher.queue.some(endpoint_id=self.endpoint.endpoint_id, limit=1)[0]


class Slow(Stand):
    def meet(self, request):
        time.sleep(0.3)
        super().meet(request)


class Flapping(Stand):
    """Every third request is 503: a try comes a step further each time."""

    def meet(self, request):
        told = self.read(request)
        self.count = getattr(self, "count", 0) + 1
        if self.count % 3 == 0:
            self.say(request, 503, {"code": "later", "title": "no"})
        else:
            self.answered(request, *told)


class OtherSchema(Stand):
    class Picky(Receiver):
        def manifest(self, release, text, signature):
            from seeding_platform.distribution.receipt import Refused

            found = super().manifest(release, text, signature)
            raise Refused("validation-failed", f"column {found.fields[0].name}: is to be a number")

    kind = Picky


class Lying(Stand):
    """Says that it uses what it was given, and forgets it."""

    class Forgetful(Receiver):
        def activate(self, told):
            answer = super().activate(told)
            place = self._named(told)[0]
            known = self.holdings.known(place)
            known.active = None
            self.keep(place, known)
            return answer

    kind = Forgetful


class Dropping(Stand):
    """Hangs up after some bytes of every file."""

    def meet(self, request):
        if request.command != "PUT":
            return super().meet(request)
        request.rfile.read(100)
        request.close_connection = True
        request.connection.close()
        return None


class Answering(Stand):
    """Always the same answer."""

    status, headers = 302, None

    def meet(self, request):
        self.read(request)
        self.say(request, self.status, {"code": "", "title": "no"}, self.headers)


class Redirecting(Answering):
    status, headers = 302, {"Location": "http://127.0.0.1:1/"}


class Gone(Answering):
    status = 410


class TooMany(Answering):
    status, headers = 429, {"Retry-After": "120"}


class Hanging(Stand):
    """Never answers."""

    def __init__(self, *args, **more):
        self.over = threading.Event()
        super().__init__(*args, **more)

    def meet(self, request):
        self.over.wait(60)
        request.close_connection = True

    def close(self):
        self.over.set()
        super().close()


class Twice(Stand):
    """Every request comes twice, as from a careless proxy."""

    def meet(self, request):
        told = self.read(request)
        self.line.send(*told)
        self.answered(request, *told)


class Ahead(Stand):
    """Has seen a higher generation of another installation."""

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        place = self.receiver.holdings.engine("t1", self.endpoint.engine)
        known = self.receiver.holdings.known(place)
        known.raise_fence(99, "f" * 64)
        place.mkdir(parents=True, exist_ok=True)
        self.receiver.keep(place, known)


class TrustsOthers(Stand):
    def trusted(self):
        other = Signer(Keyring(os.urandom(32)), 1)
        key = TrustedKey(key_id=other.key_id, public_key=base64.b64encode(other.public).decode(), not_before=self.house.now())
        return trusted_keys([key])


ZOO = {
    "hanging": Hanging,
    "slow": Slow,
    "flapping": Flapping,
    "other schema": OtherSchema,
    "lying": Lying,
    "dropping": Dropping,
    "redirecting": Redirecting,
    "gone": Gone,
    "too many": TooMany,
    "twice": Twice,
    "ahead": Ahead,
    "trusts others": TrustsOthers,
}
