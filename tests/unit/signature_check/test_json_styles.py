"""JSON that was parsed and written again."""

from __future__ import annotations

import json

import pytest

from tests.support.signatures import (
    ORDERED,
    b64,
    diagnose_post,
    digest,
    verified_causes,
)

COMPACT = (",", ":")


STYLES: dict[str, tuple[str, str]] = {
    "python": (json.dumps(ORDERED), "a space after commas and colons, letters such as ë as \\u00eb"),
    "spaced": (json.dumps(ORDERED, ensure_ascii=False), "a space after commas and colons"),
    "php": (
        json.dumps(ORDERED, separators=COMPACT).replace("/", "\\/"),
        "without spaces, letters such as ë as \\u00eb, sl",
    ),
    "indented": (json.dumps(ORDERED, indent=2, ensure_ascii=False), "indented by two spaces"),
    "indented by four": (
        json.dumps(ORDERED, indent=4, ensure_ascii=False) + "\n",
        "four spaces, followed by a line end",
    ),
    "tabs": (json.dumps(ORDERED, indent="\t", ensure_ascii=False), "tabs"),
    "sorted": (json.dumps(ORDERED, separators=COMPACT, sort_keys=True, ensure_ascii=False), "keys sorted"),
    "rails": (
        json.dumps(ORDERED, separators=COMPACT, ensure_ascii=False)
        .replace("&", "\\u0026")
        .replace("<", "\\u003c")
        .replace(">", "\\u003e"),
        "< > & as \\u003c",
    ),
}


@pytest.mark.parametrize("name", STYLES)
def test_style_of_rewritten_json_is_named(name: str) -> None:
    """The style in which the JSON was signed is named, whatever style it was rewritten in."""
    sent, words = STYLES[name]
    arrived = json.dumps(ORDERED, indent=3)
    [cause] = verified_causes(diagnose_post(arrived.encode(), b64(digest(sent.encode()))))
    assert "parsed and written again" in cause
    assert words in cause


def test_numbers_stay_as_they_were_written() -> None:
    """10.50, 1e3 and an integer beyond 64 bits are written as they were read."""
    sent = b'{"a":10.50,"b":1E3,"c":123456789012345678901234567890,"a":-0.0}'
    arrived = sent.replace(b",", b", ").replace(b":", b": ")
    assert verified_causes(diagnose_post(arrived, b64(digest(sent))))
