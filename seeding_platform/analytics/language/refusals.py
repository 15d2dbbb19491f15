"""Why a question gets no figures: words that nothing covers, or more than one meaning."""

from __future__ import annotations


class NotUnderstood(Exception):
    """No rule covers some words.

    Args:
        words: the words.
        reason: a code, where the words alone do not say it.
    """

    def __init__(self, words: list[str], reason: str = "") -> None:
        super().__init__(", ".join(words) or reason)
        self.words, self.reason = words, reason


class Unclear(Exception):
    """The words have more than one meaning, or lack what is needed to have one.

    Args:
        reason: a code of the messages.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
