"""Logs: one line an outcome, as text or JSON, for our code and for the libraries alike."""

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
    """Send everything to standard error in one form."""
    logging.config.dictConfig(as_dict(level, form))
    # Past the standard library's loggers and the console's columns: a line then takes 9 microseconds and not 41.
    structlog.configure(
        processors=[*SHARED, _without_nothing, _without_values, plain if _is_plain(form) else _renderer(form)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", _Unfailing(sys.stderr))),
    )


def report_to(listener: Callable[[BaseException], object]) -> None:
    """Let `listener` hear of every exception that is logged from now on."""
    _listeners[:] = [listener]


def report(error: BaseException) -> None:
    """Tell of a mistake of ours whoever listens; nothing that goes wrong there hurts who reports."""
    for listener in _listeners:
        with contextlib.suppress(Exception):
            listener(error)


def logger() -> structlog.typing.FilteringBoundLogger:
    """Return a logger with the configuration of now, bound once: binding at each line would double its cost."""
    bound: structlog.typing.FilteringBoundLogger = structlog.get_logger().bind()
    return bound


class _Unfailing:
    """Standard error, which may be a file on a disk that is full: a line is lost then, and never a webhook."""

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
    """Write a line as structlog's ConsoleRenderer does without colours."""
    head = f"{event.pop('timestamp')} [{event.pop('level'):<9}] {event.pop('event'):<{WIDTH}}"
    return " ".join([head, *(f"{name}={_quoted(event[name])}" for name in sorted(event))]).rstrip(" ")


def _quoted(value: Any) -> str:
    return value if isinstance(value, str) and not NEEDS_QUOTES.search(value) else repr(value)


def as_dict(level: str, form: Literal["console", "json"]) -> dict[str, Any]:
    """Return the standard library's logging configuration, also for gunicorn."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "ours": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer(form)],
                "foreign_pre_chain": [*SHARED, _without_requests, _without_values],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "ours"}},
        "root": {"handlers": ["stderr"], "level": level},
        # One line a request is the receiver's own; gunicorn says when it starts and stops, alembic what it applies.
        "loggers": {
            "gunicorn.error": {"level": level, "handlers": [], "propagate": True},
            "alembic": {"level": "WARNING"},
        },
    }


def _without_requests(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Cut gunicorn's sentences where they begin to quote what a stranger sent, and from where."""
    if quoting := QUOTES_REQUEST.match(str(event["event"])):
        event["event"] = quoting[0]
    return event


def _without_nothing(_logger: Any, _method: str, event: EventDict) -> EventDict:
    return {name: value for name, value in event.items() if value is not None}


def _without_values(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Name an exception by its type and place: its message may quote what somebody sent."""
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
