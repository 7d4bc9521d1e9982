"""Recorded headers are read in every common format."""

from __future__ import annotations

import pytest

from webhook_app.errors import UnreadableHeadersError
from webhook_app.signature_check.header_files import headers_from


@pytest.mark.parametrize(
    "text",
    [
        "POST /x HTTP/1.1\r\nHost: a\r\nX-Proof:  abc=\r\n\r\n",
        "HTTP/2 200\nx-proof: abc=\n",
        "> POST / HTTP/1.1\n> X-Proof: abc=\n>\n",
        '{"X-Proof": "abc="}',
        '{"X-Proof": ["abc="]}',
        '[["Host", "a"], ["X-Proof", "abc="]]',
        '[{"name": "X-Proof", "value": "abc="}]',
        '{"headers": {"x-proof": "abc="}, "body": "..."}',
        '\ufeff{"HTTP_X_PROOF": "abc="}',
        "X-Proof: abc=\nX-Proof: second\n",
    ],
)
def test_headers_are_read_in_every_format(text: str) -> None:
    """Output of curl, raw requests, and several kinds of JSON."""
    assert headers_from(text)["x-proof"] == "abc="


@pytest.mark.parametrize("text", ["", "nothing", "{", '{"a": ', "[1, 2]", "{}", "[" * 100_000])
def test_text_without_headers_is_refused(text: str) -> None:
    """The error is a sentence, not a traceback."""
    with pytest.raises(UnreadableHeadersError):
        headers_from(text)
