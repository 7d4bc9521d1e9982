"""Recognises the user agents of crawlers by a public list: https://github.com/monperrus/crawler-user-agents ."""

from __future__ import annotations

from functools import lru_cache

import crawleruseragents

LONGEST = 1000  # characters of a user agent that are searched


@lru_cache(maxsize=4096)
def crawler_name(user_agent: str) -> str:
    """Return the list's pattern for this crawler, such as `bingbot`; "" for a browser or an empty text."""
    text = user_agent[:LONGEST]
    found = crawleruseragents.matching_crawlers(text) if text else []
    return str(crawleruseragents.CRAWLER_USER_AGENTS_DATA[found[0]]["pattern"]) if found else ""
