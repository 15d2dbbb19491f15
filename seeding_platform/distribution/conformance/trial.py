"""A case of the kit: what is tried, what a receiver should answer, and how its answers are held against that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeding_platform.distribution.conformance.publisher import rows

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from seeding_platform.distribution.conformance.caller import Caller, Reply
    from seeding_platform.distribution.conformance.publisher import Published, Publisher

OK, WANTING = 200, 202


class Deviation(Exception):
    """A receiver answered otherwise than the protocol says.

    Args:
        step: what was tried.
        expected: what should have come.
        came: what came.
    """

    def __init__(self, step: str, expected: str, came: str) -> None:
        super().__init__(f"{step}: expected {expected}, came {came}")
        self.step, self.expected, self.came = step, expected, came


class NotTried(Exception):
    """A case needs something that was not given."""


@dataclass(frozen=True, slots=True)
class Case:
    """A named case.

    Args:
        name: of it.
        rule: part of the protocol page.
        expects: what should happen, in words.
        run: tries it; raises a `Deviation`.
    """

    name: str
    rule: str
    expects: str
    run: Callable[[Trial], None]


CASES: list[Case] = []


def case(rule: str) -> Callable[[Callable[[Trial], None]], Callable[[Trial], None]]:
    """Make a function a case; it is named after it, and its docstring says what should happen."""

    def added(run: Callable[[Trial], None]) -> Callable[[Trial], None]:
        CASES.append(Case(run.__name__, rule, (run.__doc__ or "").strip().removesuffix("."), run))
        return run

    return added


@dataclass
class Trial:
    """What a case works with.

    Args:
        caller: speaks to the receiver.
        publisher: makes bundles.
        engine: for whom they are; each case has its own unless one was given.
        base: generations begin above this one.
        restart: starts the receiver again; None where the kit cannot.
    """

    caller: Caller
    publisher: Publisher
    engine: str
    base: int = 0
    restart: Callable[[], None] | None = None

    def make(self, generation: int, table: pl.DataFrame | None = None, **how: Any) -> Published:
        """A release with a number above the base; by default of 20 rows that differ by the number."""
        return self.publisher.release(self.engine, self.base + generation, rows(20, shift=generation) if table is None else table, **how)

    def expect(self, step: str, reply: Reply, status: int | tuple[int, ...], **fields: Any) -> Reply:
        """Nothing where an answer has a status and fields.

        Raises:
            Deviation: it has not.
        """
        statuses = (status,) if isinstance(status, int) else status
        if reply.status not in statuses or any(reply.body.get(name) != value for name, value in fields.items()):
            told = " or ".join(map(str, statuses)) + "".join(f" {name}={value}" for name, value in fields.items())
            raise Deviation(step, told, f"{reply}{''.join(f' {name}={reply.body.get(name)}' for name in fields)}")
        if reply.status >= 400 and reply.body and not {"code", "title"} <= set(reply.body):
            raise Deviation(step, "an object with code and title", f"one with {', '.join(sorted(reply.body)) or 'nothing'}")
        return reply

    def check(self, step: str, expected: Any, came: Any) -> None:
        """Nothing where both are the same.

        Raises:
            Deviation: they are not.
        """
        if expected != came:
            raise Deviation(step, str(expected), str(came))

    def prepared(self, published: Published) -> Reply:
        """Prepare a release, with all that it wants, and check what is answered.

        Raises:
            Deviation: it is not prepared, or not with these rows and this proof.
        """
        reply = self.caller.prepare(published)
        if reply.status == WANTING:
            self.sent(published, reply)
            reply = self.caller.prepare(published)
        self.expect("prepare", reply, OK, state="prepared", **self._facts(published), rows=published.table.height)
        self.proven(published, reply)
        return reply

    def sent(self, published: Published, wanting: Reply) -> None:
        """Send what is wanted.

        Raises:
            Deviation: it wants files that were not announced, or does not take them.
        """
        wanted = wanting.body.get("files") or []
        self.check("wanting", "state wanting", f"state {wanting.body.get('state')}")
        if not wanted or not (set(wanted) <= set(published.names()) or set(wanted) <= set(published.names("delta"))):
            raise Deviation("wanting", "names of files, or of delta.files", str(wanted))
        for name in wanted:
            self.expect(f"PUT {name}", self.caller.put(published, name), 204)

    def proven(self, published: Published, reply: Reply) -> None:
        """Nothing where the proof fits.

        Raises:
            Deviation: it does not.
        """
        via = str(reply.body.get("via"))
        if via not in ("full", "delta"):
            raise Deviation("via", "full or delta", via)
        self.check("proof", published.proof(via), reply.body.get("proof"))

    def activated(self, published: Published) -> Reply:
        """Prepare and activate a release.

        Raises:
            Deviation: it is not in use then.
        """
        self.prepared(published)
        reply = self.caller.about("activate", published)
        self.expect("activate", reply, OK, state="active", **self._facts(published), rows=published.table.height)
        self.proven(published, reply)
        self.in_use(published)
        return reply

    def in_use(self, published: Published) -> None:
        """Nothing where a release is in use.

        Raises:
            Deviation: another is, or none.
        """
        status = self.caller.status(self.publisher.tenant, self.engine)
        self.expect("status", status, OK, protocol="1", state="active", **self._facts(published), rows=published.table.height)

    def _facts(self, published: Published) -> dict[str, Any]:
        return {"generation": published.generation, "content_id": published.content_id}
