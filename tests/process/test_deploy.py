"""The files in deploy/, checked by the programs that read them; test_proxies.py runs the proxies."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.certificates import make_certificate
from tests.support.processes import ROOT, environment

if TYPE_CHECKING:
    from pathlib import Path

MOST_EXPOSED = 2.0  # of systemd's figure from 0 to 10
UNITS = ROOT / "deploy/systemd"


def output(*command: str) -> str:
    """Run a program that must succeed; returns what it wrote."""
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd")
def test_units(tmp_path: Path) -> None:
    """Systemd finds nothing to say about the units, and little that the service could do."""
    service = tmp_path / "tweakwise-webhooks.service"
    text = (UNITS / service.name).read_text().replace("/srv/tweakwise-webhooks/.venv/bin/python", "/bin/true")
    service.write_text(text)
    socket = shutil.copy(UNITS / "tweakwise-webhooks.socket", tmp_path)
    assert output("systemd-analyze", "verify", str(service), str(socket)) == ""
    exposure = output("systemd-analyze", "security", "--offline=true", str(service)).rpartition("service: ")[2]
    assert float(exposure.split()[0]) <= MOST_EXPOSED


def listed(name: str) -> list[str]:
    """Return the lines of a list of files without comments."""
    return [line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith("#")]


def test_image_and_slug_are_complete(tmp_path: Path) -> None:
    """What is left after .dockerignore and .slugignore can start; the image has no more than is named."""
    image = [line.removeprefix("!") for line in listed(".dockerignore") if line.startswith("!")]
    for name in image:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    assert not set(image) & {line.removeprefix("/") for line in listed(".slugignore")}
    env = environment(SHOPS_FILE="shops.demo.toml")
    command = [sys.executable, "-m", "webhook_app", "web", "--check"]
    ended = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (0, "The configuration is valid.\n"), ended.stderr


def test_environment_is_literal() -> None:
    """No value needs a shell, which systemd does not start."""
    lines = (UNITS / "tweakwise-webhooks.env").read_text().splitlines()
    assert not [line for line in lines if line and not line.startswith("#") and ("$" in line or '"' in line)]


@pytest.mark.skipif(not shutil.which("nginx"), reason="no nginx")
@pytest.mark.parametrize("name", ["tweakwise-webhooks.conf", "several-installations.conf"])
def test_nginx(tmp_path: Path, name: str) -> None:
    """Nginx accepts its configuration."""
    make_certificate(tmp_path)
    (tmp_path / "shops.map").write_text("".join(f"shop-{number} {number % 2 + 1};\n" for number in range(5_000)))
    site = (ROOT / "deploy/nginx" / name).read_text()
    site = site.replace("/srv/tweakwise-webhooks/installations", str(tmp_path))
    site = site.replace("/etc/ssl/hooks.example.com.pem", f"{tmp_path}/server.crt")
    site = site.replace("/etc/ssl/hooks.example.com.key", f"{tmp_path}/server.key")
    site = site.replace("/var/log/nginx", str(tmp_path))
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(f"pid {tmp_path}/pid;\nerror_log {tmp_path}/log;\nevents {{}}\nhttp {{\n{site}\n}}\n")
    assert "successful" in output("nginx", "-t", "-c", str(configuration))
