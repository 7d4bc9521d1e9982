"""Reports errors to Sentry by type and place in the code, without messages, variables or anything that was received."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from webhook_app import logs

if TYPE_CHECKING:
    from webhook_app.config.settings import Settings

MISSING = "pip install --require-hashes -r requirements-extras.txt"
# The fields of an event that are sent. Messages and variables are not: they may quote a body.
ALLOWED_FIELDS = (
    "event_id",
    "timestamp",
    "level",
    "platform",
    "release",
    "environment",
    "server_name",
    "sdk",
    "exception",
)
EXCEPTION_FIELDS = ("type", "module", "mechanism", "stacktrace")
FRAME_FIELDS = (
    "filename",
    "abs_path",
    "module",
    "function",
    "lineno",
    "pre_context",
    "context_line",
    "post_context",
    "in_app",
)


def configure(config: Settings) -> None:
    """Configure the log and, if SENTRY_DSN is set, report every exception that is logged."""
    logs.configure(config.log_level, config.log_format)
    if not config.sentry_dsn:
        return
    try:
        import sentry_sdk  # noqa: PLC0415 - an extra
        from sentry_sdk.integrations import dedupe, excepthook, threading  # noqa: PLC0415 - the same
    except ImportError:
        logs.logger().warning("extra_missing", variable="SENTRY_DSN", hint=MISSING)
        return
    sentry_sdk.init(
        config.sentry_dsn,
        before_send=without_values,
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[dedupe.DedupeIntegration(), excepthook.ExcepthookIntegration(), threading.ThreadingIntegration()],
        include_local_variables=False,
        max_breadcrumbs=0,
        max_request_body_size="never",
    )
    logs.report_to(sentry_sdk.capture_exception)


def without_values(event: Any, _hint: Any) -> Any:
    """Return only ALLOWED_FIELDS of a Sentry event; https://develop.sentry.dev/sdk/data-model/event-payloads/."""
    left = {name: event[name] for name in ALLOWED_FIELDS if name in event}
    exceptions = (event.get("exception") or {}).get("values") or []
    left["exception"] = {"values": [_exception(one) for one in exceptions]}
    return left


def _exception(sent: dict[str, Any]) -> dict[str, Any]:
    left = {name: sent[name] for name in EXCEPTION_FIELDS if sent.get(name)}
    if "mechanism" in left:
        left["mechanism"] = {name: left["mechanism"].get(name) for name in ("type", "handled")}
    if "stacktrace" in left:
        frames = left["stacktrace"].get("frames") or []
        left["stacktrace"] = {"frames": [{n: frame[n] for n in FRAME_FIELDS if n in frame} for frame in frames]}
    return left
