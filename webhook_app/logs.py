"""Logging: one line per outcome, as text or JSON, for the receiver and its libraries alike."""

from __future__ import annotations

import contextlib
import logging
import logging.config
import os
import re
import sys
import traceback
from typing import TYPE_CHECKING, Any, Literal, TextIO, cast

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import EventDict, Processor

# https://github.com/benoitc/gunicorn gunicorn/workers/base.py, handle_error
QUOTES_REQUEST = re.compile(r"Invalid request|Error handling request")
NEEDS_QUOTES = re.compile(r"""[ \t\r\n="']""")
WIDTH = 18  # columns of an event's name

_listeners: list[Callable[[BaseException], object]] = []

SHARED: list[Processor] = [
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure(level: str, form: Literal["console", "json"]) -> None:
    """Send all logs to standard error in one format."""
    logging.config.dictConfig(as_dict(level, form))
    # Without the standard library's loggers and the console's columns: a line takes 9 microseconds instead of 41.
    structlog.configure(
        processors=[*SHARED, _without_none, _without_exception_message, plain if _is_plain(form) else _renderer(form)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", _Unfailing(sys.stderr))),
    )


def use_stderr() -> None:
    """Send logs to standard error before they are configured: a command's standard output is for its results."""
    structlog.configure(logger_factory=structlog.WriteLoggerFactory(cast("TextIO", _Unfailing(sys.stderr))))


def report_to(listener: Callable[[BaseException], object]) -> None:
    """Call `listener` with every exception that is logged from now on."""
    _listeners[:] = [listener]


def report(error: BaseException) -> None:
    """Pass an unexpected exception to the listener; errors of the listener are suppressed."""
    for listener in _listeners:
        with contextlib.suppress(Exception):
            listener(error)


def logger() -> structlog.typing.FilteringBoundLogger:
    """Return a logger with the current configuration, bound once: binding for every line would double its cost."""
    bound: structlog.typing.FilteringBoundLogger = structlog.get_logger().bind()
    return bound


class _Unfailing:
    """Standard error without exceptions: when it is a file on a full disk, a line is lost and not a webhook."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()


def _renderer(form: Literal["console", "json"]) -> Processor:
    if form == "json":
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(colors=not _is_plain(form), pad_event_to=WIDTH)


def _is_plain(form: Literal["console", "json"]) -> bool:
    return form == "console" and (not sys.stderr.isatty() or bool(os.environ.get("NO_COLOR")))


def plain(_logger: Any, _method: str, event: EventDict) -> str:
    """Write the same line as structlog's ConsoleRenderer without colours, which would cost a worker 6.6 % more.

    That is processor time for each delivered call: docs/decisions/2026-11-26-plain-log-lines.md.
    """
    head = f"{event.pop('timestamp')} [{event.pop('level'):<9}] {event.pop('event'):<{WIDTH}}"
    return " ".join([head, *(f"{name}={_quoted(event[name])}" for name in sorted(event))]).rstrip(" ")


def _quoted(value: Any) -> str:
    return value if isinstance(value, str) and not NEEDS_QUOTES.search(value) else repr(value)


def as_dict(level: str, form: Literal["console", "json"]) -> dict[str, Any]:
    """Return the configuration for the standard library's logging, also for gunicorn."""
    # At debug level, libraries log addresses and queries, and gunicorn its whole configuration.
    of_libraries = "INFO" if level == "DEBUG" else level
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "ours": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer(form)],
                "foreign_pre_chain": [*SHARED, _without_request_quotes, _without_exception_message],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "ours"}},
        "root": {"handlers": ["stderr"], "level": of_libraries},
        # The receiver logs requests itself; gunicorn logs starts and stops, alembic warnings.
        "loggers": {
            "gunicorn.error": {"level": of_libraries, "handlers": [], "propagate": True},
            "alembic": {"level": "WARNING"},
        },
    }


def _without_request_quotes(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Cut gunicorn's messages before the part that quotes the request and its sender."""
    if match := QUOTES_REQUEST.match(str(event["event"])):
        event["event"] = match[0]
    return event


def _without_none(_logger: Any, _method: str, event: EventDict) -> EventDict:
    return {name: value for name, value in event.items() if value is not None}


def _without_exception_message(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Name an exception by type and place: its message may quote the request."""
    exc_info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if exc_info is True else exc_info[1] if isinstance(exc_info, tuple) else exc_info
    if isinstance(error, BaseException):
        event["error"] = describe(error)
        report(error)
    return event


def describe(error: BaseException) -> str:
    """Return the type of `error` and where it was raised, never its message."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"
