"""Debian's openssh-server as a process: with its keys, its configuration, a port of 127.0.0.1."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from tests.support import processes

SSHD = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
needed = pytest.mark.skipif(SSHD is None, reason="sshd is not installed (apt-get install openssh-server)")

CONFIGURATION = """
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/client.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
ForceCommand {shown}
"""


class Sshd:
    """A host that lets one key in; `banner` is what a session prints before it waits, as services do."""

    def __init__(self, folder: Path, banner: str = "") -> None:
        self.folder, self.port = folder, processes.free_port()
        for name in ("host", "client", "other"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
        (folder / "banner").write_text(banner)
        shown = f"cat {folder}/banner; cat > /dev/null"
        (folder / "sshd.conf").write_text(CONFIGURATION.format(port=self.port, folder=folder, shown=shown))
        self.known_hosts = folder / "known_hosts"
        self.trust(folder / "host.pub")
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # where sshd shuts its unprivileged half in
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        assert SSHD
        with (self.folder / "sshd.log").open("ab") as log:
            self.process = subprocess.Popen([SSHD, "-D", "-e", "-f", self.folder / "sshd.conf"], stderr=log)
        processes.wait_for(self._answers, within=10)

    def stop(self) -> None:
        """End it with every connection it has."""
        if self.process:
            children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
            for pid in (self.process.pid, *map(int, children)):
                os.kill(pid, 9)
            self.process.wait()
        self.process = None

    def trust(self, key: Path) -> None:
        """Know the host by this key and no other."""
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {' '.join(key.read_text().split()[:2])}\n")

    @property
    def destination(self) -> str:
        return f"{getpass.getuser()}@127.0.0.1:{self.port}"

    def options(self, key: str = "client") -> tuple[str, ...]:
        """The options with which ssh is let in, by this key alone."""
        options = {
            "IdentityFile": self.folder / key,
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "UserKnownHostsFile": self.known_hosts,
            "GlobalKnownHostsFile": "/dev/null",
        }
        return tuple(f"{name}={value}" for name, value in options.items())

    def arguments(self, port: int = 0) -> list[str]:
        """Options of our command line that lead here, to a port or to any that is free."""
        extras = [f"--tunnel-option={option}" for option in self.options()]
        return [f"--tunnel-host={self.destination}", f"--tunnel-remote=127.0.0.1:{port}", *extras]

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
