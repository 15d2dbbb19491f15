"""Runs the cases, and says how each ended."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from seeding_platform.distribution.conformance import generations, refusals
from seeding_platform.distribution.conformance.caller import Caller
from seeding_platform.distribution.conformance.publisher import Publisher
from seeding_platform.distribution.conformance.trial import CASES, Deviation, NotTried, Trial

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence

    from seeding_platform.distribution.conformance.caller import Line
    from seeding_platform.storage.keyring import Keyring

__all__ = ["CASES", "Result", "generations", "refusals", "tried"]
_MOST_NAME = 60


@dataclass(frozen=True, slots=True)
class Result:
    """How a case ended.

    Args:
        name: of the case.
        rule: part of the protocol page.
        expects: what should happen, in words.
        outcome: passed, failed or not tried.
        step: what failed, or why it was not tried.
        expected: what should have come.
        came: what came.
    """

    name: str
    rule: str
    expects: str
    outcome: str
    step: str = ""
    expected: str = ""
    came: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def tried(
    line: Line,
    secret: str,
    keys: Keyring,
    *,
    now: Callable[[], dt.datetime],
    fresh: Callable[[int], bytes],
    tenant: str = "conformance",
    engine: str | None = None,
    only: Sequence[str] = (),
    restart: Callable[[], None] | None = None,
) -> list[Result]:
    """Try every case against a receiver.

    Args:
        line: how requests reach it.
        secret: shared with it, `whsec_...`.
        keys: the kit's; the receiver trusts its public keys.
        now: the clock.
        fresh: source of chance.
        tenant: whose bundles they are said to be.
        engine: for whom they are; default: each case has an engine of its own.
        only: names of cases; default: all.
        restart: starts the receiver again.

    Raises:
        TransientError: the receiver does not answer.
    """
    caller, publisher = Caller(line, secret, now=now, fresh=fresh), Publisher(keys, tenant=tenant, now=now, fresh=fresh)
    results = []
    for case in CASES:
        if only and case.name not in only:
            continue
        name = engine or f"kit_{publisher.run[:8]}_{case.name}"[:_MOST_NAME]
        trial = Trial(caller, publisher, name, _known(caller, tenant, engine) if engine else 0, restart)
        told = (case.name, case.rule, case.expects)
        try:
            case.run(trial)
        except Deviation as found:
            results.append(Result(*told, "failed", found.step, found.expected, found.came))
        except NotTried as why:
            results.append(Result(*told, "not tried", str(why)))
        else:
            results.append(Result(*told, "passed"))
    return results


def _known(caller: Caller, tenant: str, engine: str) -> int:
    """The highest generation that a receiver knows of an engine: cases begin above it."""
    found = caller.status(tenant, engine).body.get("highest")
    return found if isinstance(found, int) else 0


def table(results: Sequence[Result]) -> list[str]:
    """Results as lines for people."""
    width = max((len(r.name) for r in results), default=0)
    lines = []
    for result in results:
        mark = {"passed": "ok  ", "failed": "FAIL", "not tried": "-   "}[result.outcome]
        lines.append(f"{mark} {result.name:<{width}}  {result.expects}")
        if result.outcome == "failed":
            lines.append(f"     {'':<{width}}  {result.step}: expected {result.expected}; came {result.came}")
        elif result.step:
            lines.append(f"     {'':<{width}}  {result.step}")
    failed, missing = (sum(r.outcome == outcome for r in results) for outcome in ("failed", "not tried"))
    lines.append(f"{len(results) - failed - missing} of {len(results)} cases passed, {failed} failed, {missing} not tried.")
    return lines
