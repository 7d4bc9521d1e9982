"""Errors are reported to Sentry by type and place, without anything that was received."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import sentry_sdk

from tests.support import processes
from tests.support.collector import Collector
from tests.support.recordings import EVERY, as_toml, shop_keys
from webhook_app import logs
from webhook_app.app import create_app
from webhook_app.config import settings
from webhook_app.inbox import Inbox, migrate
from webhook_app.observability import error_reporting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ORDER = next(one for one in EVERY if one.name == "shopify/orders_create__note-attributes")
PERSONAL = "jan@example.test"


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Collector]:
    """A stand-in for Sentry; the SDK is reset after the test."""
    monkeypatch.delenv("SHOPS_FILE", raising=False)
    monkeypatch.setenv("SHOPS", as_toml("shop", shop_keys("shopify")))
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'inbox.db'}")
    hooks = sys.excepthook
    with closing(Collector()) as collector:
        monkeypatch.setenv("SENTRY_DSN", f"http://key@127.0.0.1:{collector.port}/1")
        yield collector
    sentry_sdk.get_client().close()
    sentry_sdk.get_global_scope().set_client(None)
    sys.excepthook = hooks
    logs.report_to(lambda _: None)


def events(collector: Collector) -> list[dict[str, Any]]:
    """The events of the received envelopes: https://develop.sentry.dev/sdk/data-model/envelopes/."""
    sentry_sdk.flush(5)
    return [json.loads(body.splitlines()[2]) for path, body in collector.bodies if path == "/api/1/envelope/"]


def fail(text: str) -> None:
    secret_of_the_frame = text
    raise RuntimeError(f"{secret_of_the_frame} cannot be read")


def test_logged_exception_is_reported_without_its_message(collector: Collector) -> None:
    """Type, file, function and line arrive; message, variables, machine's user and what was logged do not."""
    error_reporting.configure(settings.load())
    try:
        fail(PERSONAL)
    except RuntimeError:
        logs.logger().exception("unexpected", shop="acme", note=PERSONAL)
    [event] = events(collector)
    [exception] = event["exception"]["values"]
    assert exception["type"] == "RuntimeError"
    assert exception["stacktrace"]["frames"][-1]["function"] == "fail"
    assert PERSONAL not in json.dumps(event)
    assert not {"value", "vars", "extra", "request", "user", "breadcrumbs"} & set(_keys(event))


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _keys(inner)


def test_mistake_in_the_receiver_is_reported(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """An internal error that was answered with 503 is reported, without the body of the webhook."""
    with closing(Inbox(settings.load().database_url)) as inbox:
        migrate.upgrade(inbox.database)
    app = create_app()

    def break_down(_arrival: Any) -> None:
        fail(ORDER.body.decode())

    monkeypatch.setattr(app.extensions["webhooks"], "store", break_down)
    response = app.test_client().post("/webhooks/shopify/shop", data=ORDER.body, headers=ORDER.sent_headers)
    app.extensions["webhooks"].inbox.close()
    assert response.status_code == 503
    text = json.dumps(events(collector))
    assert '"type": "RuntimeError"' in text
    assert not [word for word in ("line_items", "note_attributes\\", "X-Shopify", "example.test") if word in text]


def test_failing_listener_is_ignored() -> None:
    """A failing report raises nothing."""
    reported: list[BaseException] = []

    def failing_listener(error: BaseException) -> None:
        reported.append(error)
        raise OSError

    logs.report_to(failing_listener)
    try:
        fail("x")
    except RuntimeError as error:
        logs.report(error)
    finally:
        logs.report_to(lambda _: None)
    assert [str(error) for error in reported] == ["x cannot be read"]


def test_unreachable_sentry_is_ignored(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address without a server loses the report and nothing else."""
    monkeypatch.setenv("SENTRY_DSN", f"http://key@127.0.0.1:{processes.free_port()}/1")
    error_reporting.configure(settings.load())
    logs.report(RuntimeError(PERSONAL))
    assert events(collector) == []
