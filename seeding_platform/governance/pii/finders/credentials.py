"""Secrets: keys and tokens in the forms that their makers give them, and what stands behind the word for a password."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from seeding_platform.governance.pii.spans import CERTAIN, LIKELY, Finder, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

_MADE = re.compile(
    r"(?<![A-Za-z0-9_])(?:(?:sk|rk|pk)_(?:live|test)_[0-9A-Za-z]{8,}|whsec_[0-9A-Za-z+/=]{16,}|(?:AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_[0-9A-Za-z]{20,}"
    r"|github_pat_[0-9A-Za-z_]{20,}|xox[abeoprs]-[0-9A-Za-z-]{10,}|AIza[0-9A-Za-z_-]{30,}|eyJ[0-9A-Za-z_-]{5,}\.[0-9A-Za-z_-]{5,}(?:\.[0-9A-Za-z_-]*)?"
    r"|glpat-[0-9A-Za-z_-]{16,}|npm_[0-9A-Za-z]{20,}|pypi-[0-9A-Za-z_-]{20,}"
    r"|SG\.[0-9A-Za-z_-]{16,}\.[0-9A-Za-z_-]{16,}|sk-(?:proj-|ant-)?[0-9A-Za-z_-]{20,}"
    r"|hf_[0-9A-Za-z]{20,}|dop_v1_[0-9a-f]{32,}|shpat_[0-9a-fA-F]{16,}|sp_[0-9a-z]{6,}_[0-9a-z]{16,}|key-[0-9a-f]{32}"
    r"|[0-9a-f]{32}-us[0-9]{1,2}|AGE-SECRET-KEY-1[0-9A-Z]{20,})(?![A-Za-z0-9])"
    r"|-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
    r"(?:\s*\n[A-Za-z0-9+/=:, -]{16,}(?=\s|$))*(?:\s*-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----)?"
)
_NAME = (
    r"(?<![A-Za-z])(?:[a-z0-9]+[_-])*(?:pass(?:word|wort|code|phrase|wd)?|pwd?|wachtwoord(?:en)?|wachtw|ww|kennwort|mot[ ]de[ ]passe|mdp"
    r"|secret(?:[_ -]?(?:access[_ -]?)?key)?|client[_ -]?secret|(?:access|auth|api|refresh|session|bearer|bot)?[_ -]?token"
    r"|(?:x-)?(?:api|access|account|private|secret|encryption|signing|shared)[_ -]?(?:key|sleutel)|apikey|api-sleutel|cl[ée][_ ](?:api|secr[èe]te)"
    r"|pincode|pin|sleutel|schlüssel|clé|key|(?:inlog|login|toegangs|zugangs|wifi)?-?code|geheim|seed|otp|credentials?|psk|wpa2?(?:-key)?|wifi-?key"
    r"|accountkey|sharedaccesskey)(?![a-zà-ÿ])[\"'\]]{0,2}"
)
_SIGN = r"[ ]?(?P<sign>=>|:=|[:=]|->|→|[ ](?:is|was|wordt|ist|est)[ ]?:?|(?=[ ]))[ ]?(?P<quote>[\"'“‘`«]?[ ]?)"
_VALUE = r"(?P<value>[^\s\"'“”‘’`«»<>;]{4,})"
_NAMED = re.compile(rf"{_NAME}(?:[ ]?\([^)\n]{{0,30}}\))?{_SIGN}{_VALUE}", re.IGNORECASE)
_FAR = re.compile(
    rf"{_NAME}(?:[.,;:]?[ ](?:\([^)\n]{{0,30}}\)|[a-zà-ÿ0-9’'-]+)){{0,8}}?{_SIGN}(?=[^\s]*[0-9])(?=[^\s]*[A-Za-z]){_VALUE}", re.IGNORECASE
)
_SEED = re.compile(r"(?i)\b(?:totp|otp|2fa|mfa)?[ _-]?(?:seed|totp|otp)[^A-Z0-9\n]{1,4}(?P<value>(?-i:[A-Z2-7]{16,}))")
_BEARER = re.compile(r"\b(?:bearer|basic|token)[ ]+(?P<value>[A-Za-z0-9._~+/-]{16,}={0,2})", re.IGNORECASE)
_IN_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s:/@]{0,60}:(?P<value>[^\s@/]{3,})@(?=[\w\[])", re.IGNORECASE)
_SIGNED = re.compile(r"[?&](?:sig|signature|x-amz-signature|access_token|auth|token|sv_sig)=(?P<value>[A-Za-z0-9._~%+/-]{20,}={0,2})", re.IGNORECASE)
_GIVEN = re.compile(
    r"(?:(?<![A-Za-z])-u[ ]+[^\s:]{1,60}:(?P<login>[^\s\"']{4,})"
    r"|(?:key|token|secret|pass\w*)\W{0,3}(?:\|\||\?\?)\s*[\"'](?P<otherwise>[^\"'\s]{8,})[\"'])",
    re.IGNORECASE,
)
_NOTHING = re.compile(
    r"(?i)^(?:[*•x.…#_-]+|<.*|\{.*|\$.*|%.*|\[.*|null|none|nil|true|false|redacted|vergeten\W*|forgot\w*\W*|oublié\W*|vergessen\W*|reset\W*|change\w*|changed|verlopen\W*|"
    r"expired\W*|required\W*|verplicht\W*|ongeldig\W*|invalid\W*|incorrect\W*|wrong\W*|policy\W*|manager\W*|field|veld|leeg|empty|missing|[a-z]+\(.*|\d{1,3}|your\W?.*|.*-here|jouw\w*|xxx\w*|"
    r"os\.environ.*|process\.env.*|.*getenv.*|env\b.*|config\W.*|settings\..*|vault:.*|secrets\..*|(?:[0-9a-f]{2}:)+[0-9a-f]{2}|https?:.*|www\..*|placeholder|todo|n/?a)$"
)


_STRONG = re.compile(r"(?<!\S)(?=\S*[0-9])(?=\S*[a-z])(?=\S*[A-Z])\S{8}")
_VAGUE = re.compile(r"(?:key|code|sleutel|schlüssel|clé|pin|\w+-?code)\b", re.IGNORECASE)


def secrets(text: str) -> Iterator[Span]:
    """Keys in their makers' forms, and values that a name, a sign or quotes declare to be a secret."""
    for found in _MADE.finditer(text):
        yield Span(found.start(), found.end(), "SECRET", CERTAIN)
    for pattern in (_BEARER, _IN_URL, _SIGNED, _SEED):
        for found in pattern.finditer(text):
            if not _NOTHING.match(found["value"]) and (pattern is _IN_URL or re.search(r"[0-9]", found["value"])):
                yield Span(found.start("value"), found.end("value"), "SECRET", CERTAIN)
    for found in _GIVEN.finditer(text):
        group = found.lastgroup or "login"
        yield Span(found.start(group), found.end(group), "SECRET", LIKELY)
    for pattern in (_NAMED, _FAR) if _STRONG.search(text) else (_NAMED,):
        for found in pattern.finditer(text):
            value = _trimmed(found["value"], quoted=bool(found["quote"].strip()))
            near = pattern is _NAMED and not _VAGUE.match(found[0])
            if not found["sign"].strip() and not near and (_VAGUE.match(found[0]) or not re.search(r"[!@#$%^&*_+~]", value)):
                continue
            if len(value) >= 4 and _is_secret(value, found["sign"].strip(), quoted=bool(found["quote"].strip()), near=near):
                yield Span(found.start("value"), found.start("value") + len(value), "SECRET", LIKELY)


