"""Signing in by an issuer: who is let in with which role, and everything that must let nobody in."""

import base64
import datetime as dt
import hmac
import json
import secrets
import threading
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from limits import RateLimitItemPerMinute
from pydantic import SecretStr

from seeding_platform.errors import ConfigError
from seeding_platform.service.app import create_app
from seeding_platform.service.issuer import Issuer, IssuerUnreachable, NotVouched, http_client, safe
from seeding_platform.service.membership import Memberships
from seeding_platform.service.pages import oidc
from seeding_platform.storage.api_keys import Role
from seeding_platform_tests.places import place_in
from seeding_platform_tests.service.issuers import CLIENT, KEYS, OTHER, SECRET, local_issuer

HOME = "http://testserver"
GROUPS = "desk=viewer@acme, lead=steward@acme, root=admin@home"


@pytest.fixture(scope="module")
def running():
    with local_issuer() as made:
        yield made


@pytest.fixture
def issuer(running):
    running.reset()
    return running


class Clock:
    def __init__(self):
        self.ahead = dt.timedelta(0)

    def __call__(self):
        return dt.datetime.now(dt.UTC) + self.ahead


@pytest.fixture(scope="module")
def ticking():
    return Clock()


@pytest.fixture
def clock(ticking):
    ticking.ahead = dt.timedelta(0)
    return ticking


def app_of(place, issuer, clock, **changed):
    told = {"oidc_issuer": issuer.url, "oidc_client_id": CLIENT, "oidc_client_secret": SecretStr(SECRET), "oidc_groups": GROUPS}
    settings = place.settings.model_copy(update={**told, "public_url": HOME, **changed})
    return create_app(settings, now=clock, new_id=secrets.token_hex, watching=False)


@pytest.fixture(scope="module")
def served(tmp_path_factory, running, ticking):
    running.reset()
    with TestClient(app_of(place_in(tmp_path_factory.mktemp("oidc") / "place"), running, ticking), follow_redirects=False) as made:
        yield made


@pytest.fixture
def client(served, issuer, clock):
    """A browser that nobody is signed in with, before a service that has asked the issuer nothing yet."""
    served.cookies.clear()
    forget(served)
    return served


def forget(client):
    """The service has asked the issuer nothing yet."""
    known = client.app.state.service.vouching[0]
    known._held.clear()
    known._away.clear()


def begun(client, **query) -> str:
    """Where the issuer sends a browser back to."""
    sent = client.get("/en/sign-in/issuer", params=query)
    assert sent.status_code == 303, sent.text
    back = httpx.get(sent.headers["location"]).headers["location"]
    assert back.startswith(f"{HOME}/sign-in/callback?")
    return back.removeprefix(HOME)


def nobody_in(client, answer, status: int, said: str) -> bool:
    assert (answer.status_code, said in answer.text) == (status, True), answer.text[-600:]
    assert "sp_session" not in client.cookies
    return client.get("/en/upload").status_code == 303


def events(client):
    return client.app.state.service.trail.log.newest(limit=50)


