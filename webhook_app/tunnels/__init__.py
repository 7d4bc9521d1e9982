"""Tunnels that make a receiver on this machine reachable from outside; each module defines TUNNEL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook_app.tunnels import cloudflared, ngrok, ssh

if TYPE_CHECKING:
    from webhook_app.tunnels.base import Tunnel

TUNNELS: dict[str, Tunnel] = {one.name: one for one in (ssh.TUNNEL, cloudflared.TUNNEL, ngrok.TUNNEL)}
