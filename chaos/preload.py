"""Builds libraries that are loaded before the C library, to change what the receiver's processes see of the system."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from chaos.errors import SkippedError

VARIABLE = "LD_PRELOAD"  # https://man7.org/linux/man-pages/man8/ld.so.8.html


def build(name: str, folder: Path) -> Path:
    """Build chaos/<name>.c into `folder`; raises SkippedError where there is no C compiler."""
    if not (compiler := shutil.which("cc")):
        raise SkippedError("there is no C compiler")
    library = folder / f"{name}.so"
    source = Path(__file__).with_name(f"{name}.c")
    command = [compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(source), "-ldl"]
    subprocess.run(command, check=True)  # noqa: S603 - our own file
    return library
