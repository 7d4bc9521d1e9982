"""The check whether a proxy passes on large bodies."""

from __future__ import annotations

from webhook_app.doctor import large_bodies
from webhook_app.doctor.http_probe import ProbeResponse

URL = "https://events.example.com/webhooks/shopify/webhook-receiver-doctor"


def test_every_answer_to_a_large_body_is_judged() -> None:
    """A 413 is the proxy's or the receiver's; a 404 is fine once the receiver has read the whole body."""
    nginx = {"Server": "nginx/1.22.1"}
    cases = [
        (ProbeResponse(404, {}, '{"error": "unknown_shop", "received": 4500000}'), "ok", "reaches the receiver"),
        (ProbeResponse(404, {}, '{"error": "unknown_shop"}'), "warning", "answer 404 with the size of the body"),
        (ProbeResponse(413, {}, '{"error": "too_large"}'), "error", "the receiver refuses it"),
        (ProbeResponse(413, nginx, "<html>"), "error", "the proxy (nginx/1.22.1) refuses it"),
        (ProbeResponse(413, {}, ""), "error", "413 to a body of 4.5 MB: the proxy refuses it"),
        (ProbeResponse(502, nginx, "<html>"), "error", "the proxy (nginx/1.22.1) fails"),
        (ProbeResponse(504, {}, "[]"), "error", "answers 504"),
        (ProbeResponse(failure="timeout", message="no answer in time"), "warning", "no answer in time"),
        (ProbeResponse(403, {}, "null"), "warning", "answers 403"),
    ]
    for response, severity, words in cases:
        found = large_bodies.finding(URL, response)
        assert (found.severity, bool(found.advice)) == (severity, severity != "ok")
        assert words in found.text
    assert len(large_bodies.body()) == large_bodies.SIZE
