"""Personal data: where it stands, and what is to become of it. What finds it is loaded on first use: its patterns take a moment to make."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seeding_platform.governance.pii.detect import detect_pii
    from seeding_platform.governance.pii.redaction import masked, redacted

__all__ = ["detect_pii", "masked", "redacted"]


def __getattr__(name: str) -> Any:
    if name == "detect_pii":
        from seeding_platform.governance.pii.detect import detect_pii

        return detect_pii
    if name in __all__:
        from seeding_platform.governance.pii import redaction

        return getattr(redaction, name)
    raise AttributeError(name)
