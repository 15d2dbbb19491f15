"""What people do about enrichment over the API: records sent in, work asked for, rows brought back, cancelled, judged; versions put in force."""

from __future__ import annotations

import dataclasses
import random
from typing import TYPE_CHECKING, Any

from seeding_platform.enrichment.comparison import share
from seeding_platform.enrichment.lines import Lines
from seeding_platform.enrichment.outputs import NO_PROBLEMS, word_told
from seeding_platform.enrichment.proving import let_go_on
from seeding_platform.enrichment.refreshing import brought_back
from seeding_platform.enrichment.replay import replayed
from seeding_platform.enrichment.setups import NAME
from seeding_platform.errors import ConfigError, PermanentError
from seeding_platform.service.enriched import stage_wanted, story
from seeding_platform.service.errors import Problem
from seeding_platform.storage.enrichment.pauses import Pause
from seeding_platform.storage.enrichment.states import Stage
from seeding_platform.storage.enrichment.versions import Versions, joined, parted
from seeding_platform.storage.kept import VersionConflict

if TYPE_CHECKING:
    from collections.abc import Collection

    from seeding_platform.enrichment.replay import Replayed
    from seeding_platform.enrichment.setups import Setup
    from seeding_platform.service.context import Service
    from seeding_platform.storage.enrichment.reviews import HumanLabel
    from seeding_platform.storage.enrichment.states import Dead, Ref

PROVIDERS = frozenset({"offline", "openai"})
MOST_TOLD = 1000
"""So many records are named one by one in an answer."""


class Sent(Lines):
    """Lines of JSON as they come over the network.

    Args:
        service: where they go.
        tenant: whose they are.
    """

    def __init__(self, service: Service, tenant: str) -> None:
        super().__init__(service.enrichment.store, tenant, service.now)
        self.house = service.enrichment

    def done(self) -> dict[str, Any]:
        """Take the last line in too; what became of all.

        Raises:
            Problem: 422: not one line is a record.
        """
        self.end()
        if not self.n:
            raise Problem(422, "no-records", "Not one line is a record; each one is a JSON object with record_type and record_id.", more=self.told())
        self.house.tell("taken", self.tenant, records=self.n)
        return self.told()


def redrive(service: Service, tenant: str, wanted: Dead, *, records: Collection[tuple[str, str]] | None, dry_run: bool) -> list[Ref]:
    """Bring dead letters back, or only say which."""
    house = service.enrichment
    back = house.store.redrive(tenant, **dataclasses.asdict(wanted), records=records, dry_run=dry_run, now=service.now())
    if back and not dry_run:
        house.tell("redriven", tenant, records=len(back))
    return back


def cancel(service: Service, tenant: str, record: tuple[str, str], *, stage: Stage | None, reason: str) -> list[Ref]:
    """Skip what is not finished of a record.

    Raises:
        Problem: 404; 409 where everything is finished.
    """
    story(service, tenant, *record)
    ended = service.enrichment.store.cancel(tenant, stage=stage, records=[record], reason=reason, now=service.now())
    if not ended:
        raise Problem(409, "finished", "Nothing of the record is left to be cancelled.")
    service.enrichment.tell("cancelled", tenant, records=1)
    return ended


def again(service: Service, tenant: str, record: tuple[str, str], *, stage: Stage | None) -> Ref:
    """Do a stage of a record anew.

    Raises:
        Problem: 404; 409 where it cannot be done anew.
    """
    wanted = stage_wanted(story(service, tenant, *record), stage)
    done = service.enrichment.store.again(tenant, record, stage=wanted, now=service.now())
    if done is None:
        said = "It waits or is worked on already, a person has answered, it was cancelled, or a stage before it left nothing to do."
        raise Problem(409, "not-again", f"{wanted} of the record cannot be done anew. {said}")
    service.enrichment.tell("again", tenant, records=1)
    return done


def replay(service: Service, tenant: str, record: tuple[str, str], *, stage: Stage | None) -> Replayed:
    """Ask the provider that answers now about a record, beside what is kept.

    Raises:
        Problem: 404; 409 where a stage before has no output.
    """
    found = story(service, tenant, *record)
    house = dataclasses.replace(service.enrichment)  # who answers now, not who answered when the service began
    try:
        return replayed(found, stage_wanted(found, stage), house.provider_of(tenant), now=service.now())
    except PermanentError as error:
        raise Problem(409, "nothing-to-ask-with", str(error)) from error


def judge(service: Service, tenant: str, record: tuple[str, str], *, label: str, reason: str, actor: str) -> HumanLabel:
    """Let a person's label be the classification.

    Raises:
        Problem: 404; 409 where the record was cancelled; 422 for a label that there is not.
    """
    house = service.enrichment
    if label not in house.stages.labels:
        raise Problem(422, "no-such-label", f"label: there are {', '.join(house.stages.labels)}.")
    if story(service, tenant, *record).record.withdrawn_at is not None:
        raise Problem(409, "cancelled", "The record was cancelled; only another input of it brings it back.")
    said = house.store.judge(tenant, *record, label=label, actor=actor, reason=reason, now=service.now())
    assert said is not None  # noqa: S101
    house.tell("judged", tenant, records=1)
    return said


