"""The settings of a process: environment variables, read once, every fault reported together."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from environs import Env, EnvValidationError
from environs.fields import TimeDelta
from marshmallow import ValidationError
from marshmallow.validate import OneOf, Range, Regexp

from webhook_app.config import variables
from webhook_app.config.validators import (
    POSTGRES,
    SQLITE,
    UNIX,
    validate_alert_addresses,
    validate_authorities,
    validate_bind,
    validate_database_url,
    validate_header_name,
    validate_http_url,
    validate_length,
    validate_networks,
    validate_password,
    validate_proxy,
    validate_rate,
    validate_secrets_key,
    validate_standard_secret,
    validate_token,
)
from webhook_app.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TWEAKWISE_URL = "https://navigator-analytics.tweakwise.com"
# The official Magento module sends the first, the documentation names the second: https://docs.tweakwise.com
CONTENT_TYPES = ("application/json", "text/json")
COUNT, PORT_NUMBER = Range(1, 256), Range(1, 65535)
PRINTABLE = Regexp(r"[ -~]*\Z", error="expected printable characters")
SHORTEST = timedelta(milliseconds=1)
# So that every point in time that is computed from a duration is one that a date can hold.
POSITIVE = Range(SHORTEST, timedelta(days=365_000))
# Seconds. A call takes up to 5, and its outcome must be settled within the lease. A lease that is longer than the
# longest was given before the clock was put back.
MIN_LEASE, MAX_LEASE = 15.0, 600.0
LEASES = Range(timedelta(seconds=MIN_LEASE), timedelta(seconds=MAX_LEASE))
KEY_WAITS = Range(timedelta(0), timedelta(days=1))
PAUSES = Range(SHORTEST, timedelta(days=30))  # a longer one would outlast what is stored
LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where a server that listens on all addresses is asked
LARGEST_BODY = 64 * 1024 * 1024  # bytes; a larger one is never read, as it exceeds what a process holds of all bodies


def _variable(kind: str, default: Any, validate: Callable[[Any], Any] | None = None) -> dict[str, Any]:
    """Return the metadata of a field: how its variable, of the same name in capitals, is read."""
    return {"kind": kind, "default": default, "validate": validate}


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one process; docs/configuration.md describes each. Durations are in seconds."""

    database_url: str = field(metadata=_variable("str", f"{SQLITE}var/inbox.db", validate_database_url))
    database_pooler: Literal["none", "transaction"] = field(
        metadata=_variable("str", "none", OneOf(["none", "transaction"]))
    )
    spool: str | None = field(metadata=_variable("str", None))
    tweakwise_url: str = field(metadata=_variable("str", TWEAKWISE_URL, validate_http_url))
    tweakwise_proxy: str | None = field(repr=False, metadata=_variable("str", None, validate_proxy))
    ca_bundle: str | None = field(metadata=_variable("str", None, validate_authorities))
    tweakwise_content_type: str = field(metadata=_variable("str", CONTENT_TYPES[0], OneOf(CONTENT_TYPES)))
    port: int = field(metadata=_variable("int", 8000, PORT_NUMBER))
    bind: str = field(metadata=_variable("str", "0.0.0.0", validate_bind))  # noqa: S104 - a receiver is public
    web_concurrency: int = field(metadata=_variable("int", 2, COUNT))
    web_concurrency_set_by: str | None = field(metadata=_variable("str", None, PRINTABLE))
    web_threads: int = field(metadata=_variable("int", 5000, Range(1, 100_000)))
    worker_threads: int = field(metadata=_variable("int", 8, COUNT))
    max_rate: float | None = field(metadata=_variable("float", None, validate_rate))
    max_body: int = field(metadata=_variable("int", 5 * 1024 * 1024, Range(1024, LARGEST_BODY)))  # bytes
    visitor_rate: float = field(metadata=_variable("float", 120, Range(min=1)))  # events a minute of one visitor
    shop_rate: float = field(metadata=_variable("float", 200, Range(min=1)))  # events a second of a shop's visitors
    max_age: float = field(metadata=_variable("duration", timedelta(hours=24), POSITIVE))
    max_order_age: float = field(metadata=_variable("duration", timedelta(days=7), POSITIVE))
    key_wait: float = field(metadata=_variable("duration", timedelta(minutes=10), KEY_WAITS))
    lease: float = field(metadata=_variable("duration", timedelta(seconds=60), LEASES))
    retry_base: float = field(metadata=_variable("duration", timedelta(seconds=5), POSITIVE))
    retry_cap: float = field(metadata=_variable("duration", timedelta(hours=1), PAUSES))
    retry_for: float = field(metadata=_variable("duration", timedelta(hours=72), POSITIVE))
    on_timeout: Literal["retry", "park"] = field(metadata=_variable("str", "retry", OneOf(["retry", "park"])))
    keep_bodies: float = field(metadata=_variable("duration", timedelta(days=7), POSITIVE))
    keep_rows: float = field(metadata=_variable("duration", timedelta(days=90), POSITIVE))
    keep_dead: float = field(metadata=_variable("duration", timedelta(days=90), POSITIVE))
    keep_refused: int = field(metadata=_variable("int", 0, Range(0, 50)))  # requests of each shop
    reconcile_every: float = field(metadata=_variable("duration", timedelta(minutes=15), PAUSES))
    reconcile_grace: float = field(metadata=_variable("duration", timedelta(minutes=15), PAUSES))
    secrets_key: str | None = field(repr=False, metadata=_variable("str", None, validate_secrets_key))
    dashboard_password: str | None = field(repr=False, metadata=_variable("str", None, validate_length))
    dashboard_identity_header: str | None = field(metadata=_variable("str", None, validate_header_name))
    dashboard_identity_networks: str = field(metadata=_variable("str", "127.0.0.0/8,::1", validate_networks))
    public_url: str | None = field(metadata=_variable("str", None, validate_http_url))
    trusted_proxies: int = field(metadata=_variable("int", 0, Range(0, 10)))
    api_token: str | None = field(repr=False, metadata=_variable("str", None, validate_token))
    metrics_token: str | None = field(repr=False, metadata=_variable("str", None, validate_token))
    metrics_port: int | None = field(metadata=_variable("int", None, PORT_NUMBER))
    alert_url: str | None = field(repr=False, metadata=_variable("str", None, validate_alert_addresses))
    alert_secret: str | None = field(repr=False, metadata=_variable("str", None, validate_standard_secret))
    alert_format: Literal["json", "slack"] = field(metadata=_variable("str", "json", OneOf(["json", "slack"])))
    alert_digest: Literal["daily", "weekly"] | None = field(metadata=_variable("str", None, OneOf(["daily", "weekly"])))
    heartbeat_url: str | None = field(repr=False, metadata=_variable("str", None, validate_http_url))
    alert_older_than: float = field(metadata=_variable("duration", timedelta(minutes=15), POSITIVE))
    alert_silent_for: float = field(metadata=_variable("duration", timedelta(hours=24), POSITIVE))
    alert_refusals: int = field(metadata=_variable("int", 20, Range(min=1)))
    otel_exporter_otlp_endpoint: str | None = field(metadata=_variable("str", None, validate_http_url))
    sentry_dsn: str | None = field(repr=False, metadata=_variable("str", None, validate_http_url))
    log_level: str = field(metadata=_variable("str", "INFO", OneOf(["DEBUG", "INFO", "WARNING", "ERROR"])))
    log_format: Literal["console", "json"] = field(metadata=_variable("str", "console", OneOf(["console", "json"])))

    @property
    def socket_path(self) -> str:
        """Return the path of the Unix socket on which the receiver listens, "" where it listens on an address."""
        return self.bind.removeprefix(UNIX) if self.bind.startswith(UNIX) else ""

    @property
    def local_url(self) -> str:
        """Return the receiver's address for programs on this machine; behind a Unix socket that of its proxy."""
        if self.socket_path:
            return (self.public_url or "http://localhost").rstrip("/")
        address = LOOPBACK.get(self.bind, self.bind)
        return f"http://{f'[{address}]' if ':' in address else address}:{self.port}"


