"""Cases of what must be refused: signatures, documents, files, names, rows."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import TYPE_CHECKING

from seeding_platform.distribution.conformance.publisher import ACTIVE, NO_CONTENT, PAST, REVOKED, SCHEMA, UNKNOWN, rows
from seeding_platform.distribution.conformance.trial import OK, WANTING, Deviation, case
from seeding_platform.distribution.signing import Kind

if TYPE_CHECKING:
    from typing import Any

    from seeding_platform.distribution.conformance.publisher import Published
    from seeding_platform.distribution.conformance.trial import Trial

PART = "part-00000.parquet"
UNREADABLE, UNAUTHENTICATED, FORBIDDEN, ABSENT, CONFLICT, UNUSABLE = 400, 401, 403, 404, 409, 422


def _announced(trial: Trial, generation: int = 1, **how: Any) -> Published:
    made = trial.make(generation, **how)
    trial.expect("prepare", trial.caller.prepare(made), WANTING, state="wanting")
    return made


def _refused(trial: Trial, step: str, made: Published, status: int, code: str) -> None:
    """A release is refused, and nothing of it is announced then."""
    trial.expect(step, trial.caller.prepare(made), status, code=code)
    trial.expect(f"{step}: PUT", trial.caller.put(made, PART), ABSENT)


@case("Push")
def request_unsigned(trial: Trial) -> None:
    """401 without a signature, by another secret, or more than 300 seconds off."""
    caller, made = trial.caller, trial.make(1)
    document = caller.preparing(made)
    body = json.dumps(document).encode()
    off = dt.timedelta(seconds=400)
    for step, headers in (
        ("no signature", {}),
        ("another secret", caller.signed(body, key=b"x" * 24)),
        ("an old moment", caller.signed(body, at=caller.now() - off)),
        ("a moment to come", caller.signed(body, at=caller.now() + off)),
        ("another body", caller.signed(body + b" ")),
    ):
        for what in ("prepare", "activate", "abort", "recall"):
            trial.expect(f"{what}, {step}", caller.post(what, body, headers=headers), UNAUTHENTICATED, code="unauthenticated")
    trial.expect("status, no signature", caller.status(trial.publisher.tenant, trial.engine, signed=False), UNAUTHENTICATED, code="unauthenticated")


@case("files")
def put_unsigned(trial: Trial) -> None:
    """401 for a file without a signature, or with one of other bytes."""
    made = _announced(trial)
    trial.expect("no signature", trial.caller.put(made, PART, key=b""), UNAUTHENTICATED, code="unauthenticated")
    trial.expect("another secret", trial.caller.put(made, PART, key=b"y" * 24), UNAUTHENTICATED, code="unauthenticated")
    trial.expect("signature of an empty body", trial.caller.put(made, PART, signed=b""), UNAUTHENTICATED, code="unauthenticated")


@case("Keys and signatures")
def release_changed(trial: Trial) -> None:
    """403 for a release that was changed after it was signed."""
    made = trial.make(1)
    changed = made.release.replace('"kind":"built"', '"kind":"again"')
    trial.expect("prepare", trial.caller.prepare(made, release=changed), FORBIDDEN, code="signature-refused")
    flipped = made.release_signature.model_dump() | {"signature": "A" * 86 + "=="}
    trial.expect("prepare, other signature", trial.caller.prepare(made, release_signature=flipped), FORBIDDEN, code="signature-refused")


@case("Keys and signatures")
def release_by_another_key(trial: Trial) -> None:
    """403 for a release by a key that is not trusted, is revoked, or is past its time."""
    for step, version in (("unknown key", UNKNOWN), ("revoked key", REVOKED), ("key past its time", PAST)):
        _refused(trial, step, trial.make(1, by=(version, ACTIVE)), FORBIDDEN, "signature-refused")


@case("Keys and signatures")
def signature_of_the_other_kind(trial: Trial) -> None:
    """403 for a signature of the other kind of document."""
    _refused(trial, "release signed as a manifest", trial.make(1, as_kind=(Kind.MANIFEST, Kind.MANIFEST)), FORBIDDEN, "signature-refused")
    _refused(trial, "manifest signed as a release", trial.make(1, as_kind=(Kind.RELEASE, Kind.RELEASE)), FORBIDDEN, "signature-refused")


@case("Keys and signatures")
def manifest_by_another_key(trial: Trial) -> None:
    """403 for a manifest by a key that does not count."""
    for step, version in (("unknown key", UNKNOWN), ("revoked key", REVOKED)):
        _refused(trial, step, trial.make(1, by=(ACTIVE, version)), FORBIDDEN, "signature-refused")


@case("prepare")
def manifest_of_another_release(trial: Trial) -> None:
    """403 for a manifest that is not the one of the release."""
    made, other = trial.make(1), trial.make(1, rows(3, shift=9))
    swapped = {"manifest": other.manifest, "manifest_signature": other.manifest_signature.model_dump()}
    trial.expect("prepare", trial.caller.prepare(made, **swapped), FORBIDDEN, code="signature-refused")


@case("prepare")
def release_and_manifest_differ(trial: Trial) -> None:
    """400 where release and manifest do not agree."""
    for name, value in (("tenant", "somebody-else"), ("engine", "another_engine"), ("content_id", NO_CONTENT)):
        made = trial.make(1, told={name: value})
        trial.expect(f"other {name}", trial.caller.prepare(made), UNREADABLE, code="malformed")


@case("prepare")
def other_protocol(trial: Trial) -> None:
    """400 for another version of the protocol."""
    _refused(trial, "protocol 2", trial.make(1, facts={"protocol": "2"}), UNREADABLE, "malformed")


@case("prepare")
def release_expired(trial: Trial) -> None:
    """409 release-expired for a release whose time is over."""
    past = (trial.caller.now() - dt.timedelta(minutes=10)).isoformat()
    _refused(trial, "prepare", trial.make(1, facts={"expires_at": past}), CONFLICT, "release-expired")


@case("prepare")
def malformed(trial: Trial) -> None:
    """400 for what is no message."""
    for step, document in (("no JSON", b"{"), ("no object", b"[]"), ("no fields", b"{}"), ("deep", b"[" * 100_000), ("bytes", b"\xff\xfe")):
        for what in ("prepare", "activate", "abort", "recall"):
            trial.expect(f"{what}, {step}", trial.caller.post(what, document), UNREADABLE, code="malformed")


@case("Manifest")
def names_that_lead_elsewhere(trial: Trial) -> None:
    """400 for a file whose name is no plain file name."""
    for name in ("../outside.parquet", "/outside.parquet", ".hidden", "-rf", "a/b.parquet", "a\\b.parquet", "", "..", "a\u0000.parquet"):
        body = b"nothing"
        file = {"path": name, "bytes": len(body), "sha256": hashlib.sha256(body).hexdigest(), "rows": None}
        made = trial.make(1)
        wrong = trial.make(1, told={"files": [*made.told["files"], file]})
        trial.expect(f"name {name!r}", trial.caller.prepare(wrong), UNREADABLE, code="malformed")


@case("Words and forms")
def places_that_lead_elsewhere(trial: Trial) -> None:
    """400 for a tenant or an engine that is no name."""
    for name, value in (("tenant", "../elsewhere"), ("tenant", ".."), ("engine", "../elsewhere"), ("engine", "/etc")):
        made = trial.make(1, told={name: value}, facts={name: value})
        trial.expect(f"{name} {value!r}", trial.caller.prepare(made), (UNREADABLE, UNUSABLE))


@case("files")
def put_unannounced(trial: Trial) -> None:
    """404 for what no release told of."""
    trial.expect("another bundle", trial.caller.put(trial.make(1), PART), ABSENT, code="not-announced")
    made = _announced(trial, 2)
    trial.expect("another file", trial.caller.put(made, "more.parquet", b"more"), ABSENT, code="not-announced")
    for name in ("..%2F..%2Foutside", "%2e%2e", ".state", ""):
        reply = trial.caller.put(made, name, b"more")
        if not UNREADABLE <= reply.status < 500:  # a router may answer otherwise
            raise Deviation(f"name {name!r}", "a refusal", str(reply))


@case("files")
def byte_flipped(trial: Trial) -> None:
    """422 digest-mismatch for a file with a flipped byte; nothing is kept."""
    made = _announced(trial)
    right = made.files[PART]
    wrong = right[:40] + bytes([right[40] ^ 1]) + right[41:]
    trial.expect("its own digest", trial.caller.put(made, PART, wrong, whole=hashlib.sha256(wrong).hexdigest()), UNUSABLE, code="digest-mismatch")
    said = f"sha256:{hashlib.sha256(right).hexdigest()}".encode()
    trial.expect("the digest of the right one", trial.caller.put(made, PART, wrong, signed=said), (UNUSABLE, UNAUTHENTICATED))
    trial.expect("HEAD", trial.caller.head(made, PART), ABSENT)
    trial.activated(made)


@case("files")
def file_of_another_length(trial: Trial) -> None:
    """422 digest-mismatch for a file that is shorter or longer than told; nothing is kept."""
    made = _announced(trial)
    right = made.files[PART]
    for step, wrong in (("shorter", right[:-7]), ("longer", right + b"more"), ("empty", b"")):
        reply = trial.caller.put(made, PART, wrong, whole=hashlib.sha256(wrong).hexdigest())
        trial.expect(step, reply, UNUSABLE, code="digest-mismatch")
        trial.expect(f"HEAD, {step}", trial.caller.head(made, PART), ABSENT)
    trial.activated(made)


@case("files")
def upload_cut(trial: Trial) -> None:
    """An upload that broke off is gone on with, or sent again; it never counts as the file."""
    made = _announced(trial, table=rows(3000))
    size = len(made.files[PART])
    trial.caller.cut(made, PART, size // 2)
    trial.expect("prepare", trial.caller.prepare(made), WANTING)
    head = trial.expect("HEAD", trial.caller.head(made, PART), (OK, ABSENT))
    had = int(head.headers.get("x-received-bytes", "0")) if head.status == OK else 0
    if not 0 <= had <= size // 2:
        raise Deviation("x-received-bytes", f"at most {size // 2}", str(had))
    span = f"bytes {had}-{size - 1}/{size}" if had else None
    rest = made.files[PART][had:]
    if span is not None:
        trial.expect("the rest, another secret", trial.caller.put(made, PART, rest, span=span, key=b"z" * 24), UNAUTHENTICATED)
    trial.expect("the rest", trial.caller.put(made, PART, rest, span=span), 204)
    trial.activated(made)


@case("files")
def rest_that_does_not_fit(trial: Trial) -> None:
    """422 digest-mismatch for a rest that does not fit; the file can still be sent."""
    made = _announced(trial, table=rows(3000))
    size = len(made.files[PART])
    trial.caller.cut(made, PART, size // 2)
    head = trial.caller.head(made, PART)
    had = int(head.headers.get("x-received-bytes", "0")) if head.status == OK else 0
    if had:
        span = f"bytes {had}-{size - 1}/{size}"
        trial.expect("wrong rest", trial.caller.put(made, PART, b"\0" * (size - had), span=span), UNUSABLE, code="digest-mismatch")
    trial.activated(made)


@case("prepare")
def rows_miscounted(trial: Trial) -> None:
    """422 for rows of which there are not as many as told."""
    for number, told in enumerate((19, 21, 10**15), 1):
        honest = trial.make(number)
        files = [{**file, "rows": told} if file["rows"] is not None else file for file in honest.told["files"]]
        made = trial.make(number, told={"rows": told, "files": files})
        _unusable(trial, f"{told} rows told of 20", made, (UNUSABLE,))


@case("prepare")
def rows_unreadable(trial: Trial) -> None:
    """422 for a file that cannot be read, though its digest is right."""
    body = b"PAR1 this is no table PAR1"
    honest = trial.make(1)
    files = [{**f, "bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()} if f["path"] == PART else f for f in honest.told["files"]]
    _unusable(trial, "no parquet", trial.make(1, files={PART: body}, told={"files": files}), (UNUSABLE,))


@case("prepare")
def format_unknown(trial: Trial) -> None:
    """422 for a format or a type that the page does not name."""
    _unusable(trial, "format", trial.make(1, told={"format": "pickle"}), (UNUSABLE,))
    schema = [SCHEMA[0], {**SCHEMA[1], "type": "object"}, SCHEMA[2]]
    _unusable(trial, "type", trial.make(1, told={"schema": schema}), (UNUSABLE,))


@case("prepare")
def columns_differ(trial: Trial) -> None:
    """422, or prepared, for rows with other columns than the schema says."""
    schema = [SCHEMA[0], {**SCHEMA[1], "name": "length"}, SCHEMA[2]]
    _unusable(trial, "columns", trial.make(1, told={"schema": schema}), (UNUSABLE, OK))


def _unusable(trial: Trial, step: str, made: Published, allowed: tuple[int, ...]) -> None:
    """A release is refused with validation-failed, at once or when its files are here; what is in use stays."""
    before = trial.caller.status(trial.publisher.tenant, trial.engine)
    reply = trial.caller.prepare(made)
    if reply.status == WANTING:
        trial.sent(made, reply)
        reply = trial.caller.prepare(made)
    trial.expect(step, reply, allowed)
    if reply.status == UNUSABLE:
        trial.expect(step, reply, UNUSABLE, code="validation-failed")
        trial.expect(f"{step}: activate", trial.caller.about("activate", made), CONFLICT, code="not-prepared")
    after = trial.caller.status(trial.publisher.tenant, trial.engine)
    trial.check(f"{step}: in use", before.body.get("generation"), after.body.get("generation"))
