"""Recorded headers are read in every common format."""

from __future__ import annotations

import pytest

from webhook_app.errors import UnreadableHeadersError
from webhook_app.signature_check.header_files import headers_from


@pytest.mark.parametrize(
    "text",
    [
        "POST /x HTTP/1.1\r\nHost: a\r\nX-Digest:  abc=\r\n\r\n",
        "HTTP/2 200\nx-digest: abc=\n",
        "> POST / HTTP/1.1\n> X-Digest: abc=\n>\n",
        '{"X-Digest": "abc="}',
        '{"X-Digest": ["abc="]}',
        '[["Host", "a"], ["X-Digest", "abc="]]',
        '[{"name": "X-Digest", "value": "abc="}]',
        '{"headers": {"x-digest": "abc="}, "body": "..."}',
        '\ufeff{"HTTP_X_DIGEST": "abc="}',
    ],
)
def test_headers_are_read_in_every_format(text: str) -> None:
    """Output of curl, raw requests, and several kinds of JSON."""
    assert headers_from(text)["x-digest"] == "abc="


def test_repeated_header_is_joined() -> None:
    """The server joins the values of a repeated header by commas, and so does the record."""
    assert headers_from("X-Digest: abc=\nX-Other: 1\nX-Digest: second\n")["x-digest"] == "abc=,second"


@pytest.mark.parametrize("text", ["", "nothing", "{", '{"a": ', "[1, 2]", "{}", "[" * 100_000])
def test_text_without_headers_is_refused(text: str) -> None:
    """The error is a sentence, not a traceback."""
    with pytest.raises(UnreadableHeadersError):
        headers_from(text)
