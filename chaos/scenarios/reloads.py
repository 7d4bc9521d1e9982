"""SIGHUP and restarts of `run` behind a socket that systemd holds, while orders pour in."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import requests

from chaos import orders
from chaos.processes import wait_for
from chaos.system import ROOT, answers, kill_group
from chaos.traffic import Traffic

if TYPE_CHECKING:
    from pathlib import Path

    from chaos.context import Context
    from chaos.system import System

# What systemd does for a service with a socket: https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html
ACTIVATE = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); "
    "os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid())); "
    "os.execv(sys.executable, [sys.executable, '-m', 'webhook_app', 'run'])"
)
WITHIN = 60.0  # seconds for what a busy machine does slowly
SLOWEST, SHORT_SLOWEST = 1.0, 10.0  # seconds that a webhook may wait during a reload; tests run on busy machines
ORDERS = 700  # in the long form
UNSIGNED, UNKNOWN = 401, 404  # the answers to a request without a signature


def run(context: Context) -> None:
    """SIGHUP takes over shops and refuses nothing, invalid shops change nothing, and a restart loses nothing."""
    tweakwise = context.tweakwise()
    shops = context.folder / "shops.toml"
    shops.write_text(orders.SHOPS)
    system = context.system(tweakwise.url, SHOPS="", SHOPS_FILE=str(shops), WEB_CONCURRENCY="2")
    with socket.create_server(("127.0.0.1", system.port), backlog=1024) as listener, ExitStack() as stack:
        service = _started(system, listener, stack)
        shop = stack.enter_context(Traffic(system.port, senders=2, pause=0.02, timeout=WITHIN))
        _reload(context, system, shops, service)
        if not context.short:
            wait_for(lambda: len(shop.acknowledged) >= ORDERS, 2 * WITHIN)
        slowest = shop.latencies()[-1]
        context.figures["slowest during reloads (s)"] = round(slowest, 2)
        limit = SHORT_SLOWEST if context.short else SLOWEST
        context.expect(slowest < limit, f"A webhook waited {slowest:.2f} s during a reload.")
        service.terminate()
        context.expect(service.wait(WITHIN) == 0, "The receiver did not stop well.")
        service = _started(system, listener, stack)
        context.expect(_logged(system, "worker_started", 3), "The receiver did not start again.")
        shop.stop()
        context.figures["slowest during a restart (s)"] = round(shop.latencies()[-1], 2)
        context.expect(not shop.refusals, f"Webhooks were refused: {dict(shop.refusals)}")
        context.sum_up(system, shop, tweakwise)


def _reload(context: Context, system: System, shops: Path, service: subprocess.Popen[bytes]) -> None:
    """Add a shop, then write what is none."""
    other = f"{system.url}/webhooks/shopify/{orders.OTHER_SHOP}"
    context.expect(requests.post(other, timeout=WITHIN).status_code == UNKNOWN, "There is a shop too many.")
    shops.write_text(orders.TWO_SHOPS)
    service.send_signal(signal.SIGHUP)
    context.expect(_logged(system, "Worker exiting", 2), "The web processes were not replaced.")
    context.expect(_logged(system, "worker_started", 2), "The worker was not replaced.")
    context.expect(requests.post(other, timeout=WITHIN).status_code == UNSIGNED, "The new shop is not served.")
    shops.write_text("[shops.chaos")
    service.send_signal(signal.SIGHUP)
    context.expect(_logged(system, "reload_refused", 1), "Invalid shops were not reported.")
    context.expect(requests.post(other, timeout=WITHIN).status_code == UNSIGNED, "Invalid shops changed something.")
    shops.write_text(orders.TWO_SHOPS)


def _logged(system: System, event: str, times: int) -> bool:
    return wait_for(lambda: system.logged().count(event) >= times, WITHIN)


def _started(system: System, listener: socket.socket, stack: ExitStack) -> subprocess.Popen[bytes]:
    """Start the receiver as systemd starts a service with a socket, and return once it serves."""
    with system.log("run").open("ab") as sink:
        process = subprocess.Popen(  # noqa: S603 - our own command line
            [sys.executable, "-c", ACTIVATE, str(listener.fileno())],
            cwd=ROOT,
            env=system.environment,
            stdout=sink,
            stderr=sink,
            pass_fds=[listener.fileno()],
            start_new_session=True,
        )
    stack.callback(kill_group, process)
    stack.callback(process.wait, WITHIN)
    stack.callback(process.terminate)
    wait_for(lambda: answers(f"{system.url}/readyz"), WITHIN)
    return process
