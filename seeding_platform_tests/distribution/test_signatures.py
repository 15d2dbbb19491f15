"""Bundles that are signed: nothing that was changed counts, nor what a key signed that counts no more."""

import datetime as dt
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seeding_platform.distribution.manifest import BundleInvalid
from seeding_platform.distribution.signers import PublishedKeys, published_keys, read_keys, sign_again, signed_by, signer_of
from seeding_platform.distribution.signing import Kind, SignatureRefused, Signer, check_signature, read_signature, trusted_keys
from seeding_platform.distribution.verify import current_bundles, verify_bundle
from seeding_platform.errors import ConfigError, PermanentError
from seeding_platform.storage.keyring import Keyring
from seeding_platform.storage.recalls import recall
from seeding_platform.storage.signing_keys import SigningKeys
from seeding_platform.storage.state import State
from seeding_platform_tests.distribution.frames import NOON, at
from seeding_platform_tests.distribution.test_bundle import build, more_posts

KEYS = Keyring(bytes(range(32)))


@pytest.fixture
def state(database_url):
    with State.open(database_url) as opened:
        yield opened


def trust(state, keys=KEYS):
    return trusted_keys(published_keys(state, keys))


def lone_trust(signer):
    import base64

    from seeding_platform.distribution.signing import TrustedKey

    return {signer.key_id: TrustedKey(key_id=signer.key_id, public_key=base64.b64encode(signer.public).decode(), not_before=NOON)}


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    """A signed bundle, its files, and the key that it is signed by."""
    signer = Signer(KEYS)
    made = build(tmp_path_factory.mktemp("bundles"), signer=signer)
    return made.path, {f: f.read_bytes() for f in sorted(made.path.iterdir())}, lone_trust(signer)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 9), st.floats(0, 1, exclude_max=True), st.integers(0, 7))
def test_a_flipped_bit_anywhere_is_refused(signed, number, where, bit):
    folder, files, trusted = signed
    file = sorted(files)[number % len(files)]
    good = files[file]
    position = int(where * len(good))
    file.write_bytes(good[:position] + bytes([good[position] ^ (1 << bit)]) + good[position + 1 :])
    try:
        with pytest.raises((BundleInvalid, SignatureRefused)):
            verify_bundle(folder, trusted=trusted, now=NOON)
    finally:
        file.write_bytes(good)


def test_every_flipped_bit_of_a_signature_is_refused(signed):
    folder, files, trusted = signed
    file = folder / "manifest.sig"
    good = files[file]
    for position in range(len(good)):
        for bit in range(8) if position > len(good) - 8 else (position % 8,):
            file.write_bytes(good[:position] + bytes([good[position] ^ (1 << bit)]) + good[position + 1 :])
            with pytest.raises((BundleInvalid, SignatureRefused)):
                verify_bundle(folder, trusted=trusted, now=NOON)
    file.write_bytes(good)
    verify_bundle(folder, trusted=trusted, now=NOON)


def test_a_manifest_written_anew_by_somebody_else_is_refused(tmp_path):
    made = build(tmp_path, signer=Signer(KEYS))
    other = Signer(Keyring(bytes(32)))
    forged = build(tmp_path / "other", inputs=more_posts(), signer=other)
    with pytest.raises(SignatureRefused, match="not trusted here"):
        verify_bundle(forged.path, trusted=lone_trust(Signer(KEYS)), now=NOON)
    (forged.path / "manifest.sig").write_bytes((made.path / "manifest.sig").read_bytes())
    with pytest.raises(SignatureRefused, match="not of these bytes"):
        verify_bundle(forged.path, trusted=lone_trust(Signer(KEYS)), now=NOON)
    verify_bundle(forged.path)
    (forged.path / "manifest.sig").unlink()
    with pytest.raises(BundleInvalid, match=r"manifest\.sig is missing"):
        verify_bundle(forged.path, trusted=lone_trust(Signer(KEYS)), now=NOON)
    with pytest.raises(PermanentError, match="moment"):
        verify_bundle(made.path, trusted={})
    (listed,) = current_bundles(tmp_path / "other", deep=True, trusted=lone_trust(other), now=NOON)
    assert listed.bundle is None
    assert "manifest.sig is missing" in (listed.problem or "")


