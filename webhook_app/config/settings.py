"""The process's part of the configuration: environment variables, read once, every fault reported together."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from environs import Env, EnvValidationError
from environs.fields import TimeDelta
from marshmallow import ValidationError, validate

from webhook_app.errors import ConfigurationError

TWEAKWISE_URL = "https://navigator-analytics.tweakwise.com"
# The official Magento module sends the first, the documentation says the second: https://docs.tweakwise.com
CONTENT_TYPES = ("application/json", "text/json")
SQLITE = "sqlite:///"
SHORTEST_PASSWORD = 12
POSTGRES = ("postgres://", "postgresql://")


@dataclass(frozen=True, slots=True)
class Settings:
    """What one process runs with. Durations are in seconds, `max_body` is in bytes.

    `visitor_rate` is events a minute of one visitor, `shop_rate` events a second of one shop's visitors.
    """

    database_url: str
    database_pooler: Literal["none", "transaction"]
    spool: str | None
    tweakwise_url: str
    tweakwise_content_type: str
    port: int
    web_concurrency: int
    web_threads: int
    worker_threads: int
    max_rate: float | None
    max_body: int
    visitor_rate: float
    shop_rate: float
    max_age: float
    max_order_age: float
    lease: float
    retry_base: float
    retry_cap: float
    retry_for: float
    on_timeout: Literal["retry", "park"]
    keep_bodies: float
    keep_rows: float
    dashboard_password: str | None = field(repr=False)
    trusted_proxies: int
    metrics_token: str | None = field(repr=False)
    metrics_port: int | None
    alert_url: str | None = field(repr=False)
    alert_secret: str | None = field(repr=False)
    alert_format: Literal["json", "slack"]
    alert_older_than: float
    alert_silent_for: float
    alert_refusals: int
    otel_exporter_otlp_endpoint: str | None
    sentry_dsn: str | None = field(repr=False)
    log_level: str
    log_format: Literal["console", "json"]


def load() -> Settings:
    """Read the environment.

    Raises ConfigurationError with one sentence for every variable that is wrong.
    """
    env = _Environment(eager=False)
    env.add_parser_from_field("duration", _Duration)
    read = _read(env)
    try:
        env.seal()
    except EnvValidationError as error:
        raise ConfigurationError(_sentences(error.error_messages)) from None
    config = Settings(**{name: _in_seconds(value) for name, value in read.items()})
    if faults := _contradictions(config):
        raise ConfigurationError(faults)
    return config


def _contradictions(config: Settings) -> list[str]:
    faults = []
    if config.keep_rows < config.max_order_age:
        faults.append("KEEP_ROWS: shorter than MAX_ORDER_AGE; an order could be forgotten and counted twice")
    if config.metrics_port and not config.metrics_token:
        faults.append("METRICS_PORT: needs METRICS_TOKEN; without it there are no metrics")
    if config.spool and not config.database_url.startswith(POSTGRES):
        faults.append("SPOOL: only beside PostgreSQL; an inbox in SQLite is on this machine's disk already")
    return faults


class _Environment(Env):
    """An empty variable counts as not set: hosts' forms save what was left blank."""

    def _get_value(self, env_key: str, default: Any) -> Any:
        return os.environ.get(env_key) or default


