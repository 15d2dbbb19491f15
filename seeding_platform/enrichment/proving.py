"""Whether a new version of a stage may go live: tried on a golden set beside the version that is live, before it answers a single record.

The golden set is the newest of what people said is right; for classification also in the labelled history that landed (a trained version has seen
a part of that, which flatters the new version and the live one alike). A version that does worse is refused: the live one goes on where it can
still be asked, else the stage is paused for the tenant. Nothing is ever done by a refused version, until a person lets it live.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from seeding_platform.enrichment.outputs import Invalid, checked, word_of
from seeding_platform.enrichment.providers.by_stage import ByStage
from seeding_platform.enrichment.providers.protocol import Question
from seeding_platform.enrichment.setups import setup_of
from seeding_platform.monitoring.alert import Alert
from seeding_platform.monitoring.desk import AlertDesk
from seeding_platform.storage.enrichment.pauses import Pause
from seeding_platform.storage.enrichment.states import STAGES, ErrorClass, Stage
from seeding_platform.storage.enrichment.versions import Versions, joined
from seeding_platform.storage.lake import Lake

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from seeding_platform.enrichment.house import House
    from seeding_platform.enrichment.providers.protocol import Provider
    from seeding_platform.storage.enrichment.standing import Story

FEWEST, MOST = 30, 200
"""Records without which nothing is proven, and records that are asked about at most."""
MOST_DROP, P = 0.05, 0.05
"""Refused is what has more than five points fewer right, or fewer by a one-sided exact McNemar test at this p."""
RULE, SUBJECT, KEEPER = "enrichment.version_refused", "enrichment", "enrichment"
NUMBER = re.compile(r"exception_classification:(\d{1,12})")
HISTORY = "quality/exception_labels"
Verdict = Literal["not_worse", "worse", "unproven"]


@dataclass(frozen=True, slots=True)
class Golden:
    """A record of which a person has said what is right: what is asked about it, and the right answer in a word."""

    question: Question
    truth: str
    before: Mapping[tuple[str, str], str]
    """What versions (model, prompt) answered to this input, where it is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """How a version did beside the live one.

    Attributes:
        verdict: worse = it must not go live; unproven = too little is known to say.
        n: records that both answered.
        right: share that the live version has right, and the new one; None without records.
        won: records that only the new one has right.
        lost: records that only the live one has right.
        p: how likely the new one would lose so many by chance, were it no worse; None without records.
    """

    verdict: Verdict
    n: int
    right: tuple[float, float] | None = None
    won: int = 0
    lost: int = 0
    p: float | None = None


def golden_set(house: House, tenant: str, stage: str = Stage.CLASSIFICATION) -> list[Golden]:
    """The newest records of a tenant of which a person has said what a stage should say of them as they are now, `MOST` at most."""
    told: dict[tuple[str, str], tuple[dt.datetime, str, bool]] = {}
    for name, label, at in _history(house, tenant) if stage == Stage.CLASSIFICATION else []:
        told["exception", name] = (at, label, False)
    for said in house.store.labels(tenant, stage=str(stage)):  # the oldest first: the newest of a record counts
        told[said.record_type, said.record_id] = (said.at, said.label, True)
    found: list[Golden] = []
    for (kind, name), (at, label, reviewed) in sorted(told.items(), key=lambda x: (x[1][0], x[0]), reverse=True)[: 2 * MOST]:
        story = house.store.story(tenant, kind, name)
        if story is None or (reviewed and story.record.updated_at > at):  # it was said of another input
            continue
        upstream = upstream_of(story, stage)
        if upstream is not None:
            question = Question(
                stage=str(stage), tenant=tenant, record_type=kind, record_id=name, facts=story.payload, upstream=upstream, reasked=1
            )  # fmt: skip
            found.append(Golden(question, label, _answered(story, stage)))
        if len(found) == MOST:
            break
    return found


def upstream_of(story: Story, stage: str) -> dict[str, Mapping[str, Any]] | None:
    """Outputs of the stages before, as a question bears them; None where one of them has none."""
    outputs = {s.stage: s.output for s in story.record.stages}
    told = {str(s): output for s in STAGES[: STAGES.index(Stage(stage))] if (output := outputs[s]) is not None}
    return told if len(told) == STAGES.index(Stage(stage)) else None


