"""Whether a new version of classification may go live: tried on a golden set beside the version that is live, before it answers a single record.

The golden set is the newest of what people said: in reviews, and in the labelled history that landed (a trained version has seen a part of
that, which flatters the new version and the live one alike). A version that does worse is refused: the live one goes on where it can still be asked,
else the stage is paused for the tenant. Nothing is ever done by a refused version, until a person lets it live.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from seeding_platform.enrichment.outputs import Classification, checked
from seeding_platform.enrichment.providers.protocol import Question
from seeding_platform.monitoring.alert import Alert
from seeding_platform.monitoring.desk import AlertDesk
from seeding_platform.storage.enrichment.pauses import Pause
from seeding_platform.storage.enrichment.states import ErrorClass, Stage
from seeding_platform.storage.enrichment.versions import Versions, joined
from seeding_platform.storage.lake import Lake

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from seeding_platform.enrichment.house import House
    from seeding_platform.enrichment.providers.protocol import Provider
    from seeding_platform.storage.enrichment.standing import Story

STAGE = Stage.CLASSIFICATION
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
    """A record of which a person has said what it is: what is asked about it, and what is right."""

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


def golden_set(house: House, tenant: str) -> list[Golden]:
    """The newest records of a tenant that a person has labelled as they are now, `MOST` at most."""
    told: dict[tuple[str, str], tuple[dt.datetime, str, bool]] = {}
    for name, label, at in _history(house, tenant):
        told["exception", name] = (at, label, False)
    for said in house.store.labels(tenant):  # the oldest first: the newest of a record counts
        told[said.record_type, said.record_id] = (said.at, said.label, True)
    found: list[Golden] = []
    for (kind, name), (at, label, reviewed) in sorted(told.items(), key=lambda x: (x[1][0], x[0]), reverse=True)[: 2 * MOST]:
        story = house.store.story(tenant, kind, name)
        if story is None or (reviewed and story.record.updated_at > at):  # it was said of another input
            continue
        analysed = next(s.output for s in story.record.stages if s.stage == Stage.ORDER_ANALYSIS)
        if analysed is not None:
            upstream = {str(Stage.ORDER_ANALYSIS): analysed}
            question = Question(
                stage=str(STAGE), tenant=tenant, record_type=kind, record_id=name, facts=story.payload, upstream=upstream, reasked=1
            )  # fmt: skip
            found.append(Golden(question, label, _answered(story)))
        if len(found) == MOST:
            break
    return found


def _history(house: House, tenant: str) -> list[tuple[str, str, dt.datetime]]:
    """`(exception_id, label, labelled_at)` of the labelled history of a tenant; none while there is none."""
    import polars as pl

    lake = Lake(house.bench.settings.lake)
    if not lake.exists(HISTORY):
        return []
    columns = ["exception_id", "label", "labelled_at"]
    rows = lake.read(HISTORY).filter(pl.col("tenant") == tenant).select(columns).drop_nulls().collect()
    return [(str(name), str(label), at) for name, label, at in rows.iter_rows()]


def _answered(story: Story) -> dict[tuple[str, str], str]:
    since = story.record.updated_at
    return {
        (a.model_version, a.prompt_version): a.label for a in story.attempts if a.stage == STAGE and a.label is not None and a.at >= since
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


def proof_of(house: House, tenant: str, candidate: Provider, live: str, *, now: dt.datetime) -> Proof:
    """Try a new version beside the live one on the same records; where the live one cannot be asked any more, what it answered before counts."""
    golden = golden_set(house, tenant)
    if len(golden) < FEWEST:
        return Proof(verdict="unproven", n=len(golden))
    before = house.earlier_of(tenant, live)
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
            output = checked(str(STAGE), reply.output, record_id=reply.record_id)
            told[reply.record_id] = output.ai_label if isinstance(output, Classification) else None
    return told


def admitted(house: House, tenant: str, candidate: Provider, live: str, *, now: dt.datetime) -> tuple[bool, dict[str, Any]]:
    """Whether a new version may take the place of the live one, and the report of it. One that was live before may come back."""
    versions, version = Versions(house.bench.state), joined(candidate.version_of(STAGE))
    known = {v["version"]: v for v in versions.all(tenant) if v["stage"] == STAGE}
    state = known[version]["state"] if version in known else ""
    if state == "retired":
        return True, {**known[version]["report"], "after": live, "back": True}
    if state == "refused":
        _hold(house, tenant, version, live, now=now)
        return False, known[version]["report"]
    proof = proof_of(house, tenant, candidate, live, now=now)
    report = {"after": live, **dataclasses.asdict(proof)}
    if proof.verdict != "worse":
        return True, report
    versions.put(tenant, str(STAGE), version, "refused", report=report, now=now)
    _hold(house, tenant, version, live, now=now)
    right = proof.right or (0.0, 0.0)
    told = {"version": _id_of(version), "live": _id_of(live), "n": proof.n, "right": round(100 * right[1], 1), "before": round(100 * right[0], 1)}
    AlertDesk(house.bench.state, house.bench.settings).raise_(Alert(rule=RULE, tenant=tenant, subject=SUBJECT, evidence=told), now=now)
    return False, report


def _id_of(version: str) -> str:
    """A version as evidence names it: model and prompt with a stroke between them, whatever signs an endpoint's model has in its name.

    >>> _id_of("exception_classification:3|2")
    'model:exception_classification:3/2'
    """
    return "model:" + re.sub(r"[^A-Za-z0-9_.:/+-]", "_", version.replace("|", "/"))[:100]


def _hold(house: House, tenant: str, version: str, live: str, *, now: dt.datetime) -> None:
    """Let the live version go on; where it cannot be asked, leave the stage alone."""
    if house.earlier_of(tenant, live) is None:
        reason = f"{version} was refused on the golden set, and {live} cannot be asked any more"
        house.store.pause(Pause(tenant=tenant, stage=str(STAGE), reason=reason, actor=KEEPER, at=now))


def let_go_on(house: House, tenant: str, stage: str, *, now: dt.datetime) -> None:
    """A version is live: end the pause and the alert that a refusal has made; a person's pause stays."""
    for pause in house.store.pauses(tenant):
        if (pause.tenant, pause.stage, pause.actor) == (tenant, stage, KEEPER):
            house.store.resume(tenant, stage)
    if stage == STAGE:
        AlertDesk(house.bench.state, house.bench.settings).clear(RULE, tenant, SUBJECT, now=now)


def in_force(house: House, tenant: str, provider: Provider) -> Provider:
    """Who answers for a tenant: the provider as it is now, or the live version of it where the one of now was refused."""
    versions, version = Versions(house.bench.state), joined(provider.version_of(STAGE))
    live = versions.live(tenant, str(STAGE))
    if live is None or live == version:
        return provider
    refused = any((v["stage"], v["version"], v["state"]) == (STAGE, version, "refused") for v in versions.all(tenant))
    return (house.earlier_of(tenant, live) or provider) if refused else provider
