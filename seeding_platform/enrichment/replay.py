"""A record asked about anew, beside what is kept of it: what another version, or the same one on another day, says. Nothing is put in force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeding_platform.enrichment.outputs import Invalid, checked, plain
from seeding_platform.enrichment.providers.protocol import Question
from seeding_platform.errors import PermanentError
from seeding_platform.storage.enrichment.states import STAGES

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from seeding_platform.enrichment.providers.protocol import Provider
    from seeding_platform.storage.enrichment.standing import Story

NOTHING = "(nothing)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """Two answers about one record.

    Attributes:
        stage: which stage was asked.
        old: the output that is kept; None where there is none.
        old_version: model and prompt behind it, None where there is none or a person gave it.
        new: what is answered now; None where that is no answer.
        new_version: model and prompt that were asked.
        why: what went wrong with the new answer; empty where nothing did.
        differing: by the path of a field, what stands there in each; an absent field is `NOTHING`.
        cost: of asking, in EUR.
        tokens: in and out together.
    """

    stage: str
    old: Mapping[str, Any] | None
    old_version: tuple[str, str] | None
    new: Mapping[str, Any] | None
    new_version: tuple[str, str]
    why: str
    differing: Mapping[str, tuple[Any, Any]]
    cost: float
    tokens: int


def replayed(story: Story, stage: str, provider: Provider, *, now: dt.datetime) -> Replayed:
    """Ask once about a record as it is now; what is kept from before in a cache will not do, and no state is written (what it costs is).

    Raises:
        PermanentError: a stage before it has no output, so that there is nothing to ask with.
    """
    states = {one.stage: one for one in story.record.stages}
    before = [str(s) for s in STAGES[: STAGES.index(stage)]]
    missing = [name for name in before if states[name].output is None]
    if missing:
        raise PermanentError(f"{missing[0]} has no output for this record yet.", fix="Replay that stage, or wait for it.")
    record = story.record
    question = Question(
        stage=stage,
        tenant=record.tenant,
        record_type=record.record_type,
        record_id=record.record_id,
        facts=story.payload,
        upstream={name: states[name].output or {} for name in before},
        reasked=states[stage].reasked + 1,
    )
    replies = provider.ask([question], now=now)
    reply = next((r for r in replies if r.record_id == record.record_id), None)
    old, made = states[stage], None if reply is None else reply.made
    why, new = "no answer came for it", None
    if reply is not None and reply.error is not None:
        why = f"{reply.error}: {reply.message}"
    elif reply is not None:
        output = checked(stage, reply.output, record_id=record.record_id)
        why, new = (output.why, None) if isinstance(output, Invalid) else ("", dict(plain(output)))
    known = None if old.model_version is None else (old.model_version, old.prompt_version or "")
    asked = provider.version_of(stage) if made is None or not made.model_version else (made.model_version, made.prompt_version)
    source = made or reply
    return Replayed(
        stage=stage,
        old=old.output,
        old_version=known,
        new=new,
        new_version=asked,
        why=why,
        differing=differing(old.output, new) if new is not None and old.output is not None else {},
        cost=0.0 if source is None else source.cost,
        tokens=0 if source is None else source.tokens,
    )


def differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Where two outputs differ, by path; what only became of the old one (its action's state) is not compared.

    >>> differing({"a": 1, "b": {"c": [1]}, "state": "done"}, {"a": 1, "b": {"c": [1, 2]}})
    {'b.c.1': ('(nothing)', 2)}
    """
    one, other = ({p: v for name, told in each.items() if name in new for p, v in _leaves(told, name)} for each in (old, new))
    paths = [*other, *(p for p in one if p not in other)]
    return {p: (one.get(p, NOTHING), other.get(p, NOTHING)) for p in paths if one.get(p, NOTHING) != other.get(p, NOTHING)}


def _leaves(told: Any, path: str) -> list[tuple[str, Any]]:
    if isinstance(told, dict) and told:
        return [leaf for name, part in told.items() for leaf in _leaves(part, f"{path}.{name}")]
    if isinstance(told, list) and told:
        return [leaf for n, part in enumerate(told) for leaf in _leaves(part, f"{path}.{n}")]
    return [(path, told)]
