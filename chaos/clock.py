"""A clock that can be put wrong under running processes, and under those alone."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from chaos.errors import SkippedError

if TYPE_CHECKING:
    from collections.abc import Mapping

SOURCE = Path(__file__).with_name("clock.c")


class Clock:
    """The time of day of every process that is started with `variables`."""

    def __init__(self, folder: Path) -> None:
        """Build the library that lies about the time; raises SkippedError where there is no C compiler."""
        if not (compiler := shutil.which("cc")):
            raise SkippedError("there is no C compiler")
        self._file, library = folder / "clock", folder / "clock.so"
        self.put(0)
        subprocess.run(  # noqa: S603 - our own file
            [compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(SOURCE), "-ldl"], check=True
        )
        self.variables: Mapping[str, str] = {"LD_PRELOAD": str(library), "CHAOS_CLOCK": str(self._file)}

    def put(self, seconds: int) -> None:
        """Put the clock so many seconds away from the true time, at once and for all its processes."""
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("q", seconds))
