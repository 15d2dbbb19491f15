"""Who may see and do what, what is personal, what was done: personal data, subject rights, access, audit."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seeding_platform.governance.pii import detect_pii, redacted

__all__ = ["detect_pii", "redacted"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from seeding_platform.governance import pii

        return getattr(pii, name)
    raise AttributeError(name)
