"""The ngrok agent: https://ngrok.com/docs/agent."""

from __future__ import annotations

import json
from typing import Any

from webhook_app.tunnels.base import Tunnel, TunnelFailed, TunnelOpened, TunnelOptions, matching

# https://ngrok.com/docs/errors
FAILURES = (
    (
        "ERR_NGROK_4018",
        TunnelFailed("ngrok needs an account: ngrok config add-authtoken <your token>.", permanent=True),
    ),
    ("ERR_NGROK_105", TunnelFailed("the authtoken is invalid; see ngrok config check.", permanent=True)),
    ("ERR_NGROK_107", TunnelFailed("the authtoken was revoked or reset; add the new one.", permanent=True)),
    ("ERR_NGROK_108", TunnelFailed("your account allows one agent at a time; stop the other one.")),
    ("ERR_NGROK_334", TunnelFailed("another agent of your account uses that address; stop it.")),
    (
        "ERR_NGROK_3200",
        TunnelFailed("that address does not belong to your account; check --tunnel-url.", permanent=True),
    ),
    (
        "unknown flag",
        TunnelFailed(
            "this version of ngrok does not know an option; --tunnel-url needs 3.16 or newer.", permanent=True
        ),
    ),
)


def _command(options: TunnelOptions) -> list[str]:
    address = [f"--url={options.url}"] if options.url else []
    logging = ["--log=stdout", "--log-format=json"]
    return ["ngrok", "http", *logging, *address, *options.options, f"127.0.0.1:{options.port}"]


def _read(line: str, _options: TunnelOptions) -> TunnelOpened | TunnelFailed | None:
    if refused := matching(line, FAILURES):
        return refused
    record = _record(line)
    url = str(record.get("url", ""))
    return TunnelOpened(url) if record.get("msg") == "started tunnel" and url.startswith("http") else None


def _record(line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def _faults(options: TunnelOptions) -> list[str]:
    return ["--tunnel ngrok: leave out --tunnel-host and --tunnel-remote."] if options.host or options.remote else []


TUNNEL = Tunnel(
    name="ngrok",
    install="Install it from https://ngrok.com/download, or choose another --tunnel.",
    faults=_faults,
    command=_command,
    read=_read,
    chatter=("{",),
)
