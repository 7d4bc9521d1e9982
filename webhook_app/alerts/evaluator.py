"""Evaluates the health checks once a minute, in one process at a time; notifies once of each beginning and end."""

from __future__ import annotations

import hashlib
import threading
import uuid
from typing import TYPE_CHECKING

from webhook_app import logs
from webhook_app.alerts.notifier import AlertMessage, Notifier
from webhook_app.errors import StoreUnavailableError, UnknownDeliveryError
from webhook_app.inbox import active_alerts
from webhook_app.inbox.active_alerts import ActiveAlert
from webhook_app.inbox.reports import stored_deliveries

if TYPE_CHECKING:
    from collections.abc import Collection

    from webhook_app.config.settings import Settings
    from webhook_app.health.evaluation import Health
    from webhook_app.health.finding import Finding
    from webhook_app.inbox import Inbox

EVALUATE_EVERY = 60.0  # seconds
LEASE = 55.0  # seconds in which no other process evaluates


class AlertEvaluator:
    """Evaluates the rules and notifies. Any number of processes and machines may run one."""

    def __init__(self, inbox: Inbox, health: Health, notifier: Notifier) -> None:
        """Nothing is evaluated before start() or evaluate()."""
        self._inbox, self._health, self._notifier = inbox, health, notifier
        self._undelivered: set[str] = set()
        self._stopped = threading.Event()
        self._log = logs.logger()

    def start(self) -> None:
        """Evaluate once a minute, in a thread that ends with the process."""
        threading.Thread(target=self._run, daemon=True).start()

    def close(self) -> None:
        """Stop evaluating."""
        self._stopped.set()

    def evaluate(self) -> None:
        """Evaluate once, unless another process holds the lease. Raises StoreUnavailableError.

        Stops at the first message that cannot be delivered. That message is the last one next time, so that it does
        not block the others.
        """
        if not active_alerts.take_lease(self._inbox, LEASE):
            return
        found = {finding.name: finding for finding in self._health.evaluate() if finding.is_alert}
        before = active_alerts.known(self._inbox)
        new = [one for name, one in found.items() if name not in before and not one.muted]
        active_alerts.begin(self._inbox, [self._alert(one) for one in new])
        alerts = active_alerts.known(self._inbox).values()
        for alert in sorted(alerts, key=lambda one: one.name in self._undelivered):
            if not self._update(alert, is_active=alert.name in found):
                self._undelivered.add(alert.name)
                break
            self._undelivered.discard(alert.name)

    def _alert(self, finding: Finding) -> ActiveAlert:
        return ActiveAlert(
            name=finding.name,
            kind=finding.check,
            shop=finding.shop,
            topic=finding.topic or self._topic(finding.sample),
            sample=finding.sample,
            text=finding.text,
            since=self._inbox.clock(),
        )

    def _topic(self, number: int | None) -> str:
        try:
            return stored_deliveries.get(self._inbox, number).topic if number else ""
        except UnknownDeliveryError:
            return ""

    def _update(self, alert: ActiveAlert, *, is_active: bool) -> bool:
        """Notify that an alert began or ended, if that is still to do; False if the message was not delivered."""
        return self._started(alert) if is_active else self._ended(alert)

    def _started(self, alert: ActiveAlert) -> bool:
        if alert.notified:
            return True
        if not self._notifier.send(started_message(alert)):
            return False
        active_alerts.mark_notified(self._inbox, alert)
        self._log.warning("alert_started", kind=alert.kind, shop=alert.shop or None, sample=alert.sample)
        return True

    def _ended(self, alert: ActiveAlert) -> bool:
        if alert.notified and not self._notifier.send(ended_message(alert)):
            return False
        active_alerts.end(self._inbox, alert)
        self._log.info("alert_ended", kind=alert.kind, shop=alert.shop or None)
        return True

    def _run(self) -> None:
        while not self._stopped.wait(EVALUATE_EVERY):
            try:
                self.evaluate()
            except StoreUnavailableError as error:
                self._log.debug("store_unavailable", error=str(error))
            except Exception:  # noqa: BLE001 - an alert must never stop the process that evaluates it
                self._log.exception("unexpected_error")


def started_message(alert: ActiveAlert) -> AlertMessage:
    """Return the message for the beginning of a problem."""
    example = f" For example delivery {alert.sample}" if alert.sample else ""
    topic = f" ({alert.topic})" if example and alert.topic else ""
    return _message(alert, "alert.began", alert.text + (f"{example}{topic}." if example else ""))


def ended_message(alert: ActiveAlert) -> AlertMessage:
    """Return the message for the end of a problem."""
    return _message(alert, "alert.over", f"Resolved: {alert.text}")


def test_message(shops: Collection[str]) -> AlertMessage:
    """Return the message of `alert --test`."""
    text = f"This is a test of the Tweakwise webhook receiver ({', '.join(sorted(shops))}). No action is needed."
    return AlertMessage(f"alert_{uuid.uuid4().hex[:24]}", "alert.test", text, {"shops": sorted(shops)})


def configured(config: Settings, inbox: Inbox, health: Health) -> AlertEvaluator | None:
    """Return the configured evaluator, None without ALERT_URL."""
    return AlertEvaluator(inbox, health, notifier(config, config.alert_url)) if config.alert_url else None


def notifier(config: Settings, url: str) -> Notifier:
    """Return the notifier for `url` in the configured format, signed if ALERT_SECRET is set."""
    return Notifier(url, config.alert_format, config.alert_secret)


def _message(alert: ActiveAlert, kind: str, text: str) -> AlertMessage:
    identity = f"alert_{hashlib.sha256(f'{alert.name} {alert.since} {kind}'.encode()).hexdigest()[:24]}"
    data = {name: getattr(alert, name) for name in ("kind", "shop", "topic", "sample", "since")}
    return AlertMessage(identity, kind, text, data)
