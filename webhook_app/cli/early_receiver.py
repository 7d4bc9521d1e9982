"""Loads what `web` needs while `run` reads the configuration: see processes/early_start.py."""

from __future__ import annotations

import os

import webhook_app.app
import webhook_app.web.gunicorn_worker  # noqa: F401 - loaded now, used later
from webhook_app.cli import commands
from webhook_app.processes import early_start
from webhook_app.web import listening


def load_and_wait() -> None:
    """Return once `run` has handed over its environment and its sockets."""
    commands.load("web")
    opened = early_start.wait()
    listening.pass_on(opened, os.environ)
    for one in opened:
        one.detach()
