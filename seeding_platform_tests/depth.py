"""How much the long tests do: enough to notice a mistake, and everything that is promised with `TEST_DEPTH=full` (`make test-deep`)."""

import os


def depth(full: int, usual: int) -> int:
    """How often something is done.

    Args:
        full: as often as is promised.
        usual: in every run of the long tests.
    """
    return full if os.environ.get("TEST_DEPTH") == "full" else usual


LOOKS = [(360, "dark"), (1360, "light"), (360, "light"), (1360, "dark")][: depth(4, 2)]
"""Width of a page in pixels, and its theme."""
