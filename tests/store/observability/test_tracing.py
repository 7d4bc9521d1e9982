"""A webhook and the attempts to deliver it are one trace, without customer data."""

from __future__ import annotations

import logging
import subprocess
import sys
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from tests.support import processes
from tests.support.collector import Collector
from tests.support.deliveries import CALL, arrival, claim_one
from tests.support.recordings import EVERY, as_toml, shop_keys
from tests.support.service import Service
from webhook_app.app import create_app
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import Inbox, Settlement, State, migrate
from webhook_app.instrumentation import NO_HEADERS, NullTracer
from webhook_app.observability.tracing import HEADER, OncePerMinute, OpenTelemetryTracer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ORDER = next(one for one in EVERY if one.name == "shopify/orders_create__note-attributes")


@pytest.fixture
def spans() -> InMemorySpanExporter:
    """The spans that were exported."""
    return InMemorySpanExporter()


@pytest.fixture
def traces(spans: InMemorySpanExporter) -> Iterator[OpenTelemetryTracer]:
    """A tracer that exports to memory."""
    with closing(OpenTelemetryTracer(spans)) as traces:
        yield traces


def finished(traces: OpenTelemetryTracer, spans: InMemorySpanExporter) -> list[Any]:
    traces.close()
    return [*spans.get_finished_spans()]


def test_webhook_and_every_attempt_are_one_trace(
    traces: OpenTelemetryTracer, spans: InMemorySpanExporter, inbox: Inbox
) -> None:
    """The trace is stored with the delivery: a failed attempt, a later one and the webhook belong together."""
    with traces.webhook(ORDER.shop, "orders/create") as carried:
        inbox.store(arrival(headers={"x-shopify-topic": "orders/create", **carried}))
    assert set(carried) == {HEADER}
    now = inbox.clock()
    claimed = claim_one(inbox)
    waits = Settlement(claimed, State.WAITING, "http_503", attempted=True, took=40, call=CALL)
    traces.settled(inbox, [waits], now)
    traces.settled(inbox, [Settlement(claimed, State.DELIVERED, attempted=True, took=25, call=CALL)], now + 1000)
    stored, failed, delivered = finished(traces, spans)
    assert {one.context.trace_id for one in (stored, failed, delivered)} == {stored.context.trace_id}
    assert failed.parent.span_id == delivered.parent.span_id == stored.context.span_id
    assert [one.name for one in (stored, failed, delivered)] == ["store webhook", "call purchase", "call purchase"]
    assert [one.kind for one in (stored, failed)] == [SpanKind.SERVER, SpanKind.CLIENT]
    assert (failed.end_time, failed.end_time - failed.start_time) == (now * 1_000_000, 40_000_000)
    assert (failed.status.status_code, failed.status.description) == (StatusCode.ERROR, "http_503")
    assert dict(delivered.attributes) == {
        "webhooks.shop": "acme",
        "webhooks.topic": "orders/create",
        "webhooks.delivery": claimed.id,
        "webhooks.state": "delivered",
        "webhooks.attempt": 1,
    }
    assert stored.resource.attributes["service.name"] == "tweakwise-webhooks"


def test_what_was_not_traced_is_not(traces: OpenTelemetryTracer, spans: InMemorySpanExporter, inbox: Inbox) -> None:
    """A delivery without a trace context, or whose headers are wiped, has no trace and raises nothing."""
    inbox.store(arrival())
    traces.settled(inbox, [Settlement(claim_one(inbox), State.IGNORED, "test_order")], inbox.clock())
    assert finished(traces, spans) == []


def test_errors_are_recorded_by_type(traces: OpenTelemetryTracer, spans: InMemorySpanExporter) -> None:
    """An error passes through, and its message, which may quote a body, is not in the span."""
    with pytest.raises(StoreUnavailableError), traces.webhook(ORDER.shop, "orders/create"):
        raise StoreUnavailableError("jan@example.test")
    [stored] = finished(traces, spans)
    assert (stored.status.status_code, stored.status.description) == (StatusCode.ERROR, "StoreUnavailableError")
    assert "jan@example.test" not in stored.to_json()


@pytest.mark.process
def test_off_costs_nothing_and_loads_nothing(tmp_path: Path) -> None:
    """Without their variables neither library is loaded, and nothing is traced."""
    assert NullTracer().webhook(ORDER.shop, "orders/create") is NO_HEADERS
    code = (
        "import sys; import webhook_app.worker_factory; from webhook_app.app import create_app; create_app();"
        "print([name for name in sys.modules if name.split('.')[0] in "
        "('opentelemetry', 'sentry_sdk', 'prometheus_client')])"
    )
    env = processes.environment(
        SHOPS=as_toml("shop", shop_keys("shopify")), DATABASE_URL=f"sqlite:///{tmp_path / 'inbox.db'}"
    )
    done = subprocess.run([sys.executable, "-c", code], env=env, cwd=processes.ROOT, capture_output=True, check=True)
    assert done.stdout == b"[]\n"


def test_extra_that_is_missing_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """If a variable is set and its library is missing, the receiver starts and logs what to install."""
    with closing(Inbox(f"sqlite:///{tmp_path / 'inbox.db'}")) as inbox:
        migrate.upgrade(inbox.database)
    monkeypatch.delenv("SHOPS_FILE", raising=False)
    monkeypatch.setenv("SHOPS", as_toml("shop", shop_keys("shopify")))
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'inbox.db'}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("SENTRY_DSN", "http://key@127.0.0.1:9/1")
    for name in ("opentelemetry", "sentry_sdk"):
        monkeypatch.setitem(sys.modules, name, None)
    app = create_app()
    answer = app.test_client().post("/webhooks/shopify/shop", data=ORDER.body, headers=ORDER.sent_headers)
    app.extensions["webhooks"].inbox.close()
    output = capsys.readouterr().err
    assert answer.status_code == 200
    assert output.count("pip install --require-hashes -r requirements-extras.txt") == 2


def test_collector_that_is_away_is_logged_once_a_minute() -> None:
    """Not with each batch of spans, which is one in five seconds."""
    now = [100.0]
    limit = OncePerMinute(lambda: now[0])
    passed = []
    for second in (0, 5, 59, 60, 61, 125):
        now[0] = 100.0 + second
        if limit.filter(logging.makeLogRecord({})):
            passed.append(second)
    assert passed == [0, 60, 125]


# Over real processes


@contextmanager
def collecting() -> Iterator[Collector]:
    with closing(Collector()) as collector:
        yield collector


@pytest.mark.process
def test_one_trace_over_web_and_worker(tmp_path: Path, sqlite_url: str) -> None:
    """What a web process stored and a worker delivered arrives at a collector as one trace, without a customer."""
    with collecting() as collector:
        url = f"http://127.0.0.1:{collector.port}"
        extras = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_BSP_SCHEDULE_DELAY": "200"}
        with Service(tmp_path, sqlite_url, **extras) as service:
            service.start_all()
            assert service.post(1).status_code == 200
            service.wait_for({1})
            processes.wait_for(lambda: len(collector.spans()) >= 2)
    stored, called = sorted(collector.spans(), key=lambda span: span.start_time_unix_nano)
    assert [stored.name, called.name] == ["store webhook", "call purchase"]
    assert (called.trace_id, called.parent_span_id) == (stored.trace_id, stored.span_id)
    assert {path for path, _ in collector.bodies} == {"/v1/traces"}
    everything = b"".join(body for _, body in collector.bodies)
    assert not [word for word in (b"profile-1", b"demo-shopify-secret", b"example") if word in everything]
