"""cloudflared's quick tunnels, without an account: https://developers.cloudflare.com/cloudflare-one/."""

from __future__ import annotations

import re

from webhook_app.tunnels.base import Tunnel, TunnelFailed, TunnelOpened, TunnelOptions, matching

# The address stands in a box of its own; api.trycloudflare.com, which errors quote, is not one.
ADDRESS = re.compile(r"https://(?!api\.)[a-z0-9-]+\.trycloudflare\.com")
FAILURES = (
    (
        "429 Too Many Requests",
        TunnelFailed("Cloudflare gives out no more quick tunnels to you now; try again in a while."),
    ),
    ("failed to request quick Tunnel", TunnelFailed("Cloudflare was not reached; is there a network, or a firewall?")),
    ("failed to unmarshal quick Tunnel", TunnelFailed("Cloudflare gave out no quick tunnel; try again in a while.")),
    ("flag provided but not defined", TunnelFailed("this cloudflared is too old or too new for it.", permanent=True)),
)


def _command(options: TunnelOptions) -> list[str]:
    return ["cloudflared", "tunnel", "--no-autoupdate", *options.options, "--url", f"http://127.0.0.1:{options.port}"]


def _read(line: str, _options: TunnelOptions) -> TunnelOpened | TunnelFailed | None:
    if refused := matching(line, FAILURES):
        return refused
    found = ADDRESS.search(line)
    return TunnelOpened(found[0]) if found else None


def _faults(options: TunnelOptions) -> list[str]:
    if options.url or options.host or options.remote:
        return ["--tunnel cloudflared gives out an address of its own: leave --tunnel-url, -host and -remote out."]
    return []


TUNNEL = Tunnel(
    name="cloudflared",
    install="Get it from https://developers.cloudflare.com/cloudflare-one/ (Downloads), or choose another --tunnel.",
    faults=_faults,
    command=_command,
    read=_read,
)
