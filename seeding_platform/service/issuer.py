"""An OpenID Connect issuer that vouches for people: its discovery document, its keys, codes changed for tokens, and tokens checked.

Only the flow with a code, PKCE (RFC 7636), state and nonce; only signatures of public keys. Nothing here knows of a web framework.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import logging
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from seeding_platform.errors import ConfigError, PermanentError, TransientError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    import httpx
    from joserfc.jwk import KeySet

log = logging.getLogger("seeding.service")
ALGORITHMS = ("RS256", "ES256", "EdDSA", "Ed25519")
"""Signatures that are taken; the last two are the old and the new name of one (RFC 9864)."""
LEEWAY_S = 60
HELD_S = 3600
"""How long documents of the issuer are held."""
LOOK_AGAIN_S = 10
"""How soon keys may be fetched again for a token whose key is not known."""
AWAY_S = 10
"""How long an issuer that did not give a document is not asked for it again."""
TIMEOUT_S = 5.0
MOST_BYTES = 1_000_000
DISCOVERY = "/.well-known/openid-configuration"
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class IssuerUnreachable(TransientError):
    """The issuer does not answer, or not as an issuer does."""


class NotVouched(PermanentError):
    """The issuer does not vouch for somebody, or what it says cannot be trusted."""


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom an issuer vouches for.

    Args:
        subject: the issuer's own name of the person.
        groups: that the person is in.
    """

    subject: str
    groups: frozenset[str]