def test_a_signature_of_a_release_is_none_of_a_manifest():
    signer = Signer(KEYS)
    with pytest.raises(SignatureRefused):
        check_signature(Kind.MANIFEST, b"{}", signer.signed(Kind.RELEASE, b"{}"), lone_trust(signer), now=NOON)
    check_signature(Kind.MANIFEST, b"{}", signer.signed(Kind.MANIFEST, b"{}"), lone_trust(signer), now=NOON)


def test_the_same_content_keeps_its_folder_and_gets_the_signature_it_lacks(tmp_path):
    bare = build(tmp_path)
    assert signed_by(bare.path) is None
    manifest = (bare.path / "manifest.json").read_bytes()
    again = build(tmp_path, signer=Signer(KEYS))
    assert (again.path, again.fresh, again.generation) == (bare.path, False, 1)
    assert (again.path / "manifest.json").read_bytes() == manifest
    verify_bundle(again.path, trusted=lone_trust(Signer(KEYS)), now=NOON)
    before = (again.path / "manifest.sig").stat().st_mtime_ns
    build(tmp_path, signer=Signer(KEYS))
    assert (again.path / "manifest.sig").stat().st_mtime_ns == before


def test_a_key_that_was_rotated_counts_until_its_day(tmp_path, state):
    made = build(tmp_path, signer=signer_of(state, KEYS, now=NOON))
    SigningKeys(state).rotate(now=at(days=1), counts_for=dt.timedelta(days=10))
    assert [k.status for k in published_keys(state, KEYS)] == ["retired", "active"]
    verify_bundle(made.path, trusted=trust(state), now=at(days=11))
    with pytest.raises(SignatureRefused, match="counted until"):
        verify_bundle(made.path, trusted=trust(state), now=at(days=11, hours=1))
    again = build(tmp_path, signer=signer_of(state, KEYS, now=at(days=2)))
    assert again.path == made.path
    verify_bundle(made.path, trusted=trust(state), now=at(days=500))


def test_a_revoked_key_counts_no_more_until_signed_again(tmp_path, state):
    first = build(tmp_path, signer=signer_of(state, KEYS, now=NOON))
    second = build(tmp_path, inputs=more_posts(), signer=signer_of(state, KEYS, now=NOON))
    gone = build(tmp_path, "optimization", signer=signer_of(state, KEYS, now=NOON))
    damaged = build(tmp_path, "analytics", signer=signer_of(state, KEYS, now=NOON))
    next(damaged.path.glob("part-*")).write_bytes(b"")
    recall(gone.path, request="r", reason="erased", at="2026-03-01T12:00:00+00:00")
    SigningKeys(state).revoke(1, now=at(days=1))
    for made in (first, second):
        with pytest.raises(SignatureRefused, match="revoked"):
            verify_bundle(made.path, trusted=trust(state), now=at(days=1))
    signer = signer_of(state, KEYS, now=at(days=1))
    assert sign_again(tmp_path, signer) == (2, [str(damaged.path.relative_to(tmp_path))])
    assert sign_again(tmp_path, signer)[0] == 0
    for made in (first, second):
        verify_bundle(made.path, trusted=trust(state), now=at(days=1))


def test_keys_come_from_a_file_as_they_are_published(tmp_path, state):
    made = build(tmp_path / "b", signer=signer_of(state, KEYS, now=NOON))
    file = tmp_path / "keys.json"
    file.write_text(PublishedKeys(keys=tuple(published_keys(state, KEYS))).model_dump_json())
    assert str(KEYS.root.hex()) not in file.read_text()
    verify_bundle(made.path, trusted=read_keys(file), now=NOON)
    (key,) = json.loads(file.read_text())["keys"]
    file.write_text(json.dumps({"keys": [{**key, "public_key": "AAAA"}]}))
    with pytest.raises(SignatureRefused, match="another public key"):
        verify_bundle(made.path, trusted=read_keys(file), now=NOON)
    for text in ("", "[]", '{"keys": [{}]}'):
        file.write_text(text)
        with pytest.raises(ConfigError, match="holds no public keys"):
            read_keys(file)
    assert read_signature((made.path / "manifest.sig").read_bytes(), Kind.MANIFEST).key_id == key["key_id"]
