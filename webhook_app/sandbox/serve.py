"""Serves the sandbox with one process, because its state is in memory, and several threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication
from gunicorn.http import wsgi

from webhook_app import logs
from webhook_app.sandbox.app import create_app

if TYPE_CHECKING:
    from collections.abc import Collection

    from flask import Flask

THREADS = 64  # each hanging call uses one


def serve(port: int, instance_keys: Collection[str], catalogue: Collection[str], max_profiles: int) -> None:
    """Serve on 127.0.0.1 until stopped; nothing outside this machine can reach it."""
    wsgi.Response = _Answer  # type: ignore[misc]  # gunicorn's threads make one for each request
    _SandboxServer(create_app(instance_keys, catalogue, max_profiles), port).run()


class _Answer(wsgi.Response):
    """Gunicorn's writer of an answer, which does not name the server."""

    def default_headers(self) -> list[str]:
        """Return the status line and gunicorn's own headers."""
        return [line for line in super().default_headers() if not line.startswith("Server:")]


class _SandboxServer(BaseApplication):
    """gunicorn without a configuration file."""

    def __init__(self, app: Flask, port: int) -> None:
        self._app, self._port = app, port
        super().__init__()

    def load_config(self) -> None:
        settings: dict[str, Any] = {
            "bind": f"127.0.0.1:{self._port}",
            "workers": 1,
            "worker_class": "gthread",
            "threads": THREADS,
            "graceful_timeout": 2,
            "control_socket_disable": True,
            "logconfig_dict": logs.as_dict("WARNING", "console"),
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return self._app
