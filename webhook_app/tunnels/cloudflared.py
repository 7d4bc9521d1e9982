"""cloudflared's quick tunnels, without an account: https://developers.cloudflare.com/cloudflare-one/."""

from __future__ import annotations

import re

from webhook_app.tunnels.base import Tunnel, TunnelFailed, TunnelOpened, TunnelOptions, matching

# The address is printed inside a box; api.trycloudflare.com, which errors quote, is not a tunnel.
ADDRESS = re.compile(r"https://(?!api\.)[a-z0-9-]+\.trycloudflare\.com")
FAILURES = (
    (
        "429 Too Many Requests",
        TunnelFailed("Cloudflare limits the number of quick tunnels; try again in a while."),
    ),
    (
        "failed to request quick Tunnel",
        TunnelFailed("Cloudflare cannot be reached; check the network and the firewall."),
    ),
    ("failed to unmarshal quick Tunnel", TunnelFailed("Cloudflare opened no quick tunnel; try again in a while.")),
    (
        "flag provided but not defined",
        TunnelFailed("this version of cloudflared does not know an option.", permanent=True),
    ),
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
        return ["--tunnel cloudflared assigns the address itself: leave out the other --tunnel options."]
    return []


TUNNEL = Tunnel(
    name="cloudflared",
    install="Install it from https://developers.cloudflare.com/cloudflare-one/ (Downloads), or use another --tunnel.",
    faults=_faults,
    command=_command,
    read=_read,
)