def test_somebody_signs_in_works_and_signs_out(client, issuer):
    assert "/en/sign-in/issuer?next=/en/upload" in client.get("/en/sign-in?next=/en/upload").text
    done = client.get(begun(client, next="/en/upload"))
    assert (done.status_code, done.headers["location"]) == (303, "/en/upload")
    cookie = client.cookies["sp_session"]
    assert "HttpOnly" in str(done.headers)
    assert "Signed in as viewer" in client.get("/en/upload").text
    assert client.get("/api/v1/runs").status_code == 200
    assert client.post("/api/v1/nlq", json={"question": "spend"}).status_code == 403, "a session's request needs the mark of a page of ours"
    assert client.app.state.service.api.all_keys() == [], "no key is made"
    actor = client.app.state.service.sessions.opened(cookie)
    assert (actor.role, actor.tenant, actor.key_id.startswith("person-")) == (Role.VIEWER, "acme", True)
    recorded = [(e.event.action, e.event.actor, e.event.outcome) for e in events(client)]
    assert ("GET /sign-in/callback", actor.key_id, "ok") in recorded
    assert "jan" not in str([e.body for e in events(client)])
    own, mark = {"Cookie": f"sp_session={cookie}"}, client.app.state.service.sessions.csrf_token(cookie)
    client.get("/en/sign-out")
    assert "sp_session" not in client.cookies
    client.post("/en/sign-out", headers=own)
    client.post("/en/sign-out", headers={**own, "Origin": "https://evil.example"}, data={"csrf": mark})
    assert client.get("/en/upload", headers=own).status_code == 200, "nobody elsewhere ends a session"
    assert f'name="csrf" value="{mark}"' in client.get("/en/upload", headers=own).text
    client.post("/en/sign-out", headers=own, data={"csrf": mark})
    assert client.get("/en/upload", headers=own).status_code == 303, "the cookie is worth nothing any more"


def test_the_same_person_has_the_same_pseudonym_and_another_another(client, issuer):
    seen = []
    for subject in ("a", "b", "a"):
        issuer.claims = {"sub": subject}
        client.get(begun(client))
        seen.append(client.app.state.service.sessions.opened(client.cookies["sp_session"]).key_id)
    assert seen[0] == seen[2] != seen[1]


@pytest.mark.parametrize("alg", ["RS256", "ES256", "Ed25519"])
def test_signatures_of_public_keys_are_taken(client, issuer, alg):
    issuer.alg, issuer.signing, issuer.published = alg, KEYS[alg], list(KEYS.values())
    assert client.get(begun(client)).status_code == 303


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
def test_the_old_name_of_a_signature_is_taken(client, issuer):
    issuer.alg, issuer.signing, issuer.published = "EdDSA", KEYS["Ed25519"], [KEYS["Ed25519"]]
    assert client.get(begun(client)).status_code == 303


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "somebody-else"},
        {"aud": [CLIENT, "somebody-else"]},
        {"azp": "somebody-else"},
        {"aud": None},
        {"iss": "https://evil.example"},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"nbf": 4_000_000_000},
        {"iat": 4_000_000_000},
        {"sub": None},
        {"sub": 7},
    ],
    ids=str,
)
def test_claims_that_are_not_ours_let_nobody_in(client, issuer, claims):
    issuer.claims = claims
    assert nobody_in(client, client.get(begun(client)), 401, "did not vouch for you")


@pytest.mark.parametrize(("seconds", "status"), [(340, 303), (380, 401)])
def test_a_token_is_taken_a_minute_longer(client, issuer, clock, seconds, status):
    back = begun(client)
    clock.ahead = dt.timedelta(seconds=seconds)
    assert client.get(back).status_code == status


def unsigned(part: dict) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def forged(issuer, nonce: str, kind: str) -> str:
    claims = issuer.said(nonce)
    if kind == "none":
        return f"{unsigned({'alg': 'none', 'kid': 'rsa'})}.{unsigned(claims)}."
    if kind == "hs256":
        signed = f"{unsigned({'alg': 'HS256', 'kid': 'rsa'})}.{unsigned(claims)}"
        mark = hmac.digest(KEYS["RS256"].as_bytes(encoding="PEM", private=False), signed.encode(), "sha256")
        return f"{signed}.{base64.urlsafe_b64encode(mark).rstrip(b'=').decode()}"
    if kind == "another key":
        return jwt.encode({"alg": "RS256", "kid": "rsa"}, claims, OTHER, algorithms=["RS256"])
    if kind == "changed":
        head, _, mark = issuer.signed(nonce).split(".")
        return f"{head}.{unsigned({**claims, 'groups': ['root']})}.{mark}"
    return kind