class _Duration(TimeDelta):
    """A duration; one of more digits than a timedelta holds is a fault like any other."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> timedelta:
        try:
            return super()._deserialize(value, *args, **kwargs)
        except (OverflowError, ValueError):
            raise self.make_error("invalid") from None


def _read(env: Env) -> dict[str, Any]:
    many, positive = validate.Range(1, 256), validate.Range(min=timedelta(milliseconds=1))
    return {
        "database_url": env.str("DATABASE_URL", f"{SQLITE}var/inbox.db", validate=_database),
        "database_pooler": env.str("DATABASE_POOLER", "none", validate=validate.OneOf(["none", "transaction"])),
        "spool": env.str("SPOOL", None),
        "tweakwise_url": env.str("TWEAKWISE_URL", TWEAKWISE_URL, validate=validate_http_url),
        "tweakwise_content_type": env.str(
            "TWEAKWISE_CONTENT_TYPE", CONTENT_TYPES[0], validate=validate.OneOf(CONTENT_TYPES)
        ),
        "port": env.int("PORT", 8000, validate=validate.Range(1, 65535)),
        "web_concurrency": env.int("WEB_CONCURRENCY", 2, validate=many),
        "web_threads": env.int("WEB_THREADS", 5000, validate=validate.Range(1, 100_000)),
        "worker_threads": env.int("WORKER_THREADS", 8, validate=many),
        "max_rate": env.float("MAX_RATE", None, validate=validate.Range(min=0, min_inclusive=False)),
        "max_body": env.int("MAX_BODY", 5 * 1024 * 1024, validate=validate.Range(min=1024)),
        "visitor_rate": env.float("VISITOR_RATE", 120, validate=validate.Range(min=1)),
        "shop_rate": env.float("SHOP_RATE", 200, validate=validate.Range(min=1)),
        "max_age": env.duration("MAX_AGE", timedelta(hours=24), validate=positive),
        "max_order_age": env.duration("MAX_ORDER_AGE", timedelta(days=7), validate=positive),
        "lease": env.duration("LEASE", timedelta(seconds=60), validate=validate.Range(min=timedelta(seconds=15))),
        "retry_base": env.duration("RETRY_BASE", timedelta(seconds=5), validate=positive),
        "retry_cap": env.duration("RETRY_CAP", timedelta(hours=1), validate=positive),
        "retry_for": env.duration("RETRY_FOR", timedelta(hours=72), validate=positive),
        "on_timeout": env.str("ON_TIMEOUT", "retry", validate=validate.OneOf(["retry", "park"])),
        "keep_bodies": env.duration("KEEP_BODIES", timedelta(days=7), validate=positive),
        "keep_rows": env.duration("KEEP_ROWS", timedelta(days=90), validate=positive),
        "dashboard_password": env.str("DASHBOARD_PASSWORD", None, validate=_password),
        "trusted_proxies": env.int("TRUSTED_PROXIES", 0, validate=validate.Range(0, 10)),
        "metrics_token": env.str("METRICS_TOKEN", None, validate=validate.Length(min=16)),
        "metrics_port": env.int("METRICS_PORT", None, validate=validate.Range(1, 65535)),
        "alert_url": env.str("ALERT_URL", None, validate=validate_http_url),
        "alert_secret": env.str("ALERT_SECRET", None, validate=_standard_secret),
        "alert_format": env.str("ALERT_FORMAT", "json", validate=validate.OneOf(["json", "slack"])),
        "alert_older_than": env.duration("ALERT_OLDER_THAN", timedelta(minutes=15), validate=positive),
        "alert_silent_for": env.duration("ALERT_SILENT_FOR", timedelta(hours=24), validate=positive),
        "alert_refusals": env.int("ALERT_REFUSALS", 20, validate=validate.Range(min=1)),
        "otel_exporter_otlp_endpoint": env.str("OTEL_EXPORTER_OTLP_ENDPOINT", None, validate=validate_http_url),
        "sentry_dsn": env.str("SENTRY_DSN", None, validate=validate_http_url),
        "log_level": env.str("LOG_LEVEL", "INFO", validate=validate.OneOf(["DEBUG", "INFO", "WARNING", "ERROR"])),
        "log_format": env.str("LOG_FORMAT", "console", validate=validate.OneOf(["console", "json"])),
    }


def _password(value: str | None) -> None:
    """Refuse a password that can be guessed in the time between two looks at the log; never quotes it."""
    if value is not None and len(value) < SHORTEST_PASSWORD:
        raise ValidationError(f"shorter than {SHORTEST_PASSWORD} characters; make one with: openssl rand -base64 18")


def _database(value: str) -> None:
    """Refuse what is no address of a database; never quotes it, since it holds a password."""
    if value.startswith(POSTGRES):
        _postgres(value)
    elif not value.startswith(SQLITE) or value in (SQLITE, f"{SQLITE}:memory:"):
        raise ValidationError(f"expected {SQLITE}var/inbox.db or postgres://<user>:<password>@<host>:<port>/<database>")


def _postgres(value: str) -> None:
    try:
        parts = urlsplit(value)
        sound = parts.port != 0 and (bool(parts.hostname) or "host=" in parts.query) and len(parts.path) > 1
    except ValueError:
        sound = False
    if not sound:
        raise ValidationError("expected postgres://<user>:<password>@<host>:<port>/<database>")


def _standard_secret(value: str) -> None:
    """Refuse what is no secret of https://www.standardwebhooks.com; never quotes it."""
    try:
        key = base64.b64decode(value.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if len(key) < 24:  # noqa: PLR2004 - what the specification asks for
        raise ValidationError("expected whsec_ and at least 24 bytes in base64, e.g. whsec_$(openssl rand -base64 32)")


def validate_http_url(value: str) -> None:
    """Refuse what is no http(s) address; raises marshmallow's ValidationError."""
    try:
        parts = urlsplit(value)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        raise ValidationError("expected an address such as https://navigator-analytics.tweakwise.com")


def is_ephemeral(path: str) -> bool:
    """Tell whether a file lies in a dyno's own folder; an absolute path elsewhere is a mounted volume."""
    return "DYNO" in os.environ and Path(path).absolute().is_relative_to(Path.cwd())


def _in_seconds(value: Any) -> Any:
    return value.total_seconds() if isinstance(value, timedelta) else value


def _sentences(faults: Any) -> list[str]:
    return [f"{name}: {' '.join(map(_sentence, messages))}" for name, messages in faults.items()]


def _sentence(message: str) -> str:
    if "period of time" in message:
        return "expected a duration such as 90s, 24h or 7d."
    return message
