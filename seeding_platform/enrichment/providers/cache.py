"""Answers that were given before: a question of a tenant is not asked twice of the same model and prompt. Only what was valid is kept."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeding_platform.enrichment.outputs import Invalid, checked, plain
from seeding_platform.enrichment.payload import canonical
from seeding_platform.enrichment.providers.protocol import Reply
from seeding_platform.storage.enrichment.states import Made

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence

    from seeding_platform.enrichment.providers.protocol import Provider, Question
    from seeding_platform.storage.enrichment.answers import Answers


def always(question: Question) -> bool:
    """An answer of before will do."""
    return True


@dataclass(frozen=True)
class Cached:
    """A provider whose valid answers are kept.

    Args:
        inner: who is asked.
        answers: where they are kept, tenant by tenant.
        may: whether an answer of before will do for a question; not where somebody wants it to be asked anew.
    """

    inner: Provider
    answers: Answers
    may: Callable[[Question], bool] = always

    @property
    def name(self) -> str:
        """Of the provider."""
        return self.inner.name

    def version_of(self, stage: str) -> tuple[str, str]:
        """Of the provider."""
        return self.inner.version_of(stage)

    def ask(self, questions: Sequence[Question], *, now: dt.datetime) -> list[Reply]:
        """Answer from the cache what is there, ask the rest, and keep what is valid of it."""
        if not questions:
            return []
        tenant = questions[0].tenant
        keys = {q.record_id: self.key(q) for q in questions}
        known = self.answers.found(tenant, [keys[q.record_id] for q in questions if self.may(q) and not q.again])
        held = [
            Reply(record_id=q.record_id, output=known[keys[q.record_id]], made=Made(cached=True)) for q in questions if keys[q.record_id] in known
        ]
        left = [q for q in questions if keys[q.record_id] not in known]
        fresh = self.inner.ask(left, now=now) if left else []
        stage = questions[0].stage
        often: dict[str, int] = {}
        for reply in fresh:
            often[reply.record_id] = often.get(reply.record_id, 0) + 1
        valid = {}
        for reply in fresh:
            output = checked(stage, reply.output, record_id=reply.record_id) if reply.error is None else Invalid("")
            if not isinstance(output, Invalid) and often[reply.record_id] == 1 and reply.record_id in keys:
                valid[keys[reply.record_id]] = plain(output)
        self.answers.keep(tenant, valid, now=now)
        return held + fresh

    def key(self, question: Question) -> str:
        """SHA-256 over provider, versions and everything that is asked; the tenant is part of the row's own key."""
        told = [self.name, *self.version_of(question.stage), question.stage, question.record_type, question.record_id]
        content = canonical({"of": told, "facts": question.facts, "upstream": {str(k): v for k, v in question.upstream.items()}})
        return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()