def load(*, judges_password: bool = False, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the environment, that of this process unless `environ` is given.

    `judges_password` is for those who serve the dashboard or check the configuration: it takes 15 MB. Raises
    ConfigurationError with one sentence for every variable that is wrong.
    """
    env = _Environment(eager=False, environ=environ)
    env.add_parser_from_field("duration", _Duration)
    read = {one.name: _read(env, one.name, **one.metadata) for one in fields(Settings)}
    try:
        env.seal()
    except EnvValidationError as error:
        raise ConfigurationError([*env.faults, *_sentences(error.error_messages)]) from None
    if env.faults:
        raise ConfigurationError(env.faults)
    config = Settings(**{name: _in_seconds(value) for name, value in read.items()})
    weak = _password_faults(config.dashboard_password) if judges_password else []
    if faults := [*_contradictions(config), *weak]:
        raise ConfigurationError(faults)
    return config


def _password_faults(password: str | None) -> list[str]:
    try:
        if password:
            validate_password(password)
    except ValidationError as error:
        return _sentences({"DASHBOARD_PASSWORD": error.messages})
    return []


def _read(env: Env, name: str, *, kind: str, default: Any, validate: Callable[[Any], Any] | None) -> Any:
    return getattr(env, kind)(name.upper(), default, validate=validate)


def _contradictions(config: Settings) -> list[str]:
    faults = []
    if config.keep_rows < config.max_order_age:
        faults.append("KEEP_ROWS: shorter than MAX_ORDER_AGE; an order could be forgotten and counted twice")
    if config.dashboard_identity_header and not config.trusted_proxies:
        faults.append("DASHBOARD_IDENTITY_HEADER: needs TRUSTED_PROXIES; without a proxy anyone could send it")
    if config.metrics_port and not config.metrics_token:
        faults.append("METRICS_PORT: needs METRICS_TOKEN; without it there are no metrics")
    if config.spool and not config.database_url.startswith(POSTGRES):
        faults.append("SPOOL: only beside PostgreSQL; an inbox in SQLite is on this machine's disk already")
    return faults


class _Environment(Env):
    """Reads a variable, or the file that NAME_FILE names; gathers what is wrong with such files in `faults`."""

    def __init__(self, *, eager: bool, environ: Mapping[str, str] | None) -> None:
        super().__init__(eager=eager)
        self.faults: list[str] = []
        self._known = environ

    def _get_value(self, env_key: str, default: Any) -> Any:
        try:
            return variables.value(env_key, self._known) or default
        except ConfigurationError as error:
            self.faults += error.faults
            return default


class _Duration(TimeDelta):
    """A duration such as 90s; one with more digits than a timedelta holds is reported like any other fault."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> timedelta:
        try:
            return super()._deserialize(value, *args, **kwargs)
        except (OverflowError, ValueError):
            raise self.make_error("invalid") from None


def is_ephemeral(path: str) -> bool:
    """Return whether a file is in a dyno's own folder; an absolute path elsewhere is a mounted volume."""
    return "DYNO" in os.environ and Path(path).absolute().is_relative_to(Path.cwd())


def _in_seconds(value: Any) -> Any:
    return value.total_seconds() if isinstance(value, timedelta) else value


def _sentences(faults: Any) -> list[str]:
    return [f"{name}: {' '.join(map(_sentence, messages))}" for name, messages in faults.items()]


def _sentence(message: str) -> str:
    if "period of time" in message:
        return "expected a duration such as 90s, 24h or 7d."
    return message
