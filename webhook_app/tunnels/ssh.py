"""`ssh -R`: any host with OpenSSH, or a service that speaks it. https://man.openbsd.org/ssh.1."""

from __future__ import annotations

import re

from webhook_app.tunnels.base import Tunnel, TunnelFailed, TunnelOpened, TunnelOptions, matching

HOST = re.compile(r"(?:[^\s@/-][^\s@/]*@)?(?:\w[\w.-]*|\[[0-9a-fA-F:]+\])(?::\d{1,5})?")
REMOTE = re.compile(r"(?:(?:[\w.*-]+|\[[0-9a-fA-F:]+\]):)?(\d{1,5})")
SERVICES_PORT = "80"  # what services take for "give me an address"

FORWARDED = re.compile(r"remote forward success for: listen (?:\S*:)?(\d+),")  # with -v
ALLOCATED = re.compile(r"Allocated port (\d+) for remote forward")
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
# A service's address stands alone in its line, or behind words that announce it; links to its pages do not.
ANNOUNCED = re.compile(
    r"(?:^|tunneled with tls termination,|forwarding http traffic from|https\s*:|url is:)\s*(https://[\w.-]+(?::\d+)?)/?$",
    re.IGNORECASE,
)

FAILURES = (
    ("Permission denied (", TunnelFailed(
        "the host refused to let us in. Is the user right, and is your key in its ~/.ssh/authorized_keys? No password "
        "or passphrase is asked for here: put the key into the agent (ssh-add), or name one that needs none with "
        "--tunnel-option IdentityFile=~/.ssh/<key>.", permanent=True)),
    ("Too many authentication failures", TunnelFailed(
        "the host refused to let us in after too many keys: name the right one with "
        "--tunnel-option IdentityFile=~/.ssh/<key> --tunnel-option IdentitiesOnly=yes.", permanent=True)),
    ("REMOTE HOST IDENTIFICATION HAS CHANGED", TunnelFailed(
        "the host has another key than the one you know it by. If that is right, take the old one out with "
        "ssh-keygen -R <host>, and connect once by hand.", permanent=True)),
    ("Host key verification failed", TunnelFailed(
        "the host's key is not known here. Connect once by hand (ssh <host>) and compare its fingerprint, or trust it "
        "on first use with --tunnel-option StrictHostKeyChecking=accept-new.", permanent=True)),
    ("remote port forwarding failed", TunnelFailed(
        "the host does not let us listen there: the port is taken, below 1024, or forwarding is not allowed "
        "(AllowTcpForwarding, PermitListen). Choose another with --tunnel-remote.")),
    ("Could not resolve hostname", TunnelFailed("there is no host of that name, or no network; check --tunnel-host.")),
    ("Connection refused", TunnelFailed("nothing answers at that host and port; check --tunnel-host.")),
    ("Bad configuration option", TunnelFailed("ssh does not know that --tunnel-option.", permanent=True)),
    ("onnection timed out", TunnelFailed("the host does not answer; is a firewall in between?")),
)  # fmt: skip

OPTIONS = (
    "ExitOnForwardFailure=yes",
    "ConnectTimeout=10",
    # A connection that is gone without a word is noticed within 30 seconds.
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
    """What the user says comes first: ssh takes the first value of an option."""
    flags = [part for option in (*options.options, *OPTIONS) for part in ("-o", option)]
    # With an address given, the forwarding alone is asked for; a service tells its address in a session.
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
    install="OpenSSH's client brings it: the package openssh-client of Debian and Ubuntu.",
    faults=_faults,
    command=_command,
    read=_read,
    chatter=("debug1:", "OpenSSH_", "Authenticated to", "Allocated port", "Transferred:", "Bytes per second:"),
)
