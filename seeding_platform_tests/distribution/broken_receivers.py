"""Receivers that break one rule each: the kit must find it."""

import contextlib
import hashlib
import json

from seeding_platform.distribution import receipt
from seeding_platform.distribution.holdings import Held, Holdings, Known
from seeding_platform.distribution.receipt import Announced, Refused
from seeding_platform.distribution.receiver import Receiver
from seeding_platform.distribution.release import read_release
from seeding_platform.distribution.uploads import Upload, mismatch
from seeding_platform.exchange.signing import SignatureWrong, verified


class TakesStale(Receiver):
    def fence(self, known, generation, content_id):
        if generation == known.highest:
            super().fence(known, generation, content_id)


class TakesConflicts(Receiver):
    def fence(self, known, generation, content_id):
        super().fence(known, generation, known.highest_content or content_id)


class FencesWhatIsActiveOnly(Receiver):
    def fence(self, known, generation, content_id):
        active = known.active
        receipt.check_fence(generation, content_id, highest=active.generation if active else 0, highest_content=active.content_id if active else None)


class RemembersInMemoryOnly(Receiver):
    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.memory, here = {}, self

        class Forgetful(Holdings):
            def known(self, place):
                return here.memory.get(place) or Known()

            def keep(self, place, known):
                here.memory[place] = known

        self.holdings = Forgetful(self.holdings.root)


class TrustsAnyRelease(Receiver):
    def release(self, text, signature):
        try:
            return super().release(text, signature)
        except Refused as error:
            if error.code != "signature-refused":
                raise
            return read_release(text.encode())


class TrustsAnyManifest(Receiver):
    def manifest(self, release, text, signature):
        announced = Announced.model_validate_json(text)
        if hashlib.sha256(text.encode()).hexdigest() != release.manifest_sha256:
            raise Refused("signature-refused", "another")
        if any(getattr(announced, n) != getattr(release, n) for n in ("tenant", "engine", "content_id")):
            raise Refused("malformed", "differ")
        receipt.check_usable(announced)
        return announced


class TrustsRevokedKeys(Receiver):
    def __init__(self, folder, trusted, secret, **more):
        super().__init__(folder, {i: k.model_copy(update={"status": "active"}) for i, k in trusted.items()}, secret, **more)


class AsksNobodysName(Receiver):
    def authenticate(self, headers, body):
        pass


class TakesOldMessages(Receiver):
    def authenticate(self, headers, body):
        import datetime as dt

        try:
            told = headers.get("webhook-timestamp", "0")
            verified(self.secret, headers, body, now=dt.datetime.fromtimestamp(int(told), dt.UTC))
        except SignatureWrong as error:
            raise Refused("unauthenticated", error.what) from error


class ProvesWithoutNonce(Receiver):
    def proof(self, bundle, release, files):
        return super().proof(bundle, release.model_copy(update={"nonce": ""}), files)


class ActivatesOnPrepare(Receiver):
    def _prepared(self, place, known, release, *rest):
        status, body = super()._prepared(place, known, release, *rest)
        if body["state"] == "prepared":
            known.active = known.prepared
            self.keep(place, known)
        return status, body


class TakesExpired(Receiver):
    def expiry(self, release):
        pass


class BelievesRowCounts(Receiver):
    def rows(self, place, bundle, announced, via):
        with contextlib.suppress(Refused):  # it does put a delta together
            super().rows(place, bundle, announced, via)
        return announced.rows


class ActivatesAnything(Receiver):
    def activate(self, told):
        place, generation, content_id = self._named(told)
        known = self.holdings.known(place)
        self.fence(known, generation, content_id)
        if known.prepared is None and known.active is None:
            known.active = Held(generation=generation, content_id=content_id, rows=0, proof="", via="full")
            known.raise_fence(generation, content_id)
            self.keep(place, known)
            return 200, {"state": "active", **known.active.model_dump()}
        return super().activate(told)


class KeepsRecalledFiles(Receiver):
    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.holdings.forget = lambda bundle: None


class TakesRecalledAgain(Receiver):
    def recall(self, told):
        answer = super().recall(told)
        place = self._named(told)[0]
        known = self.holdings.known(place)
        known.recalled.clear()
        self.keep(place, known)
        return answer


class AbortsWhatIsActive(Receiver):
    def abort(self, told):
        place = self._named(told)[0]
        known = self.holdings.known(place)
        known.active = None
        self.keep(place, known)
        return super().abort(told)


