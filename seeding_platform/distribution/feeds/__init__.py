"""How the rows of each engine are made from quality tables: pure functions, one module a subject.

A feed never looks at the clock: "now" is the latest moment in its tables. What a row says about a moment was known at it.
"""

from seeding_platform.distribution.feeds import advertising, content, cross_platform, customers, hashtags, navigation, recommendations, research
from seeding_platform.distribution.feeds.feed import Feed, FeedContext, Tables

_MODULES = (content, recommendations, hashtags, cross_platform, navigation, customers, advertising, research)

FEEDS: dict[str, Feed] = {feed.engine: feed for module in _MODULES for feed in module.FEEDS}
"""All feeds by engine name."""

__all__ = ["FEEDS", "Feed", "FeedContext", "Tables"]
