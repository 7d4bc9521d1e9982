"""The disk under the databases: how long a flush takes, and how to make it take longer."""

from __future__ import annotations

import os
import statistics
import time
from typing import TYPE_CHECKING

from bench.paths import BENCH, VAR, workspace
from bench.processes import environment, finish

if TYPE_CHECKING:
    from pathlib import Path

FLUSHES = 300
BLOCK = bytes(4096)


def fsync_milliseconds() -> dict[str, float]:
    """Write a block and flush it, again and again, where the databases lie."""
    with workspace("fsync") as folder:
        file = os.open(folder / "block", os.O_WRONLY | os.O_CREAT)
        try:
            taken = sorted(_flush(file) for _ in range(FLUSHES))
        finally:
            os.close(file)
    return {"p50": round(statistics.median(taken), 3), "p99": round(taken[int(FLUSHES * 0.99)], 3)}


def slow_disk(milliseconds: float) -> dict[str, str]:
    """Return the environment in which every flush takes at least that long; compiles what does it."""
    library = VAR / "slow_fsync.so"
    VAR.mkdir(exist_ok=True)
    finish(["gcc", "-O2", "-shared", "-fPIC", "-o", library, BENCH / "slow_fsync.c", "-ldl"], environment())
    _check(library, milliseconds)
    return {"LD_PRELOAD": str(library), "FSYNC_MS": str(milliseconds)}


def _flush(file: int) -> float:
    os.pwrite(file, BLOCK, 0)
    began = time.perf_counter()
    os.fdatasync(file)
    return (time.perf_counter() - began) * 1000


def _check(library: Path, milliseconds: float) -> None:
    """See that a preloaded process really waits; raises RuntimeError."""
    code = "import os,time;f=os.open('/dev/null',1);b=time.perf_counter();"
    tried = code + "\ntry: os.fdatasync(f)\nexcept OSError: pass\nprint((time.perf_counter()-b)*1000)"
    printed = finish(["python3", "-c", tried], environment(LD_PRELOAD=str(library), FSYNC_MS=str(milliseconds)))
    if float(printed) < milliseconds:
        raise RuntimeError(
            f"a flush takes {printed.strip()} ms and not {milliseconds}: the preloaded shim does nothing"
        )