def _history(house: House, tenant: str) -> list[tuple[str, str, dt.datetime]]:
    """`(exception_id, label, labelled_at)` of the labelled history of a tenant; none while there is none."""
    import polars as pl

    lake = Lake(house.bench.settings.lake)
    if not lake.exists(HISTORY):
        return []
    columns = ["exception_id", "label", "labelled_at"]
    rows = lake.read(HISTORY).filter(pl.col("tenant") == tenant).select(columns).drop_nulls().collect()
    return [(str(name), str(label), at) for name, label, at in rows.iter_rows()]


def _answered(story: Story, stage: str) -> dict[tuple[str, str], str]:
    since = story.record.updated_at
    return {
        (a.model_version, a.prompt_version): a.label for a in story.attempts if a.stage == stage and a.label is not None and a.at >= since
    }  # fmt: skip


def judged(pairs: Sequence[tuple[bool, bool]]) -> Proof:
    """The verdict over records: for each whether the live version is right, and the new one.

    >>> judged([(True, False)] * 8 + [(True, True)] * 92).verdict, judged([(True, True)] * 29).verdict
    ('worse', 'unproven')
    """
    from seeding_platform.models.promotion.pairs import mcnemar

    n = len(pairs)
    if not n:
        return Proof(verdict="unproven", n=0)
    won, lost = (sum(one is a and other is b for one, other in pairs) for a, b in ((False, True), (True, False)))
    right = (sum(one for one, _ in pairs) / n, sum(other for _, other in pairs) / n)
    p = mcnemar(lost, won)
    worse = p < P or right[0] - right[1] > MOST_DROP + 1e-9
    return Proof(verdict="unproven" if n < FEWEST else "worse" if worse else "not_worse", n=n, right=right, won=won, lost=lost, p=p)


def proof_of(house: House, tenant: str, candidate: Provider, live: str, *, stage: str = Stage.CLASSIFICATION, now: dt.datetime) -> Proof:
    """Try a new version beside the live one on the same records; where the live one cannot be asked any more, what it answered before counts."""
    golden = golden_set(house, tenant, stage)
    if len(golden) < FEWEST:
        return Proof(verdict="unproven", n=len(golden))
    asked = house.provider_of(tenant)  # the live version, but where another is configured by now
    before = asked if joined(asked.version_of(stage)) == live else house.earlier_of(tenant, live, stage)
    known = _asked(before, golden, now=now) if before is not None else {}
    if before is None:
        known = {g.question.record_id: label for g in golden for version, label in g.before.items() if joined(version) == live}
    new = _asked(candidate, [g for g in golden if g.question.record_id in known], now=now)
    truths = {g.question.record_id: g.truth for g in golden}
    return judged([(known[name] == truth, new[name] == truth) for name, truth in truths.items() if name in known and name in new])


def _asked(provider: Provider, golden: Sequence[Golden], *, now: dt.datetime) -> dict[str, str | None]:
    """What a provider says of each record; None for an answer that is none. What it could not be asked about at this moment is left out."""
    if not golden:
        return {}
    told: dict[str, str | None] = {}
    for reply in provider.ask([g.question for g in golden], now=now):
        if reply.error is None or reply.error in (ErrorClass.INVALID_OUTPUT, ErrorClass.CONTENT_PERMANENT):
            output = checked(golden[0].question.stage, reply.output, record_id=reply.record_id)
            told[reply.record_id] = None if isinstance(output, Invalid) else word_of(output)
    return told


