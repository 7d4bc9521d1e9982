"""The ngrok agent: https://ngrok.com/docs/agent."""

from __future__ import annotations

import json
from typing import Any

from webhook_app.tunnels.base import Opened, Refused, Tunnel, TunnelOptions, matching

# https://ngrok.com/docs/errors
REFUSALS = (
    ("ERR_NGROK_4018", Refused("it needs an account: ngrok config add-authtoken <your token>.", lasting=True)),
    ("ERR_NGROK_105", Refused("the authtoken is not one; see ngrok config check.", lasting=True)),
    ("ERR_NGROK_107", Refused("the authtoken was revoked or reset; add the new one.", lasting=True)),
    ("ERR_NGROK_108", Refused("your account runs another agent already, and may not run two; end that one.")),
    ("ERR_NGROK_334", Refused("that address is in use by another agent of yours; end that one.")),
    ("ERR_NGROK_3200", Refused("that address is not yours; check --tunnel-url.", lasting=True)),
    ("unknown flag", Refused("this ngrok does not know it; --tunnel-url needs version 3.16 or newer.", lasting=True)),
)


def _command(wish: TunnelOptions) -> list[str]:
    address = [f"--url={wish.url}"] if wish.url else []
    logging = ["--log=stdout", "--log-format=json"]
    return ["ngrok", "http", *logging, *address, *wish.options, f"127.0.0.1:{wish.port}"]


def _read(line: str, _wish: TunnelOptions) -> Opened | Refused | None:
    if refused := matching(line, REFUSALS):
        return refused
    record = _record(line)
    url = str(record.get("url", ""))
    return Opened(url) if record.get("msg") == "started tunnel" and url.startswith("http") else None


def _record(line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def _faults(wish: TunnelOptions) -> list[str]:
    return ["--tunnel ngrok: leave --tunnel-host and --tunnel-remote out."] if wish.host or wish.remote else []


TUNNEL = Tunnel(
    name="ngrok",
    install="Get it from https://ngrok.com/download, or choose another --tunnel.",
    faults=_faults,
    command=_command,
    read=_read,
    chatter=("{",),
)
