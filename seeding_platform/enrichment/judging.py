"""What an answer comes to: checked against its form, decided on, and for a resolution carried out as far as that is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeding_platform.enrichment.outputs import Invalid, Resolution, checked, decide, plain, word_of
from seeding_platform.enrichment.working import Undone
from seeding_platform.storage.enrichment.states import Completed

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from seeding_platform.enrichment.actions import Carried
    from seeding_platform.enrichment.providers.protocol import Reply
    from seeding_platform.enrichment.stages import Stages
    from seeding_platform.enrichment.working import Judge
    from seeding_platform.storage.enrichment.states import Claimed, Made

    Act = Callable[[Claimed, Resolution, dt.datetime], Carried]


def judge_by(stages: Stages, act: Act) -> Judge:
    """A judge of answers.

    Args:
        stages: labels, bars, what an answer must look like.
        act: carries a recommendation out, as far as the policy of its tenant allows; the ledger sees to it that this happens once.
    """

    def judge(claim: Claimed, reply: Reply, made: Made, now: dt.datetime) -> Completed | Undone | Invalid:
        output = checked(claim.ref.stage, reply.output, record_id=claim.ref.record_id)
        if isinstance(output, Invalid):
            return output
        told, decided = dict(plain(output)), decide(output, record_type=claim.ref.record_type, stages=stages, now=now)
        if isinstance(output, Resolution):
            carried = act(claim, output, now)
            if carried.error is not None:
                return Undone(carried.error, carried.outcome)
            told |= {"mode": carried.mode, "state": carried.state, "outcome": carried.outcome, "key": carried.key}
        return Completed(
            ref=claim.ref, fence=claim.fence, output=told, confidence=decided.confidence, label=decided.label, skip_rest=decided.skip_rest,
            review_at=decided.review_at, word=word_of(output), made=made,
        )  # fmt: skip

    return judge
