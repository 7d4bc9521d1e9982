"""A clock that can be put wrong under running processes, and under those alone."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from chaos import preload

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Clock:
    """The time of day of every process that is started with `variables`."""

    def __init__(self, folder: Path) -> None:
        """Build the library that lies about the time; raises SkippedError where there is no C compiler."""
        library = preload.build("clock", folder)
        self._file = folder / "clock"
        self.put(0)
        self.variables: Mapping[str, str] = {preload.VARIABLE: str(library), "CHAOS_CLOCK": str(self._file)}

    def put(self, seconds: int) -> None:
        """Put the clock so many seconds away from the true time, at once and for all its processes."""
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("q", seconds))