def admitted(
    house: House, tenant: str, candidate: Provider, live: str, *, stage: str = Stage.CLASSIFICATION, now: dt.datetime
) -> tuple[bool, dict[str, Any]]:
    """Whether a new version may take the place of the live one, and the report of it. One that was live before may come back."""
    versions, version = Versions(house.bench.state), joined(candidate.version_of(stage))
    known = {v["version"]: v for v in versions.all(tenant) if v["stage"] == stage}
    state = known[version]["state"] if version in known else ""
    if state == "retired":
        return True, {**known[version]["report"], "after": live, "back": True}
    if state == "refused":
        _hold(house, tenant, stage, version, live, now=now)
        return False, known[version]["report"]
    proof = proof_of(house, tenant, candidate, live, stage=stage, now=now)
    report = {"after": live, **dataclasses.asdict(proof)}
    if proof.verdict != "worse":
        return True, report
    versions.put(tenant, str(stage), version, "refused", report=report, now=now)
    _hold(house, tenant, stage, version, live, now=now)
    right = proof.right or (0.0, 0.0)
    told = {"version": _id_of(version), "live": _id_of(live), "n": proof.n, "right": round(100 * right[1], 1), "before": round(100 * right[0], 1)}
    AlertDesk(house.bench.state, house.bench.settings).raise_(Alert(rule=RULE, tenant=tenant, subject=_subject(stage), evidence=told), now=now)
    return False, report


def _subject(stage: str) -> str:
    """What an alert about a version is about; each stage has its own."""
    return SUBJECT if stage == Stage.CLASSIFICATION else f"{SUBJECT}/{stage}"


def _id_of(version: str) -> str:
    """A version as evidence names it: model and prompt with a stroke between them, whatever signs an endpoint's model has in its name.

    >>> _id_of("exception_classification:3|2")
    'model:exception_classification:3/2'
    """
    return "model:" + re.sub(r"[^A-Za-z0-9_.:/+-]", "_", version.replace("|", "/"))[:100]


def _hold(house: House, tenant: str, stage: str, version: str, live: str, *, now: dt.datetime) -> None:
    """Let the live version go on; where it cannot be asked, leave the stage alone."""
    if house.earlier_of(tenant, live, stage) is None:
        reason = f"{version} was refused on the golden set, and {live} cannot be asked any more"
        house.store.pause(Pause(tenant=tenant, stage=str(stage), reason=reason, actor=KEEPER, at=now))


def let_go_on(house: House, tenant: str, stage: str, *, now: dt.datetime) -> None:
    """A version is live: end the pause and the alert that a refusal has made; a person's pause stays."""
    for pause in house.store.pauses(tenant):
        if (pause.tenant, pause.stage, pause.actor) == (tenant, stage, KEEPER):
            house.store.resume(tenant, stage)
    AlertDesk(house.bench.state, house.bench.settings).clear(RULE, tenant, _subject(stage), now=now)


def in_force(house: House, tenant: str, provider: Provider) -> Provider:
    """Who answers for a tenant: the provider as it is configured, but in a stage whose live version is another.

    That is so where the configured version was refused, and where a person has put a candidate in force that is set up otherwise.
    """
    others: dict[str, Provider] = {}
    known = Versions(house.bench.state).all(tenant)
    for stage in STAGES:
        states = {v["version"]: v for v in known if v["stage"] == stage}
        version = joined(provider.version_of(stage))
        live = next((v for v in states.values() if v["state"] == "live"), None)
        if live is None or live["version"] == version:
            continue
        if setup_of(live["report"]) is not None or states.get(version, {}).get("state") == "refused":
            before = house.earlier_of(tenant, live["version"], stage)
            if before is not None:
                others[stage] = before
    return ByStage(provider, others) if others else provider


def candidates_proven(house: House, tenant: str, *, now: dt.datetime) -> list[str]:
    """Try candidates on the golden set that were not yet, so that whoever puts one in force knows how it does; what came of it, in words."""
    versions, said = Versions(house.bench.state), []
    known = versions.all(tenant)
    live = {v["stage"]: v["version"] for v in known if v["state"] == "live"}
    for one in known:
        stage, report = one["stage"], one["report"]
        if one["state"] != "candidate" or stage not in live or report.get("after") == live[stage]:
            continue
        provider = house.earlier_of(tenant, one["version"], stage)
        if provider is None:
            continue
        proof = proof_of(house, tenant, provider, live[stage], stage=stage, now=now)
        if proof.verdict == "unproven":  # the next pass tries again: people may have said more by then
            continue
        report = {**report, "after": live[stage], **dataclasses.asdict(proof)}
        versions.put(tenant, stage, one["version"], "candidate", report=report, share=one["share"], now=one["at"])
        said.append(f"{tenant}, {stage}: candidate {one['version']} is {proof.verdict.replace('_', ' ')} on {proof.n} records beside {live[stage]}")
    return said