@dataclass
class Issuer:
    """An issuer, as one installation uses it.

    Args:
        url: of the issuer, just as it calls itself.
        client_id: what it calls this installation.
        client_secret: empty for a public client.
        groups_claim: where a token tells the groups.
        now: the clock.
        client: makes what fetches; a test may give its own.
    """

    url: str
    client_id: str
    client_secret: str
    groups_claim: str
    now: Callable[[], dt.datetime]
    client: Callable[[], httpx.Client]
    _held: dict[str, tuple[float, dict[str, Any]]] = field(default_factory=dict, init=False, repr=False)
    _away: dict[str, tuple[float, str]] = field(default_factory=dict, init=False, repr=False)
    _asking: set[str] = field(default_factory=set, init=False, repr=False)
    _turn: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        if not safe(self.url) or urlsplit(self.url).query or urlsplit(self.url).fragment:
            raise ConfigError("SEEDING_OIDC_ISSUER is no address of an issuer.", fix="Give an https:// address, without a query.")
        if not self.client_id:
            raise ConfigError("SEEDING_OIDC_CLIENT_ID is empty.", fix="Give the id that the issuer has for this installation.")

    def address(self, *, state: str, nonce: str, verifier: str, redirect_uri: str) -> str:
        """Where somebody is sent to sign in.

        Raises:
            IssuerUnreachable: the issuer does not say where.
        """
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": redirect_uri,
            "scope": "openid",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        where = self._discovered()["authorization_endpoint"]
        return f"{where}{'&' if urlsplit(where).query else '?'}{urlencode(asked)}"

    def vouched(self, code: str, *, nonce: str, verifier: str, redirect_uri: str) -> Vouched:
        """Change a code for a token, and say whom it vouches for.

        Raises:
            IssuerUnreachable: the issuer does not answer.
            NotVouched: the code is refused, or the token cannot be trusted.
        """
        return self.checked(self._token(code, verifier, redirect_uri), nonce=nonce)

    def checked(self, token: str, *, nonce: str) -> Vouched:
        """Whom a token vouches for.

        Raises:
            IssuerUnreachable: its keys cannot be fetched.
            NotVouched: signature, issuer, audience, times or nonce are not what they must be.
        """
        from joserfc.errors import JoseError
        from joserfc.jwt import JWTClaimsRegistry

        try:
            claims = self._signed_claims(token)
            JWTClaimsRegistry(
                now=int(self.now().timestamp()),
                leeway=LEEWAY_S,
                iss={"essential": True, "value": self.url},
                aud={"essential": True, "value": self.client_id},
                sub={"essential": True},
                exp={"essential": True},
                iat={"essential": True},
                nonce={"essential": True, "value": nonce},
            ).validate(claims)
        except (JoseError, ValueError) as error:
            raise NotVouched(f"The issuer's token was refused ({type(error).__name__}: {error}).", fix="Sign in again.") from error
        audience = claims["aud"]
        if claims.get("azp", self.client_id) != self.client_id or (isinstance(audience, list) and len(audience) > 1 and "azp" not in claims):
            raise NotVouched("The issuer's token is for somebody else (azp).", fix="Sign in again.")
        told = claims.get(self.groups_claim, [])
        groups = [told] if isinstance(told, str) else told if isinstance(told, list) else []
        return Vouched(claims["sub"], frozenset(group for group in groups if isinstance(group, str)))

    def _signed_claims(self, token: str) -> dict[str, Any]:
        """What a token says, once its signature was checked; keys are fetched again, once, where its key is not known."""
        from joserfc import jwt
        from joserfc.errors import InvalidKeyIdError

        try:
            return dict(jwt.decode(token, self._keys(), algorithms=ALGORITHMS).claims)
        except InvalidKeyIdError:
            return dict(jwt.decode(token, self._keys(at_most_s=LOOK_AGAIN_S), algorithms=ALGORITHMS).claims)

    def _token(self, code: str, verifier: str, redirect_uri: str) -> str:
        known = self._discovered()
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": verifier}
        ways = known.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        signed = None
        if self.client_secret and "client_secret_basic" in ways:
            signed = (quote(self.client_id, safe=""), quote(self.client_secret, safe=""))
        else:
            form |= {"client_id": self.client_id, **({"client_secret": self.client_secret} if self.client_secret else {})}
        status, answer = self._asked("POST", known["token_endpoint"], form=form, signed=signed)
        if status >= 500:
            raise IssuerUnreachable(f"The issuer answers {status}.", fix="Try again in a minute.")
        if status != 200 or not isinstance(answer.get("id_token"), str):
            raise NotVouched(f"The issuer refused the code ({status}, {str(answer.get('error', 'no id_token'))[:100]}).", fix="Sign in again.")
        return str(answer["id_token"])

    def _discovered(self) -> dict[str, Any]:
        """The discovery document; every address in it must be as safe as the issuer's own."""
        found = self._document(self.url.rstrip("/") + DISCOVERY, HELD_S)
        bad = [name for name in ENDPOINTS if not isinstance(found.get(name), str) or not safe(found[name])]
        if found.get("issuer") != self.url or bad:
            told = f"names no safe {', '.join(bad)}" if bad else "calls itself something else"
            raise IssuerUnreachable(f"The issuer {told}.", fix="Check SEEDING_OIDC_ISSUER: it must be just what the issuer calls itself.")
        return found

    def _keys(self, *, at_most_s: float = HELD_S) -> KeySet:
        """Keys that sign, public ones only.

        Args:
            at_most_s: how old what is held may be.
        """
        from joserfc.errors import JoseError
        from joserfc.jwk import JWKRegistry, KeySet

        told = self._document(self._discovered()["jwks_uri"], at_most_s).get("keys")
        if not isinstance(told, list):
            raise IssuerUnreachable("The issuer names no list of keys.", fix="Check SEEDING_OIDC_ISSUER: its jwks_uri must hold a key set.")
        usable = []
        for key in told:
            if not isinstance(key, dict) or key.get("kty") not in ("RSA", "EC", "OKP") or key.get("use") == "enc":
                continue
            try:
                read = JWKRegistry.import_key(key)
                read.ensure_kid()
            except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:  # whatever a library makes of somebody's odd key
                log.warning("a key of the issuer was left out: it cannot be read (%s)", type(error).__name__)
            else:
                usable.append(read)
        if not usable:
            raise IssuerUnreachable("The issuer names no key that can be read.", fix="Check SEEDING_OIDC_ISSUER: its jwks_uri must hold its keys.")
        return KeySet(usable)

    def _document(self, url: str, at_most_s: float) -> dict[str, Any]:
        """A document of the issuer, at most so old; an older one where the issuer does not answer, or while somebody else is asking it.

        Raises:
            IssuerUnreachable: it does not answer, did not a moment ago, or is being asked, and there is none from before.
        """
        with self._turn:
            now = self.now().timestamp()
            fetched, held = self._held.get(url, (0.0, None))
            if held is not None and 0 <= now - fetched < at_most_s:
                return dict(held)
            failed, why = self._away.get(url, (0.0, ""))
            if why and not 0 <= now - failed < AWAY_S:
                why = ""
            if not why and url in self._asking:
                why = "The issuer is being asked for its documents just now."
            if why:
                return _stale(held, IssuerUnreachable(why, fix="Try again in some seconds."))
            self._asking.add(url)
        try:
            found = self._fetched(url)
        except IssuerUnreachable as error:
            with self._turn:
                self._away[url] = (self.now().timestamp(), error.what)
            return _stale(held, error)
        else:
            with self._turn:
                self._held[url] = (now, found)
                self._away.pop(url, None)
            return dict(found)
        finally:
            with self._turn:
                self._asking.discard(url)

    def _fetched(self, url: str) -> dict[str, Any]:
        status, found = self._asked("GET", url)
        if status != 200:
            raise IssuerUnreachable(f"The issuer answers {status} to a question for its documents.", fix="Check SEEDING_OIDC_ISSUER.")
        return found

    def _asked(
        self, method: str, url: str, *, form: dict[str, str] | None = None, signed: tuple[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        import json

        import httpx

        try:
            with self.client() as client, client.stream(method, url, data=form, auth=signed, headers={"Accept": "application/json"}) as answer:
                body = b""
                for part in answer.iter_bytes():
                    body += part
                    if len(body) > MOST_BYTES:
                        raise IssuerUnreachable("The issuer says more than a megabyte.", fix="Check SEEDING_OIDC_ISSUER.")
            found = json.loads(body) if body else {}
        except (httpx.HTTPError, ValueError) as error:
            raise IssuerUnreachable(
                f"The issuer cannot be asked ({type(error).__name__}).", fix="Check SEEDING_OIDC_ISSUER and the network."
            ) from error
        return answer.status_code, found if isinstance(found, dict) else {}


def _stale(held: dict[str, Any] | None, error: IssuerUnreachable) -> dict[str, Any]:
    """A document from before.

    Raises:
        IssuerUnreachable: there is none.
    """
    if held is None:
        raise error
    return dict(held)


def http_client() -> httpx.Client:
    """What asks an issuer: no redirects, five seconds."""
    import httpx

    return httpx.Client(timeout=TIMEOUT_S, follow_redirects=False)


def safe(url: str) -> bool:
    """Whether an address is https, or http on this machine.

    >>> [safe(u) for u in ("https://id.example", "http://127.0.0.1:9", "http://id.example", "http://localhost.example", "https://a@b")]
    [True, True, False, False, False]
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name, not a number
        local = False
    if not host or parts.username is not None or not url.isprintable():
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and local)
