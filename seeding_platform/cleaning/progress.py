"""Long work says what it is doing, a line a step, to whoever wants to hear it."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str], None]


def quiet(_: str) -> None:
    """Nobody wants to hear it."""
