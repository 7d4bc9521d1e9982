"""Which user agents are bots, from a list that others keep: https://github.com/monperrus/crawler-user-agents ."""

from __future__ import annotations

from functools import lru_cache

import crawleruseragents

LONGEST = 1000  # characters of a user agent that are looked at


@lru_cache(maxsize=4096)
def name(user_agent: str) -> str:
    """Return the list's pattern for this bot, such as `bingbot`; "" for a browser or for nothing."""
    looked_at = user_agent[:LONGEST]
    found = crawleruseragents.matching_crawlers(looked_at) if looked_at else []
    return str(crawleruseragents.CRAWLER_USER_AGENTS_DATA[found[0]]["pattern"]) if found else ""
