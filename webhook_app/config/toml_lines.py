"""Finds the line of a TOML document on which a value is written, for messages about it."""

from __future__ import annotations

import re

_KEY_PART = r"""(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)"""
# The key that a line of TOML begins with, or the table of which it is the header.
KEY = re.compile(rf"\s*(?:(\[)\s*)?({_KEY_PART}(?:\s*\.\s*{_KEY_PART})*)\s*(?(1)\]|=)")


def line_of(text: str, path: list[str], root: str = "shops") -> int:
    """Find the line, counted from 1, where the value at `path` below `root` is written, or its table's header."""
    found, table = 1, list[str]()
    for number, line in enumerate(text.split("\n"), start=1):
        key = KEY.match(line)
        if key is None:
            continue
        parts = [part.strip("\"'") for part in re.findall(_KEY_PART, key[2])]
        here = parts if key[1] else [*table, *parts]
        table = parts if key[1] else table
        if here == [root, *path[: len(here) - 1]] and (len(here) > 1 or not path):
            found = number
    return found
