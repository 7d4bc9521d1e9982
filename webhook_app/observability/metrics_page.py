"""What Prometheus is answered: the counts of the processes, and how it stands in the inbox at this moment."""

from __future__ import annotations

import hmac
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple

from webhook_app import logs
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox.reports.backlog import UNFINISHED, backlogs, dead
from webhook_app.observability import metrics
from webhook_app.throttling import circuit_breaker
from webhook_app.throttling.state import Scope

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from webhook_app.config.shops import Shop
    from webhook_app.inbox import Inbox
    from webhook_app.inbox.reports.backlog import Backlog
    from webhook_app.instrumentation import Meter
    from webhook_app.throttling.state import ThrottleState

GAUGES = {
    "database_up": ("Whether the database answers; the metrics below are only there when it does.", ()),
    "unfinished": ("Deliveries that are not settled.", ("shop", "state")),
    "oldest_unfinished_seconds": ("How long the oldest of them has been here, 0 where there is none.", ("shop",)),
    "dead": ("Deliveries that were given up and wait for a person.", ("shop",)),
    "breaker_open": ("1 while nothing is sent because a breaker is open or half-open.", ("scope",)),
    "calls_per_second_limit": (
        "Calls per second that are allowed after failures; absent where no limit applies.",
        ("scope",),
    ),
}
Values = dict[tuple[str, ...], float]


class MetricsResponse(NamedTuple):
    """A page; `media_type` is the value of its Content-Type."""

    body: bytes
    status: int
    media_type: str = "text/plain; charset=utf-8"


class MetricsPage:
    """The page /metrics of one process. Its methods raise nothing: that the database is away is a metric too."""

    def __init__(self, inbox: Inbox, shops: Mapping[str, Shop], meter: Meter, token: str | None) -> None:
        """Without `token` there is no such page."""
        self._inbox, self._shops, self._meter, self._token = inbox, shops, meter, token

    def respond(self, authorization: str, accept: str = "") -> MetricsResponse:
        """Return the page to who knows the token; `authorization` and `accept` are the request's headers."""
        if not self._token or not isinstance(self._meter, metrics.PrometheusMeter):
            return MetricsResponse(b"Not found.\n", 404)
        if not hmac.compare_digest(authorization.encode("utf-8", "replace"), f"Bearer {self._token}".encode()):
            return MetricsResponse(b"Send METRICS_TOKEN as a bearer token.\n", 401)
        from prometheus_client import CollectorRegistry  # noqa: PLC0415 - loaded where metrics are on
        from prometheus_client.exposition import choose_encoder  # noqa: PLC0415 - the same

        registry = CollectorRegistry()
        registry.register(metrics.collector(self._meter))
        registry.register(self)
        encode, media_type = choose_encoder(accept)
        return MetricsResponse(encode(registry), 200, media_type)

    def collect(self) -> Iterator[Any]:
        """Yield how it stands in the inbox, in the form that prometheus_client asks its collectors for."""
        from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415 - loaded where metrics are on

        for name, values in self._gauges().items():
            about, labels = GAUGES[name]
            family = GaugeMetricFamily(f"webhooks_{name}", about, labels=labels)
            for of, value in values.items():
                family.add_metric(of, value)
            yield family

    def _gauges(self) -> dict[str, Values]:
        try:
            waiting, given_up, throttles = backlogs(self._inbox), dead(self._inbox), self._inbox.throttles()
        except StoreUnavailableError:
            return {"database_up": {(): 0}}
        now = self._inbox.clock()
        nothing: Values = {(shop,): 0 for shop in self._shops}
        return {
            "database_up": {(): 1},
            "unfinished": self._depth(waiting),
            "oldest_unfinished_seconds": nothing | {(one.shop,): max(now - one.oldest, 0) / 1000 for one in waiting},
            "dead": nothing | {(shop,): count for shop, count in given_up.items()},
            "breaker_open": {(str(Scope.shop(shop)),): 0 for shop in self._shops} | _breakers(throttles),
            "calls_per_second_limit": _limits(throttles, now),
        }

    def _depth(self, waiting: list[Backlog]) -> Values:
        nothing: Values = {(shop, state.value): 0 for shop in self._shops for state in UNFINISHED}
        return nothing | {(one.shop, state.value): one.states[state] for one in waiting for state in UNFINISHED}


def _breakers(throttles: Mapping[Scope, ThrottleState]) -> Values:
    return {(str(scope),): int(throttle.is_open) for scope, throttle in throttles.items()}


def _limits(throttles: Mapping[Scope, ThrottleState], now: int) -> Values:
    rates = {str(scope): circuit_breaker.current_rate(throttle, now, None) for scope, throttle in throttles.items()}
    return {(name,): rate for name, rate in rates.items() if rate is not None}


def serve(page: MetricsPage, port: int) -> None:
    """Answer at `port` from a thread, for a process that has no other web server; where that fails, only say so."""

    class _Page(BaseHTTPRequestHandler):
        timeout = 10.0  # seconds for a request to come

        def do_GET(self) -> None:
            said = page.respond(self.headers.get("Authorization", ""), self.headers.get("Accept", ""))
            if self.path.partition("?")[0] != "/metrics":
                said = MetricsResponse(b"Not found.\n", 404)
            self.send_response(said.status)
            self.send_header("Content-Type", said.media_type)
            self.send_header("Content-Length", str(len(said.body)))
            self.end_headers()
            self.wfile.write(said.body)

        def log_message(self, *_: object) -> None:
            """Say nothing of requests."""

    try:
        server = ThreadingHTTPServer(("0.0.0.0", port), _Page)  # noqa: S104 - to be scraped from elsewhere
    except OSError as error:
        logs.logger().warning("metrics_unavailable", port=port, error=str(error))
        return
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
