"""Reads recorded headers: the output of curl -D or -v, `Name: value` lines, or JSON."""

from __future__ import annotations

import json
import re
from typing import Any

from webhook_app.errors import UnreadableHeadersError

# A name as RFC 9110 allows it, after the marks of curl -v.
LINE = re.compile(r"(?:[<>*] ?)?([A-Za-z0-9!#$%&'*+.^_`|~-]{1,200}):[ \t]?(.*)")


def headers_from(text: str) -> dict[str, str]:
    """Return the headers by lower-case name; the values of a repeated header are joined by commas, as by the server.

    Raises UnreadableHeadersError.
    """
    plain = text.removeprefix("\ufeff").lstrip()
    pairs = _from_json(plain) if plain[:1] in ("{", "[") else _from_lines(plain)
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(_name(name), []).append(value)
    if not found:
        raise UnreadableHeadersError("it holds no header; expected lines such as `X-Name: value`, or a JSON object")
    return {name: ",".join(values) for name, values in found.items()}


def _from_lines(text: str) -> list[tuple[str, str]]:
    """Return every line that is a header; status lines and empty lines are not."""
    matches = (LINE.fullmatch(line.rstrip("\r")) for line in text.split("\n"))
    return [(match[1], match[2].strip(" \t")) for match in matches if match]


def _from_json(text: str) -> list[tuple[str, str]]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise UnreadableHeadersError("it looks like JSON, but is not valid JSON") from None
    if isinstance(value, dict) and isinstance(value.get("headers"), dict | list):
        value = value["headers"]
    items = value.items() if isinstance(value, dict) else [_pair(item) for item in value]
    return [(str(name), str(item[0] if isinstance(item, list) and item else item)) for name, item in items if name]


def _pair(item: Any) -> tuple[Any, Any]:
    """Return one header of a list: [name, value], or {"name": ..., "value": ...}."""
    if isinstance(item, dict):
        return item.get("name") or item.get("key"), item.get("value", "")
    return (item[0], item[1]) if isinstance(item, list) and len(item) == 2 else (None, "")  # noqa: PLR2004 - a pair


def _name(name: str) -> str:
    """Return a name as the receiver writes it; PHP and WSGI write X-A as HTTP_X_A."""
    plain = name.strip()
    if plain.startswith("HTTP_"):
        plain = plain[len("HTTP_") :].replace("_", "-")
    return plain.lower()
