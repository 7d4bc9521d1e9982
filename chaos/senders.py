"""Measures what slow senders do to genuine orders under other ways to serve the receiver; `python -m chaos.senders`."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chaos import report
from chaos.context import Context
from chaos.slow_connections import SENT, SlowConnections, raise_limit
from chaos.system import answers, free_port
from chaos.traffic import Traffic, quantile

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZE = 300
SECONDS = 4.0  # for each kind
STARTED = 10.0  # seconds

THREADED = "--worker-class gthread --threads 8"
WAYS = {
    "gthread, 8 threads": (THREADED, False),
    "gevent": ("", False),
    "nginx before gthread": (THREADED, True),
    "nginx before gevent": ("", True),
}

NGINX = """
daemon off;
user root;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
worker_rlimit_nofile 20000;
events {{ worker_connections 10000; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  client_max_body_size 6m;
  client_header_timeout 30s;
  client_body_timeout 30s;
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://127.0.0.1:{behind}; }}
  }}
}}
"""


@click.command()
@click.option("--way", "ways", multiple=True, type=click.Choice(list(WAYS)), help="Measure only this one (repeatable).")
@click.option("--keep", is_flag=True, help="Put the result into docs/faults.md, in place of the last one of that way.")
def main(*, ways: tuple[str, ...], keep: bool) -> None:
    """Measure genuine orders beside 300 slow senders of each kind."""
    raise_limit(2000)
    for way in ways or WAYS:
        measured = measure(way)
        click.echo(f"{way}: {measured}")
        if keep:
            report.keep_senders(way, measured)


def measure(way: str) -> dict[str, str]:
    """Return how genuine orders fared beside slow senders, by the senders' kind."""
    arguments, behind_nginx = WAYS[way]
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder, Context(Path(folder), 1, short=False) as context:
        system = context.system("http://127.0.0.1:9", GUNICORN_CMD_ARGS=arguments)
        system.start_web()
        with _nginx(Path(folder), system.port) if behind_nginx else contextlib.nullcontext(system.port) as port:
            return {"none": _beside(port, "silent", 0), **{kind: _beside(port, kind, SIZE) for kind in SENT}}


def _beside(port: int, kind: str, size: int) -> str:
    """Return what genuine orders got within a few seconds."""
    with SlowConnections(port, kind, size), Traffic(port, senders=4, timeout=SECONDS) as shop:
        time.sleep(SECONDS)
    took = shop.latencies()
    return f"{quantile(took, 0.99) * 1000:.0f} ms" if took else "none answered"


@contextlib.contextmanager
def _nginx(folder: Path, behind: int) -> Iterator[int]:
    """Serve the receiver at `behind` through nginx; returns the port to post to."""
    port = free_port()
    configuration = folder / "nginx.conf"
    configuration.write_text(NGINX.format(folder=folder, port=port, behind=behind))
    process = subprocess.Popen(["/usr/sbin/nginx", "-c", str(configuration), "-p", str(folder)])  # noqa: S603 - ours
    try:
        deadline = time.monotonic() + STARTED
        while not answers(f"http://127.0.0.1:{port}/readyz") and time.monotonic() < deadline:
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(STARTED)


if __name__ == "__main__":
    main()
