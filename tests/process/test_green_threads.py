"""Green threads, each time in a process of their own: this one has system threads."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise

from tests.support.processes import ROOT
from webhook_app.green_threads import Debounced

BUSY = """
import json, time
from gevent import monkey
monkey.patch_all()
from webhook_app.green_threads import Debounced

began, runs = time.monotonic(), []
together = Debounced(lambda: runs.append(time.monotonic() - began), apart=0.1)
for _ in range(100):
    together()
    asked = time.monotonic() - began
    time.sleep(0.002)
time.sleep(0.5)
print(json.dumps([asked, runs]))
"""

PATCHED = """
from importlib import metadata
metadata.entry_points = None
from webhook_app import green_threads
green_threads.patch()
print(green_threads.active())
"""


PAUSED = """
from webhook_app import green_threads
green_threads.patch()
import gevent
from gevent import monkey

real, steps = [], []
monkey.get_original = lambda module, name: real.append
gevent.spawn(lambda: [steps.append(green_threads.yield_control()) for _ in range(3)])
while len(steps) < 3:
    green_threads.pause(0.0002)
green_threads.pause(0.001)
print(set(real), len(real) >= 3)
"""


def test_a_short_pause_is_as_short_as_asked() -> None:
    """A sleep of gevent takes a millisecond at least. Others run before each, and during a longer one."""
    ran = subprocess.run([sys.executable, "-c", PAUSED], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout == "{0.0002} True\n"


def test_gevent_searches_for_no_plugins() -> None:
    """It would look through every installed package at each step, while webhooks wait for the start."""
    ran = subprocess.run([sys.executable, "-c", PATCHED], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout == "True\n"


def test_many_who_ask_share_a_run() -> None:
    """The first is served at once, all others together and after they asked."""
    ran = subprocess.run([sys.executable, "-c", BUSY], cwd=ROOT, capture_output=True, check=True)
    asked, runs = json.loads(ran.stdout)
    assert runs[0] < 0.1
    assert all(later - before >= 0.09 for before, later in pairwise(runs))
    assert len(runs) < 20
    assert runs[-1] >= asked


def test_system_threads_do_not_wait_for_each_other() -> None:
    """Each who asks runs it."""
    runs: list[int] = []
    together = Debounced(lambda: runs.append(1), apart=60)
    together()
    together()
    assert runs == [1, 1]
