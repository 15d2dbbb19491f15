"""The audit log: numbered without a gap whoever writes, sealed, and every kind of tampering found."""

import datetime as dt
import hashlib
import json
import subprocess
import sys

import pytest
import sqlalchemy as sa

from seeding_platform.governance.audit import Checkpoints, Sealer, verify
from seeding_platform.governance.audit.seal import merkle_root
from seeding_platform.settings import project_root
from seeding_platform.storage.audit import AuditLog, Event
from seeding_platform.storage.keyring import Keyring
from seeding_platform.storage.state import State

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
KEYS = Keyring(bytes(range(32)))

WRITER = """
import datetime as dt, sys
from seeding_platform.storage.audit import AuditLog, Event
from seeding_platform.storage.keyring import Keyring
from seeding_platform.storage.state import State

url, name, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
with State.open(url) as state:
    log = AuditLog(state, Keyring(bytes(range(32))))
    print("ready", flush=True)
    sys.stdin.readline()
    for n in range(number):
        log.record(Event(at=dt.datetime(2026, 3, 1, tzinfo=dt.UTC), tenant="t", actor=name, action="test.write", subject=str(n)))
"""


def event(n, **other):
    return Event(**{"at": NOW, "tenant": "t", "actor": "k1", "action": "test.write", "subject": str(n), "detail": {"n": n}} | other)


@pytest.fixture
def kept(database_url, tmp_path):
    with State.open(database_url) as state:
        log = AuditLog(state, KEYS)
        checkpoints = Checkpoints(tmp_path / "audit" / "checkpoints.jsonl")
        yield log, checkpoints, Sealer(log, KEYS, checkpoints)


def sealed(kept, number=30, every=10):
    log, checkpoints, sealer = kept
    for n in range(1, number + 1):
        log.record(event(n))
        if n % every == 0:
            sealer.seal(now=NOW)
    assert verify(log, KEYS, checkpoints).ok
    return log, checkpoints


def changed(log, statement, **values):
    with log.engine.begin() as connection:
        connection.execute(sa.text(statement), values)


def test_what_was_recorded_comes_back_and_holds(kept):
    log, checkpoints, sealer = kept
    assert log.record(event(1), event(2, outcome="refused", detail={"why": "it’s “so”"})) == 2
    (second, first) = log.newest(tenant="t")
    assert (first.seq, second.seq, second.event.outcome, second.event.detail) == (1, 2, "refused", {"why": "it’s “so”"})
    assert second.event.at == NOW
    assert verify(log, KEYS, checkpoints).as_dict() == {
        "ok": True,
        "events": 2,
        "first_bad": None,
        "missing": [],
        "unsealed": 2,
        "seals": 0,
        "problems": [],
    }
    assert sealer.seal(now=NOW) == 2
    assert sealer.seal(now=NOW) == 0
    found = verify(log, KEYS, checkpoints)
    assert (found.ok, found.unsealed, found.seals) == (True, 0, 1)


def test_an_event_is_there_only_with_what_it_tells(kept):
    log = kept[0]

    def fails():
        with log.engine.begin() as connection:
            log.record_in(connection, event(1))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    assert log.last() == 0
    assert log.record(event(1)) == 1


@pytest.mark.parametrize("column", ["tenant", "actor", "action", "subject", "outcome", "body", "mac"])
def test_an_edit_is_found(kept, column):
    log, checkpoints = sealed(kept)
    changed(log, f"UPDATE audit_events SET {column} = {column} || 'x' WHERE seq = 14")
    found = verify(log, KEYS, checkpoints)
    assert (found.ok, found.first_bad, found.missing) == (False, 14, [])


def test_an_edited_time_is_found(kept):
    log, checkpoints = sealed(kept)
    with log.engine.begin() as connection:
        from seeding_platform.storage.schema import audit_events

        connection.execute(audit_events.update().where(audit_events.c.seq == 3).values(at=NOW + dt.timedelta(days=1)))
    assert verify(log, KEYS, checkpoints).first_bad == 3


def test_a_deletion_is_found(kept):
    log, checkpoints = sealed(kept)
    changed(log, "DELETE FROM audit_events WHERE seq IN (4, 5, 21)")
    found = verify(log, KEYS, checkpoints)
    assert (found.ok, found.missing) == (False, [(4, 5), (21, 21)])


def test_a_deletion_that_no_seal_covers_yet_is_found_but_for_the_very_end(kept):
    log, checkpoints = sealed(kept)
    log.record(*(event(n) for n in range(5)))
    changed(log, "DELETE FROM audit_events WHERE seq = 32")
    assert verify(log, KEYS, checkpoints).missing == [(32, 32)]


def test_events_cut_off_at_the_end_are_found(kept):
    log, checkpoints = sealed(kept)
    changed(log, "DELETE FROM audit_events WHERE seq > 17")
    assert verify(log, KEYS, checkpoints).missing == [(18, 20), (21, 30)]
    changed(log, "DELETE FROM audit_checkpoints WHERE number > 1")
    found = verify(log, KEYS, checkpoints)
    assert not found.ok
    assert any("set back" in p for p in found.problems)


