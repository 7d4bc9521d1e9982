"""How gunicorn runs the receiver; `python -m webhook_app web` uses it, and so does a plain `gunicorn`."""

import resource
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger

from webhook_app import logs
from webhook_app.config import settings
from webhook_app.observability import metrics

_settings = settings.load()
metrics.share(_settings)

wsgi_app = "webhook_app.app:create_app()"
bind = f"0.0.0.0:{_settings.port}"
workers = _settings.web_concurrency
# Green threads: a sender that is slow, or says nothing at all, costs a few kilobytes and holds up nobody.
worker_class = "webhook_app.web.gunicorn_worker.BoundedGeventWorker"
worker_connections = _settings.web_threads
# Each connection is an open file.
_soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (_hard, _hard))
# A host gives 10 to 30 seconds after SIGTERM; a webhook takes milliseconds.
graceful_timeout = 9
# Longer than what load balancers keep an idle connection for, so that they close it and not we.
keepalive = 75
# Where there is memory-backed storage, a slow disk cannot make a heartbeat late.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - gunicorn makes its own names there


class _Quiet(Logger):  # type: ignore[misc]
    """Prepares no access log: gunicorn would put its parts together for each request, to write them nowhere."""

    def access(self, *_: object) -> None:
        """Do nothing."""


logger_class = _Quiet
control_socket_disable = True
logconfig_dict = logs.as_dict(_settings.log_level, _settings.log_format)


def post_worker_init(worker: Any) -> None:
    """Start what works behind the requests: gunicorn calls this in each web process before it serves."""
    for task in worker.wsgi.extensions["background"]:
        task.start()


def worker_exit(_server: Any, worker: Any) -> None:
    """End it: gunicorn calls this in each web process after it served."""
    for task in worker.wsgi.extensions["background"] if worker.booted else ():
        task.close()
