"""Checks of the webhook URLs from outside."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.support import web_server
from tests.support.dashboard import new_app
from tests.support.doctor import findings_of
from tests.support.processes import free_port

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

    from tests.support.doctor import Examine


@contextmanager
def receiving() -> Iterator[str]:
    """The receiver that the environment describes, over HTTP."""
    with web_server.serving_app(new_app()) as port:
        yield f"http://127.0.0.1:{port}"


def test_reachable_webhook_url(plain: Examine) -> None:
    """Our own answer to GET is recognised, and /readyz is asked too; http:// alone is a warning."""
    with receiving() as url:
        found = findings_of(plain("--url", f"{url}/"), "webhook URL")
    assert [severity for severity, _ in found[:3]] == ["warning", "ok", "ok"]
    assert f"{url}/webhooks/shopify/acme can be reached" in found[1][1]
    assert "a body of 4.5 mb" in found[3][1].lower()


def test_wrong_webhook_url_is_an_error(plain: Examine, certificate: ssl.SSLContext) -> None:
    """A redirect, another server's page, a bad certificate, no server at all."""
    with (
        web_server.serving(b"<html>parked</html>") as other,
        web_server.serving(status=301, Location="https://www.example/webhooks") as moved,
        web_server.serving(tls=certificate) as unknown,
    ):
        cases = {
            other: "answers 200; this receiver would answer 405",
            moved: "redirect (301) to https://www.example/webhooks",
            unknown: "self-signed certificate",
            f"https://127.0.0.1:{free_port()}": "no connection could be made",
            "https://webhooks.invalid": "DNS lookup of the address failed",
        }
        for url, words in cases.items():
            severity, text = findings_of(plain("--url", url), "webhook URL")[-1]
            assert severity == "error"
            assert words in text