def test_a_file_cut_short_is_found(kept):
    log, checkpoints = sealed(kept)
    checkpoints.path.write_text("".join(f"{line}\n" for line in checkpoints.lines()[:2]))
    found = verify(log, KEYS, checkpoints)
    assert not found.ok
    assert "cut short" in found.problems[0]


def test_an_event_put_in_behind_the_log_is_found(kept):
    log, checkpoints = sealed(kept)
    other = AuditLog.__new__(AuditLog)
    other.engine, other.key = log.engine, Keyring(b"\x01" * 32).derived("audit")
    other.record(event(31))
    assert verify(log, KEYS, checkpoints).first_bad == 31


def test_a_whole_rewrite_with_the_right_keys_is_found(kept):
    """Somebody with the database and the keys, who writes another history of as many events."""
    log, checkpoints = sealed(kept)
    copies = checkpoints.lines()
    changed(log, "DELETE FROM audit_events")
    for n in range(1, 31):
        log.record(event(n, actor="somebody else"))
    found = verify(log, KEYS, checkpoints)
    assert (found.ok, found.first_bad) == (False, 1)
    checkpoints.path.unlink()
    changed(log, "DELETE FROM audit_checkpoints")
    Sealer(log, KEYS, checkpoints).seal(now=NOW)
    assert verify(log, KEYS, checkpoints).ok, "who has all of it can write all of it anew"
    found = verify(log, KEYS, checkpoints, copies=copies[-1:])
    assert not found.ok, "but for one line that lies elsewhere"


@pytest.mark.parametrize("name", ["number", "first", "last", "root", "previous", "at"])
def test_a_changed_checkpoint_is_found(kept, name):
    log, checkpoints = sealed(kept)
    lines = [json.loads(line) for line in checkpoints.lines()]
    lines[1][name] = lines[1][name] + 1 if isinstance(lines[1][name], int) else "0" + lines[1][name][1:] if lines[1][name][0] != "0" else "1"
    changed_lines = [json.dumps(line, sort_keys=True, separators=(",", ":")) for line in lines]
    checkpoints.path.write_text("".join(f"{line}\n" for line in changed_lines))
    changed(log, "UPDATE audit_checkpoints SET line = :line WHERE number = 2", line=changed_lines[1])
    found = verify(log, KEYS, checkpoints)
    assert not found.ok
    assert "signature" in found.problems[0]


def test_a_checkpoint_taken_out_is_found(kept):
    log, checkpoints = sealed(kept)
    lines = checkpoints.lines()
    checkpoints.path.write_text(f"{lines[0]}\n{lines[2]}\n")
    changed(log, "DELETE FROM audit_checkpoints WHERE number = 2")
    changed(log, "UPDATE audit_checkpoints SET number = 2 WHERE number = 3")
    found = verify(log, KEYS, checkpoints)
    assert any("does not follow" in p for p in found.problems)


def test_a_process_that_died_while_sealing_leaves_nothing_wrong(kept):
    log, checkpoints, sealer = kept
    log.record(*(event(n) for n in range(3)))
    sealer.seal(now=NOW)
    changed(log, "DELETE FROM audit_checkpoints")  # died between file and database
    assert verify(log, KEYS, checkpoints).ok
    with checkpoints.path.open("a") as file:
        file.write('{"number": 2, "at": "20')  # died in the middle of a line
    assert verify(log, KEYS, checkpoints).ok
    log.record(event(4))
    assert sealer.seal(now=NOW) == 1
    found = verify(log, KEYS, checkpoints)
    assert (found.ok, found.seals, len(log.checkpoints())) == (True, 2, 2)


def test_eight_writers_at_once_leave_one_history(database_url, tmp_path):
    with State.open(database_url):
        pass
    command = [sys.executable, "-c", WRITER, database_url]
    writers = [
        subprocess.Popen([*command, f"w{n}", "40"], cwd=project_root(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for n in range(8)
    ]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("\n")
        writer.stdin.flush()
    with State.open(database_url) as state:
        log, checkpoints = AuditLog(state, KEYS), Checkpoints(tmp_path / "checkpoints.jsonl")
        sealer = Sealer(log, KEYS, checkpoints)
        while any(writer.poll() is None for writer in writers):
            sealer.seal(now=NOW)
        for writer in writers:
            writer.communicate(timeout=60)
            assert writer.returncode == 0
        sealer.seal(now=NOW)
        found = verify(log, KEYS, checkpoints)
        assert (found.ok, found.events, found.missing, found.unsealed) == (True, 320, [], 0)
        written = [(r.event.actor, int(r.event.subject)) for r in log.between(1, 320)]
        assert sorted(written) == [(f"w{w}", n) for w in range(8) for n in range(40)]
        for w in range(8):
            assert [n for actor, n in written if actor == f"w{w}"] == list(range(40))


def test_the_tree_is_that_of_the_rfc():
    class Leaf:
        def __init__(self, text):
            self.mac, self.body = "", text

    def h(*parts):
        return hashlib.sha256(b"".join(parts)).digest()

    a, b, c = (h(b"\x00", t) for t in (b"a", b"b", b"c"))
    assert merkle_root([]) == h()
    assert merkle_root([Leaf("a")]) == a
    assert merkle_root([Leaf("a"), Leaf("b"), Leaf("c")]) == h(b"\x01", h(b"\x01", a, b), c)
