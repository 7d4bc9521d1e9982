"""`ssh -R`: a tunnel to any host with OpenSSH, or to a service that offers it. https://man.openbsd.org/ssh.1."""

from __future__ import annotations

import re

from webhook_app.tunnels.base import Tunnel, TunnelFailed, TunnelOpened, TunnelOptions, matching

HOST = re.compile(r"(?:[^\s@/-][^\s@/]*@)?(?:\w[\w.-]*|\[[0-9a-fA-F:]+\])(?::\d{1,5})?")
REMOTE = re.compile(r"(?:(?:[\w.*-]+|\[[0-9a-fA-F:]+\]):)?(\d{1,5})")
SERVICES_PORT = "80"  # with which services assign an address

FORWARDED = re.compile(r"remote forward success for: listen (?:\S*:)?(\d+),")  # with -v
ALLOCATED = re.compile(r"Allocated port (\d+) for remote forward")
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
# The address of a service is alone on its line, or follows words that announce it; links to its pages do not.
ANNOUNCED = re.compile(
    r"(?:^|tunneled with tls termination,|forwarding http traffic from|https\s*:|url is:)\s*(https://[\w.-]+(?::\d+)?)/?$",
    re.IGNORECASE,
)

FAILURES = (
    ("Permission denied (", TunnelFailed(
        "the host refused the connection. Check the user, and that your key is in its ~/.ssh/authorized_keys. No "
        "password or passphrase can be typed here: add the key to the agent (ssh-add), or use one without, with "
        "--tunnel-option IdentityFile=~/.ssh/<key>.", permanent=True)),
    ("Too many authentication failures", TunnelFailed(
        "the host refused the connection after too many keys: choose the right one with "
        "--tunnel-option IdentityFile=~/.ssh/<key> --tunnel-option IdentitiesOnly=yes.", permanent=True)),
    ("REMOTE HOST IDENTIFICATION HAS CHANGED", TunnelFailed(
        "the key of the host has changed. If that is expected, remove the old key with ssh-keygen -R <host>, and "
        "connect once manually.", permanent=True)),
    ("Host key verification failed", TunnelFailed(
        "the key of the host is unknown. Connect once manually (ssh <host>) and compare its fingerprint, or trust it "
        "on first use with --tunnel-option StrictHostKeyChecking=accept-new.", permanent=True)),
    ("remote port forwarding failed", TunnelFailed(
        "the host refuses to listen on that port: it is taken, below 1024, or forwarding is not allowed "
        "(AllowTcpForwarding, PermitListen). Choose another with --tunnel-remote.")),
    ("Could not resolve hostname", TunnelFailed("the host cannot be resolved; check --tunnel-host and the network.")),
    ("Connection refused", TunnelFailed("nothing listens at that host and port; check --tunnel-host.")),
    ("Bad configuration option", TunnelFailed("ssh does not know that --tunnel-option.", permanent=True)),
    ("onnection timed out", TunnelFailed("the host does not answer; check the firewall.")),
)  # fmt: skip

OPTIONS = (
    "ExitOnForwardFailure=yes",
    "ConnectTimeout=10",
    # A connection that is lost silently is noticed within 30 seconds.
    "ServerAliveInterval=10",
    "ServerAliveCountMax=2",
    "PasswordAuthentication=no",
    "NumberOfPasswordPrompts=1",
)


def _faults(options: TunnelOptions) -> list[str]:
    faults = []
    if not options.host:
        faults.append("--tunnel ssh needs --tunnel-host user@host[:port].")
    elif not HOST.fullmatch(options.host):
        faults.append("--tunnel-host: expected user@host or user@host:port.")
    if options.remote and not REMOTE.fullmatch(options.remote):
        faults.append("--tunnel-remote: expected a port such as 9000, or <name>:<port>.")
    return faults


def _command(options: TunnelOptions) -> list[str]:
    """Return the command line; the user's options come first, since ssh uses the first value of an option."""
    flags = [part for option in (*options.options, *OPTIONS) for part in ("-o", option)]
    # With --tunnel-url only the forwarding is requested; a service prints its address in a session.
    session = ["-N"] if options.url else []
    forward = f"{options.remote or SERVICES_PORT}:127.0.0.1:{options.port}"
    return ["ssh", "-v", "-T", *session, *flags, "-R", forward, "--", f"ssh://{options.host}"]


def _read(line: str, options: TunnelOptions) -> TunnelOpened | TunnelFailed | None:
    if not line.startswith("debug1:") and (refused := matching(line, FAILURES)):
        return refused
    if not options.url:
        announced = ANNOUNCED.search(ESCAPES.sub("", line).strip())
        return TunnelOpened(announced[1]) if announced else None
    listening = ALLOCATED.search(line) or FORWARDED.search(line)
    known = listening and (listening[1] != "0" or "{port}" not in options.url)
    return TunnelOpened(options.url.replace("{port}", listening[1])) if listening and known else None


TUNNEL = Tunnel(
    name="ssh",
    install="Install OpenSSH's client: the package openssh-client of Debian and Ubuntu.",
    faults=_faults,
    command=_command,
    read=_read,
    chatter=("debug1:", "OpenSSH_", "Authenticated to", "Allocated port", "Transferred:", "Bytes per second:"),
)
