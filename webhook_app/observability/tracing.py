"""Traces with OpenTelemetry: a webhook and every attempt to deliver it are one trace, across processes and days.

The trace context is stored with the headers of the delivery, as https://www.w3.org/TR/trace-context/ defines it.
"""

from __future__ import annotations

import logging
import math
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from webhook_app import logs
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox.reports.stored_deliveries import headers_of
from webhook_app.instrumentation import NullTracer
from webhook_app.observability.error_reporting import MISSING
from webhook_app.time_units import MINUTE, SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from webhook_app.config.settings import Settings
    from webhook_app.config.shops import Shop
    from webhook_app.inbox import Inbox, Settlement
    from webhook_app.instrumentation import Tracer

HEADER = "traceparent"
SEND_WITHIN = 2.0  # seconds
SERVICE_NAME = "tweakwise-webhooks"  # unless OTEL_SERVICE_NAME is set


class OncePerMinute(logging.Filter):
    """Lets one message of a logger pass in a minute: a collector that is away is one problem, not one a batch."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` is in seconds."""
        super().__init__()
        self._clock, self._next = clock, -math.inf

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 - logging's signature
        """Return whether the message is logged."""
        now = self._clock()
        if now < self._next:
            return False
        self._next = now + MINUTE / SECOND
        return True


class OpenTelemetryTracer:
    """A tracer with the OpenTelemetry SDK. Spans hold names of shops and topics, numbers and words of this program."""

    def __init__(self, exporter: Any = None) -> None:
        """Without an `exporter`, export by OTLP over HTTP to OTEL_EXPORTER_OTLP_ENDPOINT.

        Raises ImportError if the extra is not installed.
        """
        from opentelemetry import trace  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource  # noqa: PLC0415 - the same
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - the same
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - the same
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

        resource = Resource({"service.name": SERVICE_NAME}).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter or _otlp()))
        self._tracer = self._provider.get_tracer(__name__)
        self._trace, self._propagator = trace, TraceContextTextMapPropagator()

    @contextmanager
    def webhook(self, shop: Shop, topic: str) -> Iterator[Mapping[str, str]]:
        """Trace the storing of a webhook in the block; an error is recorded by type: its message may quote a body."""
        kind, attributes = self._trace.SpanKind.SERVER, _attributes(shop=shop.name, platform=shop.platform, topic=topic)
        with self._tracer.start_as_current_span(
            "store webhook", kind=kind, attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            carried: dict[str, str] = {}
            self._propagator.inject(carried)
            try:
                yield {name: value for name, value in carried.items() if name == HEADER}
            except BaseException as error:
                span.set_status(self._trace.StatusCode.ERROR, type(error).__name__)
                raise

    def settled(self, inbox: Inbox, settlements: Sequence[Settlement], now: int) -> None:
        """Trace the outcomes of deliveries, each in the trace of its webhook."""
        try:
            stored = headers_of(inbox, [one.delivery.id for one in settlements])
            for settlement in settlements:
                carried = stored.get(settlement.delivery.id, {})
                if HEADER in carried:
                    self._attempt(settlement, carried, now)
        except StoreUnavailableError as error:
            logs.logger().debug("store_unavailable", error=str(error))
        except Exception:  # noqa: BLE001 - a failing trace must not stop a delivery
            logs.logger().exception("unexpected_error")

    def _attempt(self, settlement: Settlement, carried: Mapping[str, str], now: int) -> None:
        delivery, call = settlement.delivery, settlement.call
        name = f"call {call.event}" if call and settlement.attempted else "settle"
        attributes = _attributes(
            shop=delivery.shop,
            topic=delivery.topic,
            delivery=delivery.id,
            state=settlement.state.value,
            reason=str(settlement.reason),
            attempt=delivery.attempts + settlement.attempted,
        )
        kind = self._trace.SpanKind.CLIENT if settlement.attempted else self._trace.SpanKind.INTERNAL
        started, parent = (now - settlement.took) * 1_000_000, self._propagator.extract(carried)
        span = self._tracer.start_span(name, context=parent, kind=kind, attributes=attributes, start_time=started)
        if settlement.attempted and settlement.reason:
            span.set_status(self._trace.StatusCode.ERROR, str(settlement.reason))
        span.end(now * 1_000_000)

    def start(self) -> None:
        """Do nothing: exporting starts with the first span."""

    def close(self) -> None:
        """Export the remaining spans, for a few seconds at most."""
        self._provider.shutdown()


def _otlp() -> Any:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - an extra

    exporting = logging.getLogger(OTLPSpanExporter.__module__)
    if not any(isinstance(one, OncePerMinute) for one in exporting.filters):
        exporting.addFilter(OncePerMinute())
    return OTLPSpanExporter(timeout=SEND_WITHIN)


def _attributes(**values: str | int) -> dict[str, str | int]:
    return {f"webhooks.{name}": value for name, value in values.items() if value != ""}


def configured(config: Settings) -> Tracer:
    """Return the configured tracer; if the extra is not installed, log a warning and trace nothing."""
    if not config.otel_exporter_otlp_endpoint:
        return NullTracer()
    try:
        return OpenTelemetryTracer()
    except ImportError:
        logs.logger().warning("extra_missing", variable="OTEL_EXPORTER_OTLP_ENDPOINT", hint=MISSING)
        return NullTracer()
