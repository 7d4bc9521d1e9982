"""Recognises what a program wrote in place of a key that it did not have: all its visitors would be one profile."""

from __future__ import annotations

import re

LONGEST = 40  # characters of a placeholder; the nil UUID has 36
NOTHING = {"undefined", "null", "nil", "none", "nan", "na", "void", "empty", "blank", "unknown", "unset", "notset"}
NOTHING |= {"true", "false", "infinity", "object", "objectobject", "array", "missing", "notavailable", "invalid"}
UNNAMED = {"guest", "guests", "anonymous", "anon", "anonymized", "visitor", "user", "customer"}
ERASED = {"deleted", "removed", "redacted", "erased", "masked", "hidden", "private"}
NAMES = {"key", "id", "cookie", "profilekey", "tweakwiseprofilekey", "yourkey", "placeholder", "todo", "tbd", "tba"}
WORDS = NOTHING | UNNAMED | ERASED | NAMES
# A template that was not filled in: {{ key }}, ${key}, <%= key %>, %key%
UNFILLED = re.compile(r"\{.*\}|\$\{.*\}|\$[A-Za-z_]+|<%.*%>|%[A-Za-z_]+%", re.DOTALL)
# What WordPress writes in place of erased data, in the language of the site: [deleted], [verwijderd].
IN_BRACKETS = re.compile(r"\[[^\W\d_]+(?: [^\W\d_]+)*\]")
WORD = re.compile(r"[^\W_]+")
ID = re.compile(r"[A-Za-z0_-]*[1-9][A-Za-z0-9_-]{2,}")  # with a digit besides 0 no word is one of WORDS


def is_placeholder(key: str) -> bool:
    """Return whether a key stands for none: `undefined`, `null`, `NaN`, `0`, `-`, `guest`, `[deleted]`, `{{ key }}`."""
    text = key.strip()
    if len(text) > LONGEST or ID.fullmatch(text):
        return False
    words = WORD.findall(text.lower())
    whole = "".join(words)
    if len(words) > 1 and words[-1] in NOTHING and all(map(str.isalpha, words)):
        return True  # of a prefix and a value that was not there: tw_undefined
    zeros = text == "-1" or not whole.strip("0x") if whole.isascii() else False
    is_filled = not (UNFILLED.fullmatch(text) or IN_BRACKETS.fullmatch(text))
    return zeros or whole in WORDS or all(word in WORDS for word in words) or not is_filled


def is_erased(placeholder: str) -> bool:
    """Return whether a placeholder stands for a key that was erased, and not for one that was never there."""
    whole = "".join(WORD.findall(placeholder.lower()))
    return whole in ERASED or (whole not in WORDS and IN_BRACKETS.fullmatch(placeholder.strip()) is not None)
