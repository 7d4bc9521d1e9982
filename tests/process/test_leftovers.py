"""A test run that is killed leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import leftovers, processes

RUN = """
import os, signal, subprocess, sys
from tests.support import leftovers
leftovers.guard()
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE)
print(os.environ[leftovers.MARK], child.pid, int(child.stdout.readline()), flush=True)
os.kill(os.getpid(), int(sys.argv[2]))
"""
# As programs do that overwrite their environment: the grandchild is found below its parent.
CHILD = """
import os, subprocess, sys, time
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], env={}).pid, flush=True)
time.sleep(600)
"""

needs_proc = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs Linux")


@needs_proc
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_killed_run_leaves_nothing_behind(number: signal.Signals) -> None:
    """Neither a process, nor what that started, nor the run's folder."""
    env = {name: value for name, value in os.environ.items() if name != leftovers.MARK}
    command = [sys.executable, "-c", RUN, CHILD, str(int(number))]
    run = subprocess.run(command, cwd=processes.ROOT, env=env, capture_output=True, text=True, check=False, timeout=60)
    folder, *pids = run.stdout.split()
    assert run.returncode == -number, run.stderr
    assert processes.gone([int(pid) for pid in pids])
    processes.wait_for(lambda: not Path(folder).exists())
