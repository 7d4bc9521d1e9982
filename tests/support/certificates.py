"""A self-signed certificate for localhost, made by openssl."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MAKE_CERTIFICATE = (
    *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
    *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
)


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate and its key in `folder`; returns both paths."""
    certificate, key = folder / "server.crt", folder / "server.key"
    subprocess.run([*MAKE_CERTIFICATE, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key
