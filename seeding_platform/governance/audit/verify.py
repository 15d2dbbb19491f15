"""Whether the audit log is what was sealed: the first event that is not, ranges that are missing, broken seals, the tail that no seal covers yet."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seeding_platform.governance.audit.seal import fingerprint_of, merkle_root, parsed, signing_key
from seeding_platform.storage.audit import ranges

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from seeding_platform.governance.audit.seal import Checkpoint, Checkpoints
    from seeding_platform.storage.audit import AuditLog, Recorded
    from seeding_platform.storage.keyring import Keyring


@dataclass(slots=True)
class Verdict:
    """What verifying found.

    Attributes:
        events: events that are there.
        first_bad: number of the first event that was changed or added behind the log's back.
        missing: runs of numbers, first and last, that are not there.
        unsealed: events behind the last seal: a deletion at their very end cannot be noticed yet.
        seals: checkpoints that hold.
        problems: everything that is wrong, in words.
    """

    events: int = 0
    first_bad: int | None = None
    missing: list[tuple[int, int]] = field(default_factory=list)
    unsealed: int = 0
    seals: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Nothing is wrong."""
        return not self.problems

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "ok": self.ok,
            "events": self.events,
            "first_bad": self.first_bad,
            "missing": [list(run) for run in self.missing],
            "unsealed": self.unsealed,
            "seals": self.seals,
            "problems": self.problems,
        }


def verify(log: AuditLog, keys: Keyring, checkpoints: Checkpoints, *, copies: Sequence[str] = ()) -> Verdict:
    """Check every event and every seal.

    Args:
        log: the events.
        keys: whose keys they were hashed and signed with.
        checkpoints: the file beside the database.
        copies: lines of that file that were kept elsewhere; each must still stand in it.
    """
    found = Verdict()
    public = signing_key(keys).public_key()
    lines = checkpoints.lines()
    _compare(lines, log.checkpoints(), copies, found)
    covered = 0
    for number, line in enumerate(lines, 1):
        checkpoint = _sound(line, number, lines[number - 2] if number > 1 else None, covered, public, found)
        if checkpoint is None:
            break
        events = list(log.between(checkpoint.first, checkpoint.last))
        whole = _judge(events, checkpoint.first, checkpoint.last, found)
        if whole and merkle_root(events).hex() != checkpoint.root:
            found.first_bad = found.first_bad or checkpoint.first
            found.problems.append(f"Events {checkpoint.first}-{checkpoint.last} are not those that checkpoint {number} was signed for.")
        elif whole:
            found.seals += 1
        covered = checkpoint.last
    last = log.last()
    tail = list(log.between(covered + 1, last))
    _judge(tail, covered + 1, last, found)
    found.unsealed = len(tail)
    return found


def _compare(lines: Sequence[str], kept: Sequence[str], copies: Sequence[str], found: Verdict) -> None:
    """The file against the database's copies and against copies from elsewhere."""
    if len(kept) > len(lines):
        found.problems.append(f"The file of checkpoints ends with number {len(lines)}, the database has {len(kept)}: the file was cut short.")
    elif len(lines) > len(kept) + 1:
        found.problems.append(f"The database has {len(kept)} checkpoints, the file {len(lines)}: the database was set back or cut short.")
    for number, (line, copy) in enumerate(zip(lines, kept, strict=False), 1):
        if line != copy:
            found.problems.append(f"Checkpoint {number} differs between the file and the database.")
            break
    for copy in copies:
        if copy.strip() and copy.strip() not in lines:
            found.problems.append("A checkpoint that was kept elsewhere is not in the file: the log was rewritten or set back.")
            break


def _sound(line: str, number: int, before: str | None, covered: int, public: Ed25519PublicKey, found: Verdict) -> Checkpoint | None:
    """A line as a checkpoint that holds by itself and follows the one before; None with a problem noted."""
    from cryptography.exceptions import InvalidSignature

    try:
        checkpoint = parsed(line)
        if checkpoint.key != fingerprint_of(public.public_bytes_raw()):
            found.problems.append(f"Checkpoint {number} was signed with another key.")
            return None
        public.verify(base64.b64decode(checkpoint.signature), checkpoint.signed_text())
    except (ValueError, InvalidSignature):
        found.problems.append(f"Checkpoint {number} does not bear our signature.")
        return None
    previous = hashlib.sha256(before.encode()).hexdigest() if before is not None else ""
    if checkpoint.number != number or checkpoint.previous != previous or checkpoint.first != covered + 1:
        found.problems.append(f"Checkpoint {number} does not follow the one before it: one was removed or put in.")
        return None
    return checkpoint


def _judge(events: Sequence[Recorded], first: int, last: int, found: Verdict) -> bool:
    """Check a run of events; true when each is there and as it was written."""
    found.events += len(events)
    bad = next((e.seq for e in events if not e.sound), None)
    if bad is not None:
        found.first_bad = bad if found.first_bad is None else min(found.first_bad, bad)
        found.problems.append(f"Event {bad} is not as it was written.")
    there = {e.seq for e in events}
    gone = ranges([n for n in range(first, last + 1) if n not in there]) if len(there) <= last - first else []
    if gone:
        found.missing += gone
        shown = ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in gone[:5])
        found.problems.append(f"Events {shown}{' and more' if len(gone) > 5 else ''} are missing.")
    return bad is None and not gone
