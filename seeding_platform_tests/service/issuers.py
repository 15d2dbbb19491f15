"""An OpenID Connect issuer on this machine, for tests: it vouches for whoever comes, in the way that a test asks it to."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import uvicorn
from joserfc import jwk, jwt
from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

CLIENT, SECRET = "seeding", "secret of: the client"
KEYS = {
    "RS256": jwk.generate_key("RSA", 2048, parameters={"kid": "rsa", "use": "sig"}),
    "ES256": jwk.generate_key("EC", "P-256", parameters={"kid": "ec"}),
    "Ed25519": jwk.generate_key("OKP", "Ed25519", parameters={"kid": "ed"}),
}
OTHER = jwk.generate_key("RSA", 2048, parameters={"kid": "other"})


@dataclass
class LocalIssuer:
    """What the issuer does next.

    Args:
        url: where it is.
    """

    url: str
    signing: Any = None
    alg: str = "RS256"
    key_set: dict[str, Any] | None = None
    published: list[Any] = field(default_factory=list)
    claims: dict[str, Any] = field(default_factory=dict)
    token: str | None = None
    says: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    used: list[str] = field(default_factory=list)
    takes_codes_twice: bool = False
    down: bool = False

    def reset(self) -> None:
        """As it was at first."""
        self.__init__(self.url)  # type: ignore[misc]
        self.signing, self.published = KEYS["RS256"], [KEYS["RS256"]]

    def discovery(self, _: Request) -> JSONResponse:
        """Its document."""
        self.asked.append("discovery")
        ends = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        told = {"issuer": self.url, **{name: f"{self.url}/{path}" for name, path in ends.items()}, **self.says}
        return JSONResponse(told, status_code=503 if self.down else 200)

    def keys(self, _: Request) -> JSONResponse:
        """Its public keys, and one for encryption that signs nothing."""
        self.asked.append("keys")
        if self.key_set is not None:
            return JSONResponse(self.key_set)
        return JSONResponse({"keys": [*(key.as_dict(private=False) for key in self.published), {"kty": "oct", "k": "AAAA", "kid": "oct"}]})

    def authorize(self, request: Request) -> RedirectResponse:
        """Vouch at once, and send back with a code."""
        asked = dict(request.query_params)
        code = f"code{len(self.codes)}"
        self.codes[code] = asked
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}", status_code=302)

    async def give(self, request: Request) -> JSONResponse:
        """Change a code for a token, once, for whoever holds verifier and secret."""
        form = {name: str(value) for name, value in (await request.form()).items()}
        self.asked.append("token")
        asked = self.codes.get(form["code"])
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        basic = base64.b64encode(f"{CLIENT}:secret%20of%3A%20the%20client".encode()).decode()
        if request.headers.get("authorization") != f"Basic {basic}":
            return JSONResponse({"error": "invalid_client"}, status_code=401)
        again = form["code"] in self.used and not self.takes_codes_twice
        if asked is None or again or challenge != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        self.used.append(form["code"])
        return JSONResponse({"id_token": self.token or self.signed(asked["nonce"]), "access_token": "a", "token_type": "Bearer"})

    def said(self, nonce: str) -> dict[str, Any]:
        """What a token says; a claim that a test sets to None is left out."""
        now = int(time.time())
        told = {
            "iss": self.url,
            "aud": CLIENT,
            "sub": "jan@example.nl",
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            "groups": ["desk"],
            **self.claims,
        }
        return {name: value for name, value in told.items() if value is not None}

    def signed(self, nonce: str) -> str:
        """A token."""
        return str(jwt.encode({"alg": self.alg, "kid": self.signing.kid}, self.said(nonce), self.signing, algorithms=[self.alg]))


@contextlib.contextmanager
def local_issuer() -> Iterator[LocalIssuer]:
    """An issuer on the loopback, until the end of the block."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        made = LocalIssuer(f"http://127.0.0.1:{listening.getsockname()[1]}")
        routes = [
            Route("/.well-known/openid-configuration", made.discovery),
            Route("/keys", made.keys),
            Route("/authorize", made.authorize),
            Route("/token", made.give, methods=["POST"]),
        ]
        listening.listen()
        server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            yield made
        finally:
            server.should_exit = True
            thread.join(10)
