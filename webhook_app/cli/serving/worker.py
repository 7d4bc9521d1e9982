"""`worker`: delivers what was received."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

import click

from webhook_app import logs, reloading
from webhook_app.cli.support import configuration, database_startup, temporary_disk, whole_code
from webhook_app.cli.support.changed_shops import record_changes
from webhook_app.config import env_file
from webhook_app.config.watch import EVERY, ConfigurationWatch, Read
from webhook_app.observability import error_reporting, metrics
from webhook_app.worker_factory import make_worker

if TYPE_CHECKING:
    from webhook_app.config.settings import Settings
    from webhook_app.config.shops import Shop
    from webhook_app.delivery.worker import Worker

STOP_WITHIN = 9.5  # seconds; hosts kill after 10
UNFINISHED = 1  # the exit code then
CHECK_ENDS_WITHIN = 0.5  # seconds for a check that is given up, so that it is not left behind


@click.command()
@click.option("--migrate", "migrates", is_flag=True, help="Migrate the database first; wait for one that is away.")
@click.option("--check", "checks_only", is_flag=True, help="Check whether it could start, and end.")
def worker(*, migrates: bool, checks_only: bool) -> None:
    """Start a worker, which delivers what was received. Any number may run at the same time.

    Changed shops are taken over by themselves, SIGHUP also takes over new code: the calls in flight are finished first.
    Where anything is invalid it goes on as before.
    """
    config, known = reloading.read_when_valid(_configuration, "worker")
    temporary_disk.refuse(config, "worker")
    if checks_only:
        whole_code.load()
        record_changes(config)
        click.echo(reloading.ACCEPTED)
        return
    error_reporting.configure(config)
    if migrates:
        database_startup.migrate_when_available(config)
    database_startup.warn_worker(config)
    metrics.share(config)
    again = ["worker", "--migrate"] if migrates else ["worker"]
    _Running(make_worker(config, known), again, ConfigurationWatch(Read(known), for_web=False)).run()


def _configuration() -> tuple[Settings, dict[str, Shop]]:
    env_file.load()
    return configuration.load()


class _Running:
    """A worker that signals stop or reload; `again` is the command that it becomes, `watch` sees changed shops."""

    def __init__(self, worker: Worker, again: list[str], watch: ConfigurationWatch) -> None:
        self._worker, self._again, self._watch = worker, again, watch
        self._stopped, self._reloads = False, False
        self._ends = threading.Event()
        self._checking: threading.Thread | None = None

    def run(self) -> None:
        """Work until a signal stops the worker; then end, or go on as a new program."""
        for number in reloading.STOPS:
            signal.signal(number, lambda *_: self._stop())
        signal.signal(signal.SIGHUP, lambda *_: self._hang_up())
        reloading.ready_for_signals()
        watching = threading.Thread(target=self._look_at_files, daemon=True)
        watching.start()
        self._worker.run()
        self._ends.set()
        for thread in (watching, self._checking):
            if thread:
                thread.join(CHECK_ENDS_WITHIN)
        if self._reloads and not self._stopped:
            reloading.replace_program(["-m", "webhook_app", *self._again], lambda: self._stopped)

    def _stop(self) -> None:
        """Stop in good order, and end the process anyway where a database that does not answer prevents that."""
        self._stopped = True
        self._worker.stop()
        end = threading.Timer(STOP_WITHIN, os._exit, [UNFINISHED])
        end.daemon = True
        end.start()

    def _hang_up(self) -> None:
        if reloading.terminal_was_closed():
            self._stop()
        elif not (self._checking and self._checking.is_alive()):
            self._checking = threading.Thread(target=lambda: self._reload(self._watch.changes()), daemon=True)
            self._checking.start()

    def _look_at_files(self) -> None:
        """Take over shops that changed."""
        while not (self._gives_up() or self._ends.wait(EVERY)):
            found = self._watch.look()
            if found.faults:
                logs.logger().error("reload_refused", process="worker", faults="\n".join(found.faults))
            elif found.changes:
                self._reload(found.changes)

    def _reload(self, changes: str) -> None:
        """Check the configuration while deliveries go on, then stop for the new program."""
        faults = reloading.faults_of("worker", changes, self._gives_up)
        if self._reloads:  # another change was accepted meanwhile, and the new program reads this one too
            return
        if faults:
            logs.logger().error("reload_refused", process="worker", faults=faults)
            return
        logs.logger().info("reload_accepted", process="worker", changes=changes or None)
        self._reloads = True
        self._worker.stop()

    def _gives_up(self) -> bool:
        return self._stopped or self._reloads
