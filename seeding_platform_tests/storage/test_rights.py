"""Keys of people, marks and holds in the state database, on SQLite and on PostgreSQL."""

import datetime as dt
import threading

import pytest

from seeding_platform.storage.holds import EVERYBODY, EVERYTHING, TABLE, Hold, Holds
from seeding_platform.storage.keyring import Keyring
from seeding_platform.storage.marks import CORRECTED, HELD, RESTRICTED, Marks
from seeding_platform.storage.privacy import Tombstones
from seeding_platform.storage.state import State
from seeding_platform.storage.subject_keys import SubjectKeys

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
RING = Keyring(bytes(range(32)))


@pytest.fixture
def state(database_url):
    with State.open(database_url) as opened:
        yield opened


def keys(state):
    return SubjectKeys(state, RING, now=lambda: NOW)


def test_keys_are_made_once_shredded_for_good_and_wrapped_anew(state):
    names = keys(state).subjects("t", [f"EMAIL\x00p{n}@x.nl" for n in range(600)])
    made = keys(state).made("t", names)
    assert len(set(made.values())) == 600, "more than one portion of them"
    assert keys(state).made("t", names) == made
    assert keys(state).opened("u", names) == {}, "another tenant has none of them"
    assert keys(state).shred("t", names[:2]) == 2
    assert keys(state).rotate() == 598
    opened = keys(state).made("t", names)
    assert [opened[n] for n in names[:2]] == [None, None]
    assert {n: opened[n] for n in names[2:]} == {n: made[n] for n in names[2:]}
    counted = keys(state).counted("t")
    assert (counted.live, counted.shredded, counted.versions) == (598, 2, (2,))
    assert (keys(state).counted("u").live, keys(state).counted("u").versions) == (0, ())


def test_a_key_that_is_shredded_while_all_are_wrapped_anew_stays_shredded(state):
    made = keys(state)
    names = made.subjects("t", ["EMAIL\x00a@x.nl", "EMAIL\x00b@x.nl"])
    made.made("t", names)
    shredding = threading.Thread(target=lambda: keys(state).shred("t", names[:1]))

    class Interrupted(SubjectKeys):
        def _kek(self, version):
            if shredding.ident is None:  # the rows are read, and none is written yet
                shredding.start()
                shredding.join(0.5)
            return super()._kek(version)

    Interrupted(state, RING, now=lambda: NOW).rotate()
    shredding.join()
    opened = keys(state).opened("t", names)
    assert opened[names[0]] is None
    assert opened[names[1]] is not None


def test_two_who_make_a_key_at_once_have_the_same(state):
    names = keys(state).subjects("t", [f"EMAIL\x00q{n}@x.nl" for n in range(50)])
    found = []
    threads = [threading.Thread(target=lambda: found.append(keys(state).made("t", names))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(one == found[0] for one in found)


def test_a_wrapped_key_is_bound_to_its_person(state):
    from seeding_platform.errors import PermanentError
    from seeding_platform.storage.database import writing
    from seeding_platform.storage.schema import privacy_subject_keys as table

    one, other = keys(state).subjects("t", ["a", "b"])
    keys(state).made("t", [one, other])
    with writing(state.engine) as connection:
        moved = connection.execute(table.select().where(table.c.subject == one)).one().wrapped
        connection.execute(table.update().where(table.c.subject == other).values(wrapped=moved))
    with pytest.raises(PermanentError, match="does not open"):
        keys(state).opened("t", [other])


def test_marks_stand_until_they_are_lifted_and_say_what_is_to_be_done(state):
    marks = Marks(state, RING)
    assert marks.digest(RESTRICTED) == ""
    who = [("EMAIL", "jan@x.nl"), ("PHONE", "+31612345678")]
    for _ in range(2):
        marks.put(CORRECTED, "t", who, request_id="r1", now=NOW, body={"table": "orders", "columns": {"note": "jan@x.nl"}})
    found = marks.of(CORRECTED, "t")
    assert [m.body["table"] for _, m in found] == ["orders", "orders"], "a repeat puts up no second one"
    assert {m.token for _, m in found} == {Tombstones(state, RING).token("t", label, value) for label, value in who}
    from seeding_platform.storage.schema import privacy_marks as table

    with state.engine.connect() as connection:
        assert "jan@x.nl" not in str(connection.execute(table.select()).all())
    marks.put(RESTRICTED, "t", who[:1], request_id="r2", now=NOW)
    before = marks.digest(RESTRICTED)
    marks.put(RESTRICTED, "u", who[:1], request_id="r3", now=NOW)
    assert marks.digest(RESTRICTED) not in ("", before)
    assert marks.lift(RESTRICTED, "t", [marks.token("t", *who[0])], now=NOW) == 1
    assert marks.lift(RESTRICTED, "t", [marks.token("t", *who[0])], now=NOW) == 0
    assert [tenant for tenant, _ in marks.of(RESTRICTED)] == ["u"]
    assert marks.forget("r1", "t") == 2
    assert marks.of(CORRECTED) == marks.of(HELD) == []


def test_holds_stand_for_their_tenant_or_everybody(state):
    holds = Holds(state)

    def hold(n, tenant, kind, target=""):
        holds.add(Hold(hold_id=f"h{n}", tenant=tenant, kind=kind, target=target, reason="x", actor="k", at=NOW + dt.timedelta(seconds=n)))

    hold(1, "t", TABLE, "orders")
    hold(2, EVERYBODY, EVERYTHING)
    hold(3, "u", EVERYTHING)
    assert [h.hold_id for h in holds.standing("t")] == ["h1", "h2"]
    assert [h.hold_id for h in holds.standing()] == ["h1", "h2", "h3"]
    assert holds.lift("h2", now=NOW)
    assert not holds.lift("h2", now=NOW)
    assert [h.hold_id for h in holds.standing("t")] == ["h1"]
    assert (holds.one("h2").lifted_at, holds.one("h9")) == (NOW, None)