def say(service: Service, tenant: str, record: tuple[str, str], *, stage: str, told: str, reason: str, actor: str) -> HumanLabel:
    """Keep what a person says is the right answer of a stage; the record goes on as it is.

    Raises:
        Problem: 404; 422 for what is no answer of the stage.
    """
    house = service.enrichment
    word = word_told(stage, told, house.stages)
    if word is None:
        names = house.stages.actions if stage == Stage.RESOLUTION else [NO_PROBLEMS, *house.stages.problems]
        raise Problem(422, "no-such-label", f"label: there are {', '.join(names)}.")
    said = house.store.say(tenant, record, stage=stage, word=word, actor=actor, reason=reason, now=service.now())
    if said is None:
        raise Problem(404, "no-such-record", "There is no such record.")
    return said


def sample(service: Service, tenant: str, share_: float) -> list[Ref]:
    """Put a share of the accepted classifications up for a second look."""
    drawn = service.enrichment.store.sample(tenant, share_, rng=random.Random(service.new_id(8)), now=service.now())  # noqa: S311  a sample
    if drawn:
        service.enrichment.tell("sampled", tenant, records=len(drawn))
    return drawn


def pause(service: Service, tenant: str, *, stage: str, reason: str, actor: str) -> Pause:
    """Claim nothing of a tenant, or of one of its stages, until the pause ends."""
    made = Pause(tenant=tenant, stage=stage, reason=reason, actor=actor, at=service.now())
    service.enrichment.store.pause(made)
    service.enrichment.tell("paused", tenant, stage=stage)
    return made


def resume(service: Service, tenant: str, *, stage: str) -> None:
    """End a pause.

    Raises:
        Problem: 404 where there is none of the tenant's own.
    """
    if not service.enrichment.store.resume(tenant, stage):
        raise Problem(404, "no-such-pause", "There is no such pause of this organisation.")
    service.enrichment.tell("resumed", tenant, stage=stage)


def set_up(service: Service, tenant: str, *, stage: str, setup: Setup, actor: str) -> str:
    """Make a version known that answers as a setup says; its name.

    Raises:
        Problem: 404: the registry knows no such classifier; 409: it comes to a version that is known already; 422: nobody would answer by it.
    """
    known = Versions(service.state)
    if setup.classifier is not None and stage != Stage.CLASSIFICATION:
        raise Problem(422, "invalid-request", "setup.classifier: only classification has one.")
    if not set(setup.providers or ()) <= PROVIDERS:
        raise Problem(422, "invalid-request", f"setup.providers: there are {', '.join(sorted(PROVIDERS))}.")
    try:
        provider = service.enrichment.set_up(tenant, stage, setup)
        version = None if provider is None else joined(provider.version_of(stage))
    except ConfigError as error:
        raise Problem(422, "nobody-answers", str(error)) from error
    if version is None:
        raise Problem(404, "no-such-version", "The registry knows no such version of exception_classification.")
    if any((v["stage"], v["version"]) == (stage, version) and v["state"] != "candidate" for v in known.all(tenant)):
        raise Problem(409, "known-version", f"It comes to {version}, which is known; put that one where you want it.")
    known.put(tenant, stage, version, "candidate", report={NAME: setup.model_dump(exclude_none=True), "by": actor}, now=service.now())
    return version


def put_version(service: Service, tenant: str, *, stage: str, version: str, state: str, share_: float, actor: str, reason: str) -> dict[str, Any]:
    """Let a version be live, a candidate, refused or retired, on a person's word; a pause that its refusal made ends.

    Raises:
        Problem: 404 for a version that was never seen.
    """
    house, known = service.enrichment, Versions(service.state)
    before = next((v for v in known.all(tenant) if (v["stage"], v["version"]) == (stage, version)), None)
    if before is None:
        raise Problem(404, "no-such-version", "This version of the stage was never seen.")
    report = {**before["report"], "by": actor, "reason": reason, "before": before["state"]}
    known.put(tenant, stage, version, state, report=report, now=service.now(), share=share_ if state == "candidate" else 0.0)
    if state == "live":
        let_go_on(house, tenant, stage, now=service.now())
        if before["state"] != "live":
            brought_back(house, tenant, stage, parted(version), now=service.now())
    house.tell("version", tenant, stage=stage)
    return {"stage": stage, "version": version, "state": state, "share": share_ if state == "candidate" else 0.0}


def share_figures(service: Service, tenant: str, *, on: bool, actor: str) -> None:
    """Say whether a tenant's figures are compared with those of others.

    Raises:
        Problem: 409: somebody else said so at the same moment.
    """
    try:
        share(service.state, tenant, on=on, actor=actor, now=service.now())
    except VersionConflict as conflict:
        raise Problem(409, "changed-meanwhile", "Somebody else has just changed this; look again.") from conflict
