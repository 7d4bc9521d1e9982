"""Wires the worker process together from the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook_app.alerts import evaluator
from webhook_app.config.watch import ConfigurationCheck
from webhook_app.delivery.bulk_worker import BulkWorker
from webhook_app.delivery.worker import Worker, WorkerOptions
from webhook_app.health.evaluation import Health
from webhook_app.health.measure import Subject
from webhook_app.inbox import Inbox
from webhook_app.inbox.retention import Retention
from webhook_app.observability import metrics, tracing
from webhook_app.observability.metrics_page import MetricsPage
from webhook_app.platforms import all_platforms
from webhook_app.translation.translate import AgeLimits
from webhook_app.tweakwise import retry_policy
from webhook_app.tweakwise.client import Client
from webhook_app.tweakwise.transport import route_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhook_app.config.settings import Settings
    from webhook_app.config.shops import Shop
    from webhook_app.delivery.dispatcher import Job
    from webhook_app.delivery.worker import Background


def make_worker(config: Settings, shops: Mapping[str, Shop]) -> Worker:
    """Return a worker that has not started.

    Its metrics endpoint (METRICS_PORT) and the evaluation of alert rules (ALERT_URL) are already running.
    """
    options = WorkerOptions(
        threads=config.worker_threads,
        ages=AgeLimits(config.max_order_age, config.max_age, config.keep_rows, config.key_wait),
        policy=retry_policy.Policy(config.retry_base, config.retry_cap, config.retry_for, config.on_timeout),
        retention=Retention(config.keep_bodies, config.keep_rows, config.keep_dead),
        max_rate=config.max_rate,
        spool=config.spool,
    )
    meter = metrics.meter(config)
    inbox = Inbox.configured(config, meter.committed)
    client: Client[Job] = Client(
        config.tweakwise_url, content_type=config.tweakwise_content_type, route=route_of(config)
    )
    if config.metrics_port:
        from webhook_app.observability.metrics_server import serve  # noqa: PLC0415 - loads prometheus_client

        address = "127.0.0.1" if config.socket_path else config.bind
        serve(MetricsPage(inbox, shops, meter, config), address, config.metrics_port)
    platforms, check = all_platforms(), ConfigurationCheck(for_web=False)
    if alerts := evaluator.configured(config, inbox, Health(Subject(config, shops, platforms, inbox, check)), shops):
        alerts.start()
    tracer = tracing.configured(config)
    background = _background(config, inbox, shops, options.ages)
    return Worker(inbox, shops, platforms, client, options, meter=meter, tracer=tracer, background=background)


def _background(config: Settings, inbox: Inbox, shops: Mapping[str, Shop], ages: AgeLimits) -> list[Background]:
    """Return what runs beside delivering: the dashboard's jobs, and comparing orders with the platforms' own lists."""
    return [BulkWorker(inbox).run, *_reconciling(config, inbox, shops, ages)]


def _reconciling(config: Settings, inbox: Inbox, shops: Mapping[str, Shop], ages: AgeLimits) -> list[Background]:
    """Return what compares orders, where a shop has `api`, or an app that registers itself."""
    registers = config.secrets_key and any(shop.app_secret for shop in shops.values())
    if not registers and not any(shop.api for shop in shops.values()):
        return []
    from webhook_app.sources.reconcile import Plan, Reconciler  # noqa: PLC0415 - loads requests
    from webhook_app.sources.registered import RegisteredShops  # noqa: PLC0415

    plan = Plan(config.reconcile_every, config.reconcile_grace, ages)
    registered = RegisteredShops(shops, inbox, config.secrets_key)
    return [Reconciler(inbox, registered.current, all_platforms(), plan).run]
