"""Two versions of a model or a prompt on the same records: who answers which, and whether one is right more often or states its confidence better.

Records are told apart by a hash, so that every worker, now and again, gives a record to the same version. Compared are only records that both
answered and a person judged: each is its own control. Nothing is put in force here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from seeding_platform.enrichment.measures import HIGH
from seeding_platform.storage.enrichment.measured import BINS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from seeding_platform.storage.enrichment.measured import Paired

FEWEST = 50
REPLICATES = 2000
Found = Literal["better", "worse", "open", "too_few"]


def in_candidate(tenant: str, stage: str, version: str, record_id: str, *, share: float) -> bool:
    """Whether a record is among those that a candidate is tried on.

    The same record always is or is not, whatever the share was before: a larger share only adds records. Another version draws anew.

    Args:
        tenant: whose record.
        stage: which stage.
        version: of the candidate.
        record_id: of the record.
        share: of all records, 0-1.

    >>> sum(in_candidate("t", "s", "v2", str(i), share=0.2) for i in range(1000))
    180
    """
    drawn = hashlib.sha256("\x00".join((tenant, stage, version, record_id)).encode()).digest()
    return int.from_bytes(drawn[:8], "big") < share * 2**64


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A candidate beside what is live, on the same records.

    Attributes:
        n: records that both answered and a person judged.
        right: share of them that the live version has right, and the candidate; None without records.
        won: records that only the candidate has right.
        lost: records that only the live version has right.
        p: of McNemar's exact test, two-sided: how likely such a difference is by chance.
        gain: limits of the difference of the shares (95 %).
        ece: expected calibration error of the live version, and of the candidate.
        ece_gain: how much smaller the candidate's is, with its limits by the paired bootstrap (95 %): value, low, high.
        confident: share of answers with a confidence of .7 or more, of the live version and of the candidate.
        accuracy: whether the candidate is better, worse, or it is open; too_few below 50 records.
        calibration: likewise.
    """

    n: int
    right: tuple[float, float] | None
    won: int
    lost: int
    p: float | None
    gain: tuple[float, float] | None
    ece: tuple[float, float] | None
    ece_gain: tuple[float, float, float] | None
    confident: tuple[float, float] | None
    accuracy: Found
    calibration: Found


def compared(pairs: Sequence[Paired], *, rng: np.random.Generator, fewest: int = FEWEST, replicates: int = REPLICATES) -> Compared:
    """Compare two versions; `one` of each pair is what is live, `other` the candidate.

    Args:
        pairs: records that both answered and a person judged.
        rng: draws the bootstrap.
        fewest: pairs below which nothing is said of who is better.
        replicates: of the bootstrap.
    """
    if not pairs:
        return Compared(
            n=0, right=None, won=0, lost=0, p=None, gain=None, ece=None, ece_gain=None, confident=None, accuracy="too_few", calibration="too_few"
        )
    import numpy as np

    from seeding_platform.models.promotion.pairs import difference, discordant, mcnemar

    n = len(pairs)
    right = [np.array([answer[0] == p.truth for p, answer in zip(pairs, column, strict=True)], float) for column in _columns(pairs)]
    stated = [np.array([answer[1] for answer in column], float) for column in _columns(pairs)]
    won, lost = discordant(*right)
    p = min(1.0, 2 * min(mcnemar(won, lost), mcnemar(lost, won)))
    gain = difference(won, lost, n, confidence=0.95)
    drawn = rng.integers(0, n, (replicates, n))
    rows = np.vstack([np.arange(n), drawn])
    errors = [_ece(s, r, rows) for s, r in zip(stated, right, strict=True)]
    better = errors[0] - errors[1]
    low, high = (float(x) for x in np.quantile(better[1:], [0.025, 0.975]))
    few = n < fewest
    return Compared(
        n=n,
        right=(float(right[0].mean()), float(right[1].mean())),
        won=won,
        lost=lost,
        p=p,
        gain=gain,
        ece=(float(errors[0][0]), float(errors[1][0])),
        ece_gain=(float(better[0]), low, high),
        confident=(float((stated[0] >= HIGH).mean()), float((stated[1] >= HIGH).mean())),
        accuracy="too_few" if few else "open" if p >= 0.05 else "better" if won > lost else "worse",
        calibration="too_few" if few else "better" if low > 0 else "worse" if high < 0 else "open",
    )


def _columns(pairs: Sequence[Paired]) -> tuple[list[tuple[str, float]], list[tuple[str, float]]]:
    return [p.one for p in pairs], [p.other for p in pairs]


def _ece(stated: NDArray[Any], right: NDArray[Any], rows: NDArray[Any]) -> NDArray[Any]:
    """Expected calibration error over ten bins of each selection of rows [selections, n]."""
    import numpy as np

    many, n = rows.shape
    at = np.minimum((stated * BINS + 1e-9).astype(int), BINS - 1)
    cells = (at[rows] + BINS * np.arange(many)[:, None]).ravel()
    gap = np.bincount(cells, weights=(stated - right)[rows].ravel(), minlength=many * BINS).reshape(many, BINS)
    error: NDArray[Any] = np.abs(gap).sum(axis=1) / n
    return error
