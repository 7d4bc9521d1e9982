"""The page /metrics of one process, as a WSGI app: prometheus_client's own, behind METRICS_TOKEN."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook_app.inbox.retention import Retention
from webhook_app.observability import metrics
from webhook_app.observability.gauges import InboxCollector
from webhook_app.observability.known_series import WithZeros, known_series
from webhook_app.observability.machine_gauges import MachineCollector
from webhook_app.web import bearer_tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from wsgiref.types import StartResponse, WSGIEnvironment

    from webhook_app.config.settings import Settings
    from webhook_app.config.shops import Shop
    from webhook_app.inbox import Inbox
    from webhook_app.instrumentation import Meter

PATH = "/metrics"


class MetricsPage:
    """Counters of processes, gauges of the machine and the inbox. Raises nothing: an outage is a metric too."""

    def __init__(self, inbox: Inbox, shops: Mapping[str, Shop], meter: Meter, config: Settings) -> None:
        """Without METRICS_TOKEN the page does not exist: 404."""
        self._inbox, self._shops, self._meter, self._config = inbox, shops, meter, config
        self._token = config.metrics_token

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request whose bearer token is right with the metrics."""
        if not self._token or not isinstance(self._meter, metrics.PrometheusMeter) or environ["PATH_INFO"] != PATH:
            return _refuse(start_response, "404 Not Found", b"Not found.\n")
        if not bearer_tokens.is_right(environ.get("HTTP_AUTHORIZATION", ""), self._token):
            return _refuse(start_response, "401 Unauthorized", b"Send METRICS_TOKEN as a bearer token.\n")
        return self._metrics(self._meter, environ, start_response)

    def _metrics(
        self, meter: metrics.PrometheusMeter, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        from prometheus_client import CollectorRegistry, make_wsgi_app  # noqa: PLC0415 - loaded where metrics are on

        registry = CollectorRegistry()
        retention = Retention(self._config.keep_bodies, self._config.keep_rows)
        registry.register(WithZeros(metrics.collector(meter), known_series(self._shops)))
        registry.register(MachineCollector(self._config))
        registry.register(InboxCollector(self._inbox, self._shops, retention))
        found: Iterable[bytes] = make_wsgi_app(registry)(environ, start_response)
        return found


def _refuse(start_response: StartResponse, status: str, text: bytes) -> list[bytes]:
    start_response(status, [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(text)))])
    return [text]
