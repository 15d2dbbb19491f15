"""A platform that is only told of: what `docs/engine-protocol.md` says of *Pull*, over `httpx.MockTransport`."""

import json
import re
from hashlib import sha256

import httpx

from seeding_platform.distribution.conformance.publisher import Publisher
from seeding_platform.storage.content import canonical_json
from seeding_platform_tests.distribution.receivers import KEYS, fresh, now

ENGINE = "parcels"


class FakePlatform:
    """Offers what it was given; `broken` answers are given first.

    Args:
        tenant: whose bundles.
    """

    def __init__(self, tenant="default"):
        self.publisher = Publisher(KEYS, tenant=tenant, now=now, fresh=fresh)
        self.bundles, self.offered, self.recalled, self.decided = {}, None, {}, None
        self.asked, self.acknowledged, self.streams, self.broken = [], [], [], []

    def release(self, generation, table, **how):
        return self.offer(self.publisher.release(ENGINE, generation, table, **how))

    def offer(self, made):
        self.bundles[made.generation] = self.offered = made
        return made

    def client(self):
        return httpx.Client(transport=httpx.MockTransport(self.answer))

    def answer(self, request):
        path = request.url.path.removeprefix(f"/api/v1/engines/{ENGINE}")
        self.asked.append((request.method, path, request.headers.get("range")))
        if request.headers["authorization"] != "Bearer sp_key":
            return httpx.Response(401, json={"code": "unauthenticated", "title": "?"})
        if self.broken:
            answer = self.broken.pop(0)
            if isinstance(answer, Exception):
                raise answer
            if answer is not None:
                return answer(request) if callable(answer) else answer
        if path == "/release":
            return self._release(request)
        if path == "/acknowledgements":
            return self._acknowledged(json.loads(request.content))
        if path == "/stream":
            return httpx.Response(200, content=self.streams.pop(0), headers={"content-type": "text/event-stream"})
        found = re.fullmatch(r"/bundles/(\d+)/(manifest|manifest\.sig|files/(.+))", path)
        generation = int(found[1])
        if generation in self.recalled:
            return httpx.Response(410, json={"code": "bundle-recalled", "title": "gone", "instead": self.recalled[generation]})
        made = self.bundles[generation]
        if found[2] == "manifest":
            return httpx.Response(200, content=made.manifest.encode())
        return httpx.Response(200, content=made.manifest_signature.to_bytes()) if found[2] == "manifest.sig" else self._file(request, made, found[3])

    def _release(self, request):
        if self.offered is None:
            return httpx.Response(404, json={"code": "no-release", "title": "none"})
        etag = f'"{sha256(f"{self.offered.release}{self.decided}".encode()).hexdigest()}"'
        if request.headers.get("if-none-match") == etag:
            return httpx.Response(304)
        told = {
            "seq": 800 + self.offered.generation,
            "release": self.offered.release,
            "release_signature": self.offered.release_signature.model_dump(),
            "decided": self.decided,
        }
        return httpx.Response(200, content=canonical_json(told), headers={"etag": etag})

    def _file(self, request, made, name):
        body, span = made.files[name], request.headers.get("range")
        if span is None:
            return httpx.Response(200, content=body)
        begin = int(re.fullmatch(r"bytes=(\d+)-", span)[1])
        return httpx.Response(206, content=body[begin:])

    def _acknowledged(self, told):
        desired = self.offered.generation
        if told["generation"] < desired:
            return httpx.Response(409, json={"code": "generation-stale", "title": "late", "desired": desired})
        if told["state"] != "refused" and told["proof"] != self.offered.proof(told["via"]):
            return httpx.Response(422, json={"code": "proof-does-not-fit", "title": "no"})
        self.acknowledged.append(told)
        return httpx.Response(200, json={"accepted": True, "desired": desired})
