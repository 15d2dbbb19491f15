"""Cases of what goes right, of repeats, of the fence, of abort, recall and status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeding_platform.distribution.conformance.publisher import rows
from seeding_platform.distribution.conformance.trial import CASES as _CASES
from seeding_platform.distribution.conformance.trial import OK, WANTING, Case, NotTried, case
from seeding_platform.distribution.receipt import FORMATS

if TYPE_CHECKING:
    from seeding_platform.distribution.conformance.trial import Trial

CONFLICT = 409


def _takes(kind: str) -> Case:
    def run(trial: Trial) -> None:
        trial.activated(trial.make(1, kind=kind))

    return Case(f"takes_{kind}", "Manifest", f"{kind} is taken, counted, proven and in use", run)


_CASES.extend(_takes(kind) for kind in FORMATS)


@case("Manifest")
def takes_no_rows(trial: Trial) -> None:
    """A bundle without rows, with a reason, is as good as any."""
    trial.activated(trial.make(1, rows(0)))


@case("Words and forms")
def ignores_unknown_fields(trial: Trial) -> None:
    """Fields that the page does not name are ignored."""
    trial.activated(trial.make(1, told={"colour": "green"}, facts={"mood": ["new"]}))


@case("status")
def status_before_the_first(trial: Trial) -> None:
    """Before the first, the state is none."""
    if trial.base:
        raise NotTried("the engine has a history")
    told = trial.expect("status", trial.caller.status(trial.publisher.tenant, trial.engine), OK, protocol="1", state="none")
    trial.check("generation and content_id", (None, None), (told.body.get("generation"), told.body.get("content_id")))


@case("prepare")
def wants_what_is_missing(trial: Trial) -> None:
    """What is missing is wanted, and nothing is prepared before all is here."""
    made = trial.make(1)
    first = trial.expect("prepare", trial.caller.prepare(made), WANTING, state="wanting")
    trial.check("wanted", sorted(made.names()), sorted(first.body.get("files", [])))
    trial.expect("PUT", trial.caller.put(made, "README.md"), 204)
    again = trial.expect("prepare with one file", trial.caller.prepare(made), WANTING, state="wanting")
    trial.check("wanted", ["part-00000.parquet"], again.body.get("files"))
    trial.expect("activate too early", trial.caller.about("activate", made), CONFLICT, code="not-prepared")


@case("prepare")
def prepare_changes_nothing_in_use(trial: Trial) -> None:
    """What was in use stays in use until activate."""
    first = trial.make(1)
    trial.activated(first)
    trial.prepared(trial.make(2))
    trial.in_use(first)


@case("prepare")
def prepare_repeated(trial: Trial) -> None:
    """The same again gives the same answer."""
    made = trial.make(1)
    once = trial.prepared(made)
    trial.check("second answer", dict(once.body), dict(trial.prepared(made).body))


@case("activate")
def activate_repeated(trial: Trial) -> None:
    """The same again gives the same answer, and prepare then answers active."""
    made = trial.make(1)
    once = trial.activated(made)
    again = trial.expect("activate again", trial.caller.about("activate", made), OK)
    trial.check("second answer", dict(once.body), dict(again.body))
    late = trial.expect("prepare again", trial.caller.prepare(made), OK, state="active", generation=made.generation)
    trial.proven(made, late)


@case("files")
def put_repeated(trial: Trial) -> None:
    """A file that comes twice is taken twice."""
    made = trial.make(1)
    trial.expect("prepare", trial.caller.prepare(made), WANTING)
    for _ in range(2):
        trial.expect("PUT", trial.caller.put(made, "README.md"), 204)
    trial.activated(made)


@case("prepare")
def prepare_at_once(trial: Trial) -> None:
    """Several at once give one result."""
    made = trial.make(1)
    first = trial.caller.prepare_together(made)
    for reply in first:
        trial.expect("prepare at once", reply, WANTING, state="wanting")
    trial.sent(made, first[0])
    for reply in trial.caller.prepare_together(made):
        trial.expect("prepare at once", reply, OK, state="prepared", rows=made.table.height)
        trial.proven(made, reply)


@case("activate")
def activate_unprepared(trial: Trial) -> None:
    """409 not-prepared for what was never prepared."""
    trial.expect("activate", trial.caller.about("activate", trial.make(1)), CONFLICT, code="not-prepared")


@case("The fence")
def prepare_stale(trial: Trial) -> None:
    """A lower generation is 409 generation-stale, with the highest one."""
    old, new = trial.make(1), trial.make(2)
    trial.activated(new)
    trial.expect("prepare", trial.caller.prepare(old), CONFLICT, code="generation-stale", generation=new.generation)
    trial.in_use(new)


@case("The fence")
def prepared_counts(trial: Trial) -> None:
    """What is prepared counts already, before it is active."""
    first, second, third = trial.make(1), trial.make(2), trial.make(3)
    trial.activated(first)
    trial.prepared(third)
    trial.expect("prepare", trial.caller.prepare(second), CONFLICT, code="generation-stale", generation=third.generation)


@case("The fence")
def prepare_conflict(trial: Trial) -> None:
    """Another bundle under the same number is 409 generation-conflict."""
    trial.prepared(trial.make(2))
    other = trial.make(2, rows(9, shift=77))
    trial.expect("prepare", trial.caller.prepare(other), CONFLICT, code="generation-conflict")
    trial.expect("activate", trial.caller.about("activate", other), CONFLICT, code="generation-conflict")


@case("The fence")
def activate_stale(trial: Trial) -> None:
    """Activate of a lower generation is 409 generation-stale."""
    old, new = trial.make(1), trial.make(2)
    trial.prepared(old)
    trial.activated(new)
    trial.expect("activate", trial.caller.about("activate", old), CONFLICT, code="generation-stale", generation=new.generation)
    trial.in_use(new)


@case("The fence")
def rolls_back_by_a_higher_number(trial: Trial) -> None:
    """Older content under a higher number is taken, with a proof of the new release."""
    first = trial.make(1)
    trial.activated(first)
    trial.activated(trial.make(2))
    trial.activated(trial.publisher.again(first, trial.base + 3))


@case("The fence")
def late_retry_after_a_rollback(trial: Trial) -> None:
    """A retry that comes after a rollback undoes nothing."""
    first, second = trial.make(1), trial.make(2)
    trial.activated(first)
    trial.activated(second)
    back = trial.publisher.again(first, trial.base + 3)
    trial.activated(back)
    trial.expect("late prepare", trial.caller.prepare(second), CONFLICT, code="generation-stale", generation=back.generation)
    trial.expect("late activate", trial.caller.about("activate", second), CONFLICT, code="generation-stale", generation=back.generation)
    trial.in_use(back)


@case("The fence")
def fence_after_a_restart(trial: Trial) -> None:
    """It holds after a restart of the receiver, as does what is in use."""
    if trial.restart is None:
        raise NotTried("give --restart COMMAND to try it")
    old, new, next_one = trial.make(1), trial.make(2), trial.make(3)
    trial.activated(new)
    trial.prepared(next_one)
    trial.restart()
    trial.in_use(new)
    trial.expect("prepare", trial.caller.prepare(old), CONFLICT, code="generation-stale", generation=next_one.generation)
    trial.expect("activate", trial.caller.about("activate", next_one), OK, state="active")


@case("abort")
def abort_prepared(trial: Trial) -> None:
    """What was prepared cannot be activated; what is active stays; the number counts."""
    first, late, second = trial.make(1), trial.make(2), trial.make(3)
    trial.activated(first)
    trial.prepared(second)
    for _ in range(2):
        trial.expect("abort", trial.caller.about("abort", second), OK, state="aborted")
    trial.expect("activate", trial.caller.about("activate", second), CONFLICT, code="not-prepared")
    trial.in_use(first)
    trial.expect("prepare of a lower one", trial.caller.prepare(late), CONFLICT, code="generation-stale", generation=second.generation)


@case("abort")
def abort_nothing(trial: Trial) -> None:
    """200 also when nothing was prepared; what is active stays."""
    made = trial.make(1)
    trial.activated(made)
    trial.expect("abort of what is active", trial.caller.about("abort", made), OK, state="aborted")
    trial.expect("abort of what never came", trial.caller.about("abort", trial.make(2)), OK, state="aborted")
    trial.in_use(made)


@case("recall")
def recall_active(trial: Trial) -> None:
    """The bundle is used no more, its files are gone, and it does not come back by a retry."""
    made = trial.make(1)
    trial.activated(made)
    for _ in range(2):
        trial.expect("recall", trial.caller.about("recall", made, reason="erased", instead=None), OK, state="recalled")
    trial.expect("status", trial.caller.status(trial.publisher.tenant, trial.engine), OK, state="none", generation=None)
    trial.expect("HEAD of a file", trial.caller.head(made, "part-00000.parquet"), 404)
    trial.expect("activate", trial.caller.about("activate", made), CONFLICT)
    trial.expect("late prepare", trial.caller.prepare(made), CONFLICT, code="bundle-recalled")


@case("recall")
def recall_older(trial: Trial) -> None:
    """An older bundle goes, what is in use stays."""
    old, new = trial.make(1), trial.make(2)
    trial.activated(old)
    trial.activated(new)
    trial.expect("recall", trial.caller.about("recall", old, reason="erased", instead=new.generation), OK, state="recalled")
    trial.expect("HEAD of a file", trial.caller.head(old, "part-00000.parquet"), 404)
    trial.in_use(new)


@case("recall")
def recall_nothing(trial: Trial) -> None:
    """200 also when it is not there."""
    trial.expect("recall", trial.caller.about("recall", trial.make(1), reason="expired", instead=None), OK, state="recalled")


@case("Manifest")
def takes_a_delta(trial: Trial) -> None:
    """A delta gives the same rows as the whole."""
    table = rows(40)
    base = trial.make(1, table)
    trial.activated(base)
    after = rows(30).vstack(rows(45, shift=5).slice(40)).with_columns(stops=rows(45)["stops"].head(35))
    trial.activated(trial.make(2, after, base=base))
    trial.activated(trial.publisher.again(base, trial.base + 3))


@case("Manifest")
def delta_without_its_base(trial: Trial) -> None:
    """Without the base of a delta, the whole is wanted."""
    base = trial.make(1)
    made = trial.make(2, rows(25), base=base)
    first = trial.expect("prepare", trial.caller.prepare(made), WANTING)
    trial.check("wanted", sorted(made.names()), sorted(first.body.get("files", [])))
    trial.activated(made)