def _trimmed(value: str, *, quoted: bool) -> str:
    """Without what follows it: further parameters, the end of a sentence, closing brackets."""
    if cut := re.search(r"[&|](?=[a-z_]+=)|\\n|,(?=[ \"'a-z]|$)", value, re.IGNORECASE):
        value = value[: cut.start()]
    return value.rstrip(",)]}") if quoted else value.rstrip(".,:)]}?")


def _is_secret(value: str, sign: str, *, quoted: bool, near: bool) -> bool:
    """Whether a value looks like one; the less its name, its sign and its nearness say so, the more it must look it."""
    if _NOTHING.match(value) or "://" in value:
        return False
    mixed = sum(bool(re.search(p, value)) for p in (r"[a-z]", r"[A-Z]", r"[0-9]", r"[^A-Za-z0-9]"))
    numeric = bool(re.search(r"[0-9]", value))
    if not near:
        return bool(re.search(r"[0-9]", value) and re.search(r"[a-z]", value) and re.search(r"[A-Z]", value)) and len(value) >= 8
    if sign in (":", "=", "=>", ":=", "->", "→"):
        return numeric or quoted or (mixed >= 3 and len(value) >= 6) or (sign in ("=", "=>", ":=") and len(value) >= 6)
    return numeric and (mixed >= 3 or (quoted and mixed >= 2) or (mixed >= 2 and len(value) >= 16)) and len(value) >= 6


FINDERS = (
    Finder(
        "SECRET",
        r"(?i)_live_|_test_|whsec_|akia|asia[0-9a-z]{16}|gh[pousr]_|github_pat|xox[abeoprs]-|aiza|eyj|glpat-|npm_|pypi-|sg\.|sk-|hf_|dop_v1|shpat_|sp_[0-9a-z]|key-|"
        r"age-secret|private key|-us[0-9]|://[^\s/]*:[^\s/]*@|[?&](?:sig|signature|x-amz-signature|access_token|auth|token|sv_sig)=|(?:seed|otp)[^\n]{1,4}[a-z2-7]{16}|"
        r"(?:pass|pwd?|wachtw|ww|kennwort|mdp|secret|token|key|sleutel|schl\x{fc}ssel|"
        r"cl\x{e9}|cle_|-u [^\s:]*:|pin|code|geheim|credential|psk|wpa|bearer|basic)[^\n]*"
        r"(?:[0-9]|[:=>\x{2192}] ?\S{4})",
        secrets,
    ),
)