@pytest.mark.parametrize("kind", ["none", "hs256", "another key", "changed", "no token", "a.b.c", "..", "é.é.é"])
def test_forged_tokens_let_nobody_in(client, issuer, kind):
    back = begun(client)
    nonce = next(iter(issuer.codes.values()))["nonce"]
    issuer.token = forged(issuer, nonce, kind)
    assert nobody_in(client, client.get(back), 401, "did not vouch for you")


def test_an_unknown_key_is_looked_for_once(client, issuer, clock):
    assert client.get(begun(client)).status_code == 303
    client.cookies.clear()
    issuer.signing = OTHER
    clock.ahead = dt.timedelta(seconds=30)
    before = issuer.asked.count("keys")
    assert nobody_in(client, client.get(begun(client)), 401, "did not vouch for you")
    assert issuer.asked.count("keys") == before + 1
    assert nobody_in(client, client.get(begun(client)), 401, "did not vouch for you")
    assert issuer.asked.count("keys") == before + 1, "what is unknown is not asked for again and again"


def test_keys_that_were_replaced_are_found(client, issuer, clock):
    assert client.get(begun(client)).status_code == 303
    issuer.signing, issuer.published = OTHER, [OTHER]
    clock.ahead = dt.timedelta(seconds=30)
    asked = issuer.asked.count("keys")
    assert client.get(begun(client)).status_code == 303
    assert issuer.asked.count("keys") == asked + 1
    assert client.get(begun(client)).status_code == 303
    assert issuer.asked.count("keys") == asked + 1, "what was found is held"


def test_no_group_no_entry(client, issuer):
    for groups in ([], ["strangers"], None, {"desk": 1}, [["desk"]], "strangers"):
        issuer.claims = {"groups": groups}
        assert nobody_in(client, client.get(begun(client)), 403, "you are in no group that may enter here")


def test_the_highest_role_counts(client, issuer):
    for groups, place in ((["desk", "lead"], (Role.STEWARD, "acme")), (["root", "desk"], (Role.ADMIN, "home")), ("lead", (Role.STEWARD, "acme"))):
        issuer.claims = {"groups": groups}
        client.get(begun(client))
        actor = client.app.state.service.sessions.opened(client.cookies["sp_session"])
        assert (actor.role, actor.tenant) == place


def test_an_attempt_opens_one_session_even_if_the_issuer_takes_a_code_twice(client, issuer):
    issuer.takes_codes_twice = True
    sent = client.get("/en/sign-in/issuer")
    attempt = sent.headers["set-cookie"].partition(";")[0]
    back = httpx.get(sent.headers["location"]).headers["location"].removeprefix(HOME)
    assert client.get(back).status_code == 303
    client.cookies.clear()
    again = client.get(back, headers={"Cookie": attempt})
    assert issuer.used == ["code0"], "it is asked once"
    assert nobody_in(client, again, 401, "was used before")


def test_an_attempt_that_failed_is_spent(client, issuer):
    back = begun(client)
    attempt = {"Cookie": f"sp_attempt={client.cookies.get('sp_attempt')}"}
    assert client.get(f"{back}&error=access_denied", headers=attempt).status_code == 401
    assert nobody_in(client, client.get(back, headers=attempt), 401, "This attempt is over")
    assert "token" not in issuer.asked


def test_one_address_does_not_lock_out_the_others(client, issuer, monkeypatch):
    monkeypatch.setattr(oidc, "MOST_A_MINUTE", RateLimitItemPerMinute(2, namespace="few"))
    assert [client.get(begun(client)).status_code for _ in range(3)] == [303, 303, 429]
    elsewhere = TestClient(client.app, follow_redirects=False, client=("203.0.113.7", 5000))  # the same service, which is started once
    assert elsewhere.get(begun(elsewhere)).status_code == 303


def test_a_key_that_cannot_be_read_is_passed_over(client, issuer):
    odd = [{"kty": "EC", "crv": "P-999", "x": "AA", "y": "AA", "kid": "odd"}, {"kty": "RSA", "kid": "no number"}, {"kty": "OKP", "crv": 7}, 5, None]
    issuer.key_set = {"keys": [*odd, KEYS["RS256"].as_dict(private=False)]}
    assert client.get(begun(client)).status_code == 303


