"""The app: error pages and security headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from webhook_app.sandbox.app import create_app

if TYPE_CHECKING:
    from flask.testing import FlaskClient


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/purchase", 405),
        ("DELETE", "/api/purchase", 405),
        ("POST", "/api/refund", 404),
        ("POST", "/api/", 404),
        ("POST", "/api/purchase/x", 404),
    ],
)
def test_wrong_paths_under_api_are_answered_in_json(client: FlaskClient, method: str, path: str, status: int) -> None:
    """404 and 405 under /api carry errors like any other answer there."""
    answer = client.open(path, method=method)
    assert (answer.status_code, list(answer.get_json())) == (status, ["errors"])


def test_wrong_method_names_the_allowed_one(client: FlaskClient) -> None:
    """405 carries the Allow header."""
    assert "POST" in client.get("/api/purchase").headers["Allow"]


@pytest.mark.parametrize(
    ("path", "method", "status"), [("/nowhere", "GET", 404), ("/events", "PUT", 405), ("/trouble", "PUT", 405)]
)
def test_wrong_paths_elsewhere_are_answered_in_html(client: FlaskClient, path: str, method: str, status: int) -> None:
    """Outside /api an error is a short page."""
    answer = client.open(path, method=method)
    assert (answer.status_code, answer.mimetype) == (status, "text/html")
    assert f"<h1>{status}" in answer.get_data(as_text=True)


@pytest.mark.parametrize("most", [0, -1])
def test_sandbox_needs_room_for_a_profile(most: int) -> None:
    """An invalid limit fails at the start, not at the first call."""
    with pytest.raises(ValueError, match="max_profiles"):
        create_app(max_profiles=most)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/events"),
        ("DELETE", "/events"),
        ("GET", "/nowhere"),
        ("POST", "/api/purchase"),
        ("POST", "/api/refund"),
        ("POST", "/trouble"),
    ],
)
def test_every_answer_has_the_security_headers(client: FlaskClient, method: str, path: str) -> None:
    """No answer may load or run anything, whatever its status."""
    headers = client.open(path, method=method).headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'unsafe-inline'; form-action")
    assert headers["X-Content-Type-Options"] == "nosniff"
