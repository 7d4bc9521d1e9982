"""cloudflared's quick tunnels, without an account: https://developers.cloudflare.com/cloudflare-one/."""

from __future__ import annotations

import re

from webhook_app.tunnels.base import Opened, Refused, Tunnel, TunnelOptions, matching

# The address stands in a box of its own; api.trycloudflare.com, which errors quote, is not one.
ADDRESS = re.compile(r"https://(?!api\.)[a-z0-9-]+\.trycloudflare\.com")
REFUSALS = (
    ("429 Too Many Requests", Refused("Cloudflare gives out no more quick tunnels to you now; try again in a while.")),
    ("failed to request quick Tunnel", Refused("Cloudflare was not reached; is there a network, or a firewall?")),
    ("failed to unmarshal quick Tunnel", Refused("Cloudflare gave out no quick tunnel; try again in a while.")),
    ("flag provided but not defined", Refused("this cloudflared is too old or too new for it.", lasting=True)),
)


def _command(wish: TunnelOptions) -> list[str]:
    return ["cloudflared", "tunnel", "--no-autoupdate", *wish.options, "--url", f"http://127.0.0.1:{wish.port}"]


def _read(line: str, _wish: TunnelOptions) -> Opened | Refused | None:
    if refused := matching(line, REFUSALS):
        return refused
    found = ADDRESS.search(line)
    return Opened(found[0]) if found else None


def _faults(wish: TunnelOptions) -> list[str]:
    if wish.url or wish.host or wish.remote:
        return ["--tunnel cloudflared gives out an address of its own: leave --tunnel-url, -host and -remote out."]
    return []


TUNNEL = Tunnel(
    name="cloudflared",
    install="Get it from https://developers.cloudflare.com/cloudflare-one/ (Downloads), or choose another --tunnel.",
    faults=_faults,
    command=_command,
    read=_read,
)
