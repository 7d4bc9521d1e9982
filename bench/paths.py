"""Where the bench finds and puts its files."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
BENCH = ROOT / "bench"
RIVALS = BENCH / "rivals"
RESULTS = BENCH / "results"
PAGE = ROOT / "docs" / "benchmarks.md"
PICTURE = ROOT / "docs" / "benchmarks.svg"
VAR = BENCH / "var"  # ignored by git; on the same disk as the project, and not in memory as /tmp may be
TRIAL = VAR / "results"  # of short plays, which are not published


@contextmanager
def workspace(name: str) -> Iterator[Path]:
    """Make a folder for one run's database and logs; it is gone afterwards unless the run failed."""
    VAR.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=VAR))
    yield folder
    shutil.rmtree(folder)
