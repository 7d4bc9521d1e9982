"""Gunicorn's configuration, used by `python -m webhook_app web` and by a plain `gunicorn`."""

import gc
import resource
import sys
from functools import partial
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger

from webhook_app import green_threads

gc.disable()
green_threads.patch()

from webhook_app import logs, reloading  # noqa: E402
from webhook_app.app import create_app  # noqa: E402 - once, for all web processes
from webhook_app.observability import metrics  # noqa: E402
from webhook_app.processes.child_processes import end_with_parent  # noqa: E402
from webhook_app.web import listening  # noqa: E402
from webhook_app.web.reload import Reload, end_process  # noqa: E402

gc.freeze()  # what is loaded stays, and its memory is shared as long as it is not touched
gc.enable()
_reload = Reload()
_settings = _reload.configuration.settings
metrics.share(_settings)

wsgi_app = "webhook_app.app:create_app()"
bind = listening.gunicorn_addresses(_settings)
workers = _settings.web_concurrency
# Green threads: a slow or silent connection costs a few kilobytes and blocks no other.
worker_class = "webhook_app.web.gunicorn_worker.BoundedGeventWorker"
worker_connections = _settings.web_threads
# Each connection is an open file.
_soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (_hard, _hard))
# A host gives 10 to 30 seconds after SIGTERM; a webhook takes milliseconds.
graceful_timeout = 9
# Longer than load balancers keep an idle connection, so that they close it first.
keepalive = 75
# Proxies are trusted by TRUSTED_PROXIES alone. Gunicorn would take the scheme, and parts of the URL, from any client
# of this machine.
forwarded_allow_ips = ""
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}
# The same answers everywhere: the C parser, which gunicorn prefers where it is installed, refuses with other codes.
http_parser = "python"
# In memory, so that a slow disk cannot delay a heartbeat.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - gunicorn chooses unique names there


class _Quiet(Logger):  # type: ignore[misc]
    """Skips the access log: gunicorn would format a line for each request, although no handler writes it."""

    def access(self, *_: object) -> None:
        """Do nothing."""


logger_class = _Quiet
control_socket_disable = True
logconfig_dict = logs.as_dict(_settings.log_level, _settings.log_format)


def on_starting(server: Any) -> None:
    """Take over SIGHUP and the end, and let web processes use what was read; gunicorn calls this first."""
    server.app.load = partial(create_app, _reload.configuration)
    logs.configure(_settings.log_level, _settings.log_format)
    _reload.attach(server)


def when_ready(_server: Any) -> None:
    """Receive signals, which are blocked after a reload; gunicorn calls this when it handles them."""
    reloading.ready_for_signals()


def post_worker_init(worker: Any) -> None:
    """Start the background tasks; gunicorn calls this in each web process before it serves."""
    end_with_parent()  # gunicorn would notice it a second later, and the port would be in use meanwhile
    _reload.serving(worker)
    for task in worker.wsgi.extensions["background"]:
        task.start()


def worker_exit(_server: Any, worker: Any) -> None:
    """Close the background tasks; gunicorn calls this in each web process before it ends."""
    for task in worker.wsgi.extensions["background"] if worker.booted else ():
        task.close()
    end = sys.exc_info()[1]
    if worker.booted and isinstance(end, SystemExit) and not end.code:
        end_process(0)
