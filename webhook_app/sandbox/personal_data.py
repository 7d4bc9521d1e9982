"""Recognises e-mail addresses and telephone numbers, which must never be a profile key."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote

MAIL = re.compile(r"[^@\s]\s*@\s*[^@\s]")
SEPARATORS = re.compile(r"[\s+()./\u2010-\u2015-]+")
INTERNATIONAL = re.compile(r"(?:\+\d|00[1-9])\d{6,13}")
NATIONAL = re.compile(r"0[1-9]\d{7,9}")
# Three or more short groups, such as 555-123-4567; two groups may be an order number, such as 2024-000123.
GROUPED = re.compile(r"\(?\d{2,4}\)?(?:[\s./-]+\d{2,4}){2,4}")
GROUPED_DIGITS = range(9, 12)
# Text may be encoded twice (a cookie inside a URL), but not more often.
DECODINGS = 3


def looks_personal(text: str) -> bool:
    """Return whether the text looks like an e-mail address or a telephone number, also if it is URL-encoded.

    Digits alone without a leading zero or plus are an id: customer ids look exactly like that.
    """
    plain = _plain(text)
    return bool(MAIL.search(plain)) or _is_telephone(plain.removeprefix("tel:").strip())


def _plain(text: str) -> str:
    for _ in range(DECODINGS):
        text = unquote(text)
    return unicodedata.normalize("NFKC", text).strip().lower()


def _is_telephone(text: str) -> bool:
    digits = SEPARATORS.sub("", text)
    plus = "+" if text.startswith(("+", "(+")) else ""
    if INTERNATIONAL.fullmatch(plus + digits) or NATIONAL.fullmatch(digits):
        return True
    return bool(GROUPED.fullmatch(text)) and len(digits) in GROUPED_DIGITS