@pytest.mark.parametrize("keys", [None, "rsa", {"kty": "RSA"}, [], [{"kty": "EC", "crv": "P-999", "x": "AA", "y": "AA"}]], ids=str)
def test_without_keys_nobody_comes_in(client, issuer, keys):
    issuer.key_set = {"keys": keys}
    assert nobody_in(client, client.get(begun(client)), 502, "does not answer")


def test_an_issuer_that_is_away_is_left_alone_for_a_moment(issuer, clock):
    asked = Issuer(issuer.url, CLIENT, SECRET, "groups", clock, http_client)
    issuer.down = True
    for _ in range(3):
        with pytest.raises(IssuerUnreachable, match="503"):
            asked.checked("t", nonce="n")
    assert issuer.asked == ["discovery"]
    issuer.down, clock.ahead = False, dt.timedelta(seconds=11)
    assert asked.checked(issuer.signed("n"), nonce="n").groups == {"desk"}
    issuer.down, clock.ahead = True, dt.timedelta(hours=2)
    assert asked.address(state="s", nonce="n", verifier="v", redirect_uri=HOME), "what was told before counts meanwhile"


def test_one_asks_and_nobody_waits_for_it(clock):
    entered, go = threading.Event(), threading.Event()

    def slow(request):
        entered.set()
        assert go.wait(10)
        return httpx.Response(503)

    asked = Issuer("https://id.example", CLIENT, SECRET, "groups", clock, lambda: httpx.Client(transport=httpx.MockTransport(slow)))

    def ask():
        with pytest.raises(IssuerUnreachable):
            asked.checked("t", nonce="n")

    first = threading.Thread(target=ask)
    first.start()
    assert entered.wait(10)
    second = threading.Thread(target=ask)
    second.start()
    second.join(5)
    waited = second.is_alive()
    go.set()
    first.join(10)
    assert not waited


def test_a_code_that_was_used_lets_nobody_in(client, issuer):
    used = parse_qs(urlsplit(begun(client)).query)["code"][0]
    issuer.used.append(used)
    fresh = begun(client)
    assert nobody_in(client, client.get(fresh.replace("code1", "code0")), 401, "did not vouch for you")


@pytest.mark.parametrize("change", ["state", "no cookie", "another browser", "late", "unsigned"])
def test_an_attempt_of_nobody_lets_nobody_in(client, issuer, clock, change):
    back = begun(client)
    if change == "state":
        back = back.partition("state=")[0] + "state=" + "0" * 64
    elif change == "late":
        clock.ahead = dt.timedelta(minutes=11)
    elif change == "another browser":
        other = back
        client.cookies.clear()
        begun(client)
        back = other
    elif change == "unsigned":
        text = unsigned({"state": "s", "nonce": "n", "verifier": "v", "lang": "en", "next": "", "until": 9e12})
        client.cookies.clear()
        client.cookies.set("sp_attempt", f"{text}.{'0' * 64}", path="/sign-in/callback")
        back = "/sign-in/callback?state=s&code=code0"
    else:
        client.cookies.clear()
    asked = issuer.asked.count("token")
    assert nobody_in(client, client.get(back), 401, "This attempt is over")
    assert issuer.asked.count("token") == asked


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/nl/kpis", "/en/\\evil", "/en//evil.example", "/en/a\r\nb"])
def test_signing_in_leads_nowhere_else(client, target):
    assert client.get(begun(client, next=target)).headers["location"] == "/en/overview"


def test_the_issuer_is_not_believed_about_this_host(client):
    sent = client.get("/en/sign-in/issuer", headers={"Host": "evil.example"})
    assert parse_qs(urlsplit(sent.headers["location"]).query)["redirect_uri"] == [f"{HOME}/sign-in/callback"]


