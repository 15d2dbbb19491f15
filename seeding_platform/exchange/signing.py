"""Signatures of what we send, in the form of Standard Webhooks: HMAC-SHA256 over id, moment and body, in three headers.

A receiver checks with `verified`: the signature is of a secret that it knows, and the moment no more than five minutes off, so that what somebody
listened in on cannot be sent again later. The id stays the same when a message is sent again: whoever has seen it has it already.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING

from seeding_platform.errors import PermanentError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
PREFIX = "whsec_"
TOLERANCE_S = 300


class SignatureWrong(PermanentError):
    """A message was not sent by who it says, or was changed, or is too old."""


def secret_text(key: bytes) -> str:
    """A secret as people are shown it."""
    return PREFIX + base64.b64encode(key).decode()


def key_of(secret: str) -> bytes:
    """The bytes of a secret; a text without the prefix is taken as it is.

    >>> key_of(secret_text(b"x" * 24)) == b"x" * 24, key_of("plain")
    (True, b'plain')
    """
    if not secret.startswith(PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise SignatureWrong("The secret is no base64 after whsec_.", fix="Give it as it was shown.") from error


def signed_headers(keys: Sequence[bytes], message_id: str, body: bytes, *, now: dt.datetime) -> dict[str, str]:
    """The headers of a message; a signature of each key, the newest first."""
    moment = int(now.timestamp())
    signatures = " ".join(_signature(key, message_id, moment, body) for key in keys)
    return {ID: message_id, TIMESTAMP: str(moment), SIGNATURE: signatures}


def verified(secret: str, headers: Mapping[str, str], body: bytes, *, now: dt.datetime) -> str:
    """The id of a message that is as it was sent.

    Args:
        secret: of the webhook.
        headers: of the request.
        body: byte by byte as it came.
        now: the moment.

    Raises:
        SignatureWrong: it is not.
    """
    told = {name.lower(): value for name, value in headers.items()}
    message_id, moment = told.get(ID, ""), told.get(TIMESTAMP, "")
    if not message_id or not (moment.isascii() and moment.isdecimal() and len(moment) <= 12):
        raise SignatureWrong("The message bears no id or no moment.", fix=f"It needs the headers {ID}, {TIMESTAMP} and {SIGNATURE}.")
    if abs(now.timestamp() - int(moment)) > TOLERANCE_S:
        raise SignatureWrong("The message is more than five minutes off.", fix="Check the clock; an old message that comes again is refused.")
    right = _signature(key_of(secret), message_id, int(moment), body)
    if not any(hmac.compare_digest(right.encode(), given.encode()) for given in told.get(SIGNATURE, "").split()):
        raise SignatureWrong("The signature is not of this secret and body.", fix="Check over the body as it came, before it is parsed.")
    return message_id


def _signature(key: bytes, message_id: str, moment: int, body: bytes) -> str:
    return "v1," + base64.b64encode(hmac.digest(key, f"{message_id}.{moment}.".encode() + body, hashlib.sha256)).decode()
