"""What a provider that misbehaves on purpose does to whom: rules in YAML, outcomes drawn from what is asked, so that they are the same again."""

from __future__ import annotations

import datetime as dt
import fnmatch
import hashlib
import re
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from seeding_platform.errors import ConfigError
from seeding_platform.storage.enrichment.states import Stage

if TYPE_CHECKING:
    from pathlib import Path


class Outcome(StrEnum):
    """What may come of a question."""

    OK = "ok"
    LOW_CONFIDENCE = "low_confidence"
    NULLS = "nulls"
    TIMEOUT = "timeout"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    MALFORMED = "malformed"
    WRONG_ENUM = "wrong_enum"
    PARTIAL_BATCH = "partial_batch"
    """No answer to this one."""
    DUPLICATE_IDS = "duplicate_ids"
    """Two answers that contradict each other."""
    SWAPPED_IDS = "swapped_ids"
    """The answer bears the id of another record."""
    LATE = "late"
    """Right, and after the lease has ended."""
    KILL_WORKER = "kill_worker"


def _moment(told: Any) -> Any:
    """A moment, or a time after the start such as +90s, +15m, +8h."""
    if not isinstance(told, str) or not (found := re.fullmatch(r"\+(\d+(?:\.\d+)?)([smhd])", told.strip())):
        return told
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[found.group(2)]
    return dt.timedelta(**{unit: float(found.group(1))})


Moment = Annotated[dt.timedelta | dt.datetime, BeforeValidator(_moment)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Match(_Part):
    """Which questions a rule is about; what is not said fits all."""

    stage: Stage | None = None
    record: str | None = Field(None, description="Pattern of ids, such as E-1*")
    attempt: int | None = Field(None, ge=1, description="1 = first try")


class Rule(_Part):
    """One rule; the first that fits and whose draw falls within its share decides."""

    match: Match = Match()
    share: float = Field(1.0, ge=0, le=1)
    outcome: Outcome
    since: Moment | None = Field(None, description="Not before; a moment, or +8h after the start")
    until: Moment | None = Field(None, description="Not from then on")
    draw: Literal["attempt", "record"] = Field("attempt", description="record: the same at every attempt, as of a record that is poison")


class Version(_Part):
    """Which model answers from some moment on."""

    since: Moment
    model: str = Field(min_length=1)


class Script(_Part):
    """A whole script."""

    seed: int = 0
    model: str = "fake-1"
    versions: tuple[Version, ...] = ()
    rules: tuple[Rule, ...] = ()
    latency_ms: int = Field(200, ge=0)
    timeout_seconds: float = Field(30, ge=0, description="After which a question that times out is given up")
    late_seconds: float = Field(600, ge=0, description="How long a late answer takes")
    retry_after_seconds: int = Field(60, ge=0)
    tokens: int = Field(300, ge=0, description="Of a call")
    cost: float = Field(0.0, ge=0, description="EUR of a call")

    def outcome(self, stage: str, record_id: str, attempt: int, *, now: dt.datetime, start: dt.datetime, again: bool = False) -> Outcome:
        """What comes of a question.

        Args:
            stage: which stage asks.
            record_id: about what.
            attempt: 1 = first try.
            now: the moment.
            start: of the script, from which its times count.
            again: whether it is the second ask of one attempt, which has a draw of its own.
        """
        for number, rule in enumerate(self.rules):
            fits = (
                rule.match.stage in (None, stage)
                and (rule.match.record is None or fnmatch.fnmatchcase(record_id, rule.match.record))
                and rule.match.attempt in (None, attempt)
                and (rule.since is None or now >= _at(rule.since, start))
                and (rule.until is None or now < _at(rule.until, start))
            )
            which = (attempt, again) if rule.draw == "attempt" else ("any",)
            if fits and drawn(self.seed, number, record_id, str(stage), *which) < rule.share:
                return rule.outcome
        return Outcome.OK

    def model_at(self, now: dt.datetime, start: dt.datetime) -> str:
        """Which model answers at a moment."""
        told = [v for v in self.versions if now >= _at(v.since, start)]
        return max(told, key=lambda v: _at(v.since, start)).model if told else self.model


def drawn(*what: object) -> float:
    """A number in [0, 1) that depends on nothing but what is named.

    >>> drawn(1, "a") == drawn(1, "a"), drawn(1, "a") == drawn(2, "a")
    (True, False)
    """
    return int.from_bytes(hashlib.sha256(repr(what).encode()).digest()[:8], "big") / 2**64


def _at(told: dt.timedelta | dt.datetime, start: dt.datetime) -> dt.datetime:
    if isinstance(told, dt.timedelta):
        return start + told
    return told if told.tzinfo is not None else told.replace(tzinfo=dt.UTC)


def load_script(path: Path) -> Script:
    """A script from its YAML file: rules alone, or with what else a script says.

    Raises:
        ConfigError: the file cannot be read or is no script; names the place.
    """
    fix = "examples/enrichment/outage.yaml is one to compare with."
    try:
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Script.model_validate({"rules": told} if isinstance(told, list) else told)
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name} cannot be read: {error}.", fix=fix) from error
    except ValidationError as error:
        why = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ConfigError(f"{path.name} is no script: {why}.", fix=fix) from error
