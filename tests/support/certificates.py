"""A self-signed certificate, made by openssl."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MAKE_CERTIFICATE = (*("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),)


def make_certificate(folder: Path, *names: str) -> tuple[Path, Path]:
    """Make a certificate for localhost and other names, and its key, in `folder`; returns both paths."""
    certificate, key = folder / "server.crt", folder / "server.key"
    alternatives = ",".join(f"DNS:{name}" for name in ("localhost", *names))
    named = ("-subj", "/CN=localhost", "-addext", f"subjectAltName={alternatives}")
    subprocess.run([*MAKE_CERTIFICATE, *named, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key