class AbortsNothing(Receiver):
    def abort(self, told):
        return 200, {"state": "aborted"}


class TakesAnyName(Receiver):
    def manifest(self, release, text, signature):
        return receipt.signed_manifest(text, signature, self.trusted, now=self.now())


class NoDigests(Receiver):
    """Needs `Undigested` in place of `Upload`."""


class Undigested(Upload):
    def finish(self, others):
        try:
            super().finish(others)
        except Refused:
            self.target.write_bytes(b"whatever")


class SpeaksEveryProtocol(Receiver):
    def release(self, text, signature):
        try:
            return super().release(text, signature)
        except Refused as error:
            told = json.loads(text) if error.code == "malformed" else {}
            if told.get("protocol") != "2":
                raise
            return read_release(json.dumps(told | {"protocol": "1"}).encode())


class TakesBrokenUploadsForWhole(Receiver):
    async def put(self, content_id, name, headers, receive):
        bundles, file = self.wanted(content_id, name)
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body", False):
                break
        came, ended = hashlib.sha256(body).hexdigest(), message["type"] == "http.request"
        self.authenticate(headers, f"sha256:{came if ended else headers.get('x-content-sha256', '')}".encode())
        if ended and came != file.sha256:
            raise mismatch(file)
        (bundles[0] / name).write_bytes(body)
        return 204, {}


UNPROVEN = {
    "takes_parquet", "takes_arrow", "takes_ndjson", "takes_json", "takes_csv", "takes_libsvm", "takes_no_rows", "takes_a_delta",
    "ignores_unknown_fields", "delta_without_its_base", "prepare_changes_nothing_in_use", "prepare_repeated", "prepare_at_once", "prepare_stale",
    "prepare_conflict", "prepared_counts", "put_repeated", "activate_repeated", "activate_stale", "rolls_back_by_a_higher_number",
    "late_retry_after_a_rollback", "fence_after_a_restart", "abort_prepared", "abort_nothing", "recall_active", "recall_older", "byte_flipped",
    "file_of_another_length", "upload_cut", "rest_that_does_not_fit",
}  # fmt: skip
"""Cases in which something is proven."""
BROKEN = {
    TakesStale: {
        "prepare_stale", "prepared_counts", "activate_stale", "abort_prepared", "late_retry_after_a_rollback", "fence_after_a_restart",
    },
    TakesConflicts: {"prepare_conflict"},
    FencesWhatIsActiveOnly: {"prepared_counts", "prepare_conflict", "abort_prepared", "fence_after_a_restart"},
    RemembersInMemoryOnly: {"fence_after_a_restart"},
    TrustsAnyRelease: {"release_changed", "release_by_another_key", "signature_of_the_other_kind"},
    TrustsAnyManifest: {"manifest_by_another_key", "signature_of_the_other_kind"},
    TrustsRevokedKeys: {"release_by_another_key", "manifest_by_another_key"},
    AsksNobodysName: {"request_unsigned", "put_unsigned", "upload_cut"},
    TakesOldMessages: {"request_unsigned"},
    ProvesWithoutNonce: UNPROVEN,
    ActivatesOnPrepare: {
        "prepare_changes_nothing_in_use", "prepare_repeated", "prepare_at_once", "abort_prepared", "fence_after_a_restart",
    },
    TakesExpired: {"release_expired"},
    BelievesRowCounts: {"rows_miscounted", "rows_unreadable"},
    ActivatesAnything: {
        "activate_unprepared", "wants_what_is_missing", "rows_miscounted", "rows_unreadable", "format_unknown", "columns_differ", "recall_active",
    },
    KeepsRecalledFiles: {"recall_active", "recall_older"},
    TakesRecalledAgain: {"recall_active"},
    AbortsWhatIsActive: {"abort_prepared", "abort_nothing"},
    AbortsNothing: {"abort_prepared", "malformed"},
    TakesAnyName: {"names_that_lead_elsewhere", "release_and_manifest_differ", "manifest_of_another_release", "format_unknown"},
    NoDigests: {"byte_flipped", "rest_that_does_not_fit"},
    SpeaksEveryProtocol: {"other_protocol"},
    TakesBrokenUploadsForWhole: {"upload_cut"},
}  # fmt: skip
"""Each with the cases that find it: all others pass."""