def test_an_issuer_that_refuses_or_is_away(client, issuer):
    back = begun(client)
    assert nobody_in(client, client.get(f"{back}&error=access_denied"), 401, "did not vouch for you")
    forget(client)
    issuer.down = True
    assert nobody_in(client, client.get("/en/sign-in/issuer"), 502, "does not answer")


@pytest.mark.parametrize("says", [{"issuer": "https://evil.example"}, {"token_endpoint": "http://evil.example/t"}, {"jwks_uri": None}])
def test_a_document_that_is_not_the_issuers_is_refused(client, issuer, says):
    issuer.says = says
    assert nobody_in(client, client.get("/en/sign-in/issuer"), 502, "does not answer")


def test_a_session_is_over_after_its_hours(client, clock):
    client.get(begun(client))
    cookie = {"Cookie": f"sp_session={client.cookies['sp_session']}"}
    client.cookies.clear()
    assert client.get("/en/upload", headers=cookie).status_code == 200
    name, expires, mark = cookie["Cookie"].split(".")
    for wrong in (f"{name}.{int(expires) + 1}.{mark}", f"{name}.{expires}.{'0' * 64}", f"{name[:-1]}.{expires}.{mark}"):
        assert client.get("/en/upload", headers={"Cookie": wrong}).status_code == 303
    clock.ahead = dt.timedelta(hours=12, seconds=1)
    assert client.get("/en/upload", headers=cookie).status_code == 303


def test_without_an_issuer_there_is_no_button(tmp_path, issuer, clock):
    with TestClient(app_of(place_in(tmp_path / "place"), issuer, clock, oidc_issuer=""), follow_redirects=False) as client:
        assert "/sign-in/issuer" not in client.get("/en/sign-in").text
        assert client.get("/en/sign-in/issuer").status_code == 404
        assert client.get("/sign-in/callback").status_code == 404


@pytest.mark.parametrize(
    "wrong", [{"oidc_groups": ""}, {"oidc_groups": "desk=king@acme"}, {"oidc_client_id": ""}, {"oidc_issuer": "http://id.example"}]
)
def test_wrong_settings_end_the_start(tmp_path, issuer, clock, wrong):
    with pytest.raises(ConfigError, match="SEEDING_OIDC"), TestClient(app_of(place_in(tmp_path / "place"), issuer, clock, **wrong)):
        pass


def test_a_redirect_of_the_issuer_is_not_followed(issuer):
    asked = Issuer(issuer.url, CLIENT, SECRET, "groups", Clock(), http_client)
    issuer.says = {"jwks_uri": f"{issuer.url}/authorize?redirect_uri={issuer.url}/keys&state=s"}
    with pytest.raises(IssuerUnreachable, match="302"):
        asked.checked(issuer.signed("n"), nonce="n")
    issuer.says = {}
    fresh = Issuer(issuer.url, CLIENT, SECRET, "groups", Clock(), http_client)
    assert fresh.checked(issuer.signed("n"), nonce="n").groups == {"desk"}
    with pytest.raises(NotVouched):
        fresh.checked(issuer.signed("n"), nonce="m")


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(list(Role)), st.sampled_from(["t", "u"])), min_size=1),
    st.sets(st.sampled_from("abcd")),
)
def test_nobody_has_more_than_their_groups_give(entries, groups):
    place = Memberships.parsed(",".join(f"{g}={r}@{t}" for g, r, t in entries)).place(groups)
    own = [(r, t) for g, r, t in entries if g in groups]
    assert (place is None) == (not own)
    if place is not None:
        assert (place.role, place.tenant) in own
        assert all(place.role.may(r) for r, _ in own)


def test_a_group_may_have_an_equals_sign():
    assert Memberships.parsed("cn=desk=viewer@acme").place(["cn=desk"]).tenant == "acme"


def test_addresses_that_are_not_safe():
    for url in ("", "ftp://a", "http://10.0.0.1", "http://127.0.0.1.evil.example", "https://", "http://[", "https://a\nb", "https://u:p@a"):
        assert not safe(url), url
