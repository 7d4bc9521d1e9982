"""Bearer tokens in the Authorization header: https://www.rfc-editor.org/rfc/rfc6750#section-2.1 ."""

from __future__ import annotations

import hashlib
import hmac

SCHEME = "bearer "  # in lower case: https://www.rfc-editor.org/rfc/rfc9110#section-11.1


def given(authorization: str) -> str:
    """Return the token in a header, "" where there is none."""
    scheme, token = authorization[: len(SCHEME)].lower(), authorization[len(SCHEME) :].strip()
    return token if scheme == SCHEME else ""


def is_right(authorization: str, token: str) -> bool:
    """Return whether a header has this token; takes the same time for every wrong one."""
    found = given(authorization)
    return bool(found) and hmac.compare_digest(_digest(found), _digest(token))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
