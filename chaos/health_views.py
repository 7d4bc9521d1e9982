"""What people and monitors see of the receiver's health while something is wrong, and how much is logged about it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING

from chaos.processes import wait_for

if TYPE_CHECKING:
    from chaos.context import Context
    from chaos.system import System

PASSWORD = "a password of the chaos suite"  # noqa: S105 - of a receiver that ends with the scenario
TOKEN = "a-token-of-the-chaos-suite"  # noqa: S105 - the same
NO_TWEAKWISE = "http://127.0.0.1:9"
COMMANDS = (("status", "--check"), ("doctor", "--json"))
CSRF = re.compile(r'name="csrf" value="([^"]+)"')
OUTAGES = re.compile('"event": "(store_available|store_unavailable|unexpected_error)"')
PROBED_WITHIN = 3.0  # seconds
OK, FOUND_ERRORS, UNAVAILABLE = 200, 1, 503


class Browser:
    """Opens pages of one receiver with the cookies of one person."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def get(self, path: str, form: dict[str, str] | None = None) -> tuple[int, str]:
        """Return status and text of the answer to GET, or to a POST of `form`."""
        request = urllib.request.Request(self._url + path, urllib.parse.urlencode(form).encode() if form else None)  # noqa: S310 - ours
        request.add_header("Authorization", f"Bearer {TOKEN}")
        try:
            with self._opener.open(request, timeout=30) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def sign_in(self) -> int:
        """Return the status of the page that follows a login."""
        token = CSRF.search(self.get("/dashboard/login")[1])
        return self.get("/dashboard/login", {"csrf": token[1] if token else "", "password": PASSWORD})[0]


def check_commands(context: Context, system: System, check: str) -> None:
    """Expect that `status --check` and `doctor` fail because of an error of `check`, and name it."""
    with ThreadPoolExecutor(len(COMMANDS)) as threads:
        status, doctor = threads.map(lambda words: run(system, *words), COMMANDS)
    context.expect(status.returncode == FOUND_ERRORS, f"`status --check` ended with {status.returncode}.")
    context.expect(doctor.returncode == FOUND_ERRORS, f"`doctor` ended with {doctor.returncode}.")
    found = [json.loads(line) for line in doctor.stdout.splitlines() if line.startswith("{")]
    named = [one for one in found if (one["check"], one["severity"]) == (check, "error")]
    context.expect(named and named[0]["advice"], f"`doctor` has no error of {check}: {doctor.stdout[-300:]}")
    context.expect(named and named[0]["text"] in status.stdout, f"`status` does not name it: {status.stdout[-300:]}")
    context.expect("Traceback" not in status.stderr + doctor.stderr, "A command ended with a traceback.")


def run(system: System, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the receiver."""
    return subprocess.run(  # noqa: S603 - our own command line
        [sys.executable, "-m", "webhook_app", *words],
        cwd=system.code,
        env=system.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def check_logs(context: Context, system: System, before: dict[str, int], minutes: float) -> None:
    """Expect at most a line a minute about the outage in the log of each process, and no internal error.

    A web process logs the first refusal and the first page apart, and both kinds of process that it is over.
    """
    for name, length in before.items():
        lines = OUTAGES.findall(system.log(name).read_text()[length:])
        most = 3 + int(minutes)
        context.expect(len(lines) <= most, f"{name} logged {len(lines)} lines in {minutes:.1f} minutes.")
        context.expect("unexpected_error" not in lines, f"{name} logged an internal error.")


def probed(browser: Browser) -> tuple[int, str]:
    """Return what /readyz answers once it does not any more as before: one answer is given for up to a second."""
    wait_for(lambda: browser.get("/readyz")[0] != OK, PROBED_WITHIN)
    return browser.get("/readyz")


def check_over(context: Context, browser: Browser, path: str, within: float) -> None:
    """Expect that a page answers again, within so many seconds after what was wrong is over."""
    deadline = time.monotonic() + within
    while (answer := browser.get(path))[0] != OK and time.monotonic() < deadline:
        time.sleep(0.1)
    context.expect(answer[0] == OK, f"{path} answers {answer[0]} although what was wrong is over: {answer[1]:.300}")


def lengths(system: System) -> dict[str, int]:
    """Return how much the processes have logged so far."""
    return {name: len(system.log(name).read_text()) for name in ("web", "worker")}
