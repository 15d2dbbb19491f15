"""`seeding bundle ...`: keys rotated and revoked on record, bundles checked here and by somebody who has the public keys only."""

import json

import pytest
from typer.testing import CliRunner

from seeding_platform.cli import app
from seeding_platform.distribution.manifest import BundleInvalid
from seeding_platform.distribution.signers import signer_of
from seeding_platform.distribution.signing import SignatureRefused
from seeding_platform.governance.audit import Trail
from seeding_platform.settings import Settings
from seeding_platform.storage.state import State
from seeding_platform_tests.distribution.frames import NOON
from seeding_platform_tests.distribution.test_bundle import build


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An installation of its own with a signed bundle; gives the bundle and a way to call the command line."""
    monkeypatch.setenv("SEEDING_STATE", str(tmp_path / "state"))
    settings = Settings(state=tmp_path / "state")
    settings.state.mkdir()
    with State.open(settings.state_url) as state:
        made = build(settings.bundles, signer=signer_of(state, Trail(settings, state).keys, now=NOON))

    def called(*words):
        found = CliRunner().invoke(app, ["bundle", *words])
        if found.exception is not None and not isinstance(found.exception, SystemExit):
            raise found.exception
        return found

    return made, called


def test_keys_are_rotated_revoked_and_bundles_signed_anew(place, tmp_path):
    made, called = place
    assert json.loads(called("verify", str(made.path), "--json").stdout)["signature"] == "valid"
    assert "version 1" in called("keys").stdout
    rotated = json.loads(called("rotate-key", "--counts-for-days", "5", "--json").stdout)
    assert (rotated["version"], rotated["signed"]) == (2, 0)
    assert [k["status"] for k in json.loads(called("keys", "--json").stdout)["keys"]] == ["retired", "active"]
    called("verify", str(made.path.parent))
    called("revoke-key", "1")
    with pytest.raises(SignatureRefused, match="revoked"):
        called("verify", str(made.path))
    assert json.loads(called("rotate-key", "--sign-again", "--json").stdout)["signed"] == 1
    assert "signed by a key that counts" in called("verify", str(made.path)).stdout
    settings = Settings()
    with State.open(settings.state_url) as state:
        trail = Trail(settings, state)
        told = [e.event.action for e in trail.log.newest(tenant="", limit=10)]
        assert sorted(told) == ["bundles.revoke-key", "bundles.rotate-key", "bundles.rotate-key", "bundles.sign-again"]


def test_somebody_without_the_installation_checks_with_the_public_keys(place, tmp_path, monkeypatch):
    made, called = place
    keys = tmp_path / "keys.json"
    keys.write_text(called("keys", "--json").stdout)
    monkeypatch.setenv("SEEDING_STATE", str(tmp_path / "nowhere"))
    assert "was not checked" in called("verify", str(made.path)).stdout
    assert not (tmp_path / "nowhere").exists()
    assert "signed by a key that counts" in called("verify", str(made.path), "--key", str(keys)).stdout
    (made.path / "manifest.sig").unlink()
    with pytest.raises(BundleInvalid, match=r"manifest\.sig"):
        called("verify", str(made.path), "--key", str(keys))
