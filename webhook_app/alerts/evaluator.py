"""Alerts: one process at a time looks each minute, and tells once what has begun and what is over."""

from __future__ import annotations

import hashlib
import threading
import uuid
from typing import TYPE_CHECKING

from webhook_app import logs
from webhook_app.alerts import measurements, rules
from webhook_app.alerts.notifier import AlertMessage, Notifier
from webhook_app.alerts.rules import Thresholds
from webhook_app.errors import StoreUnavailableError, UnknownDeliveryError
from webhook_app.inbox import active_alerts
from webhook_app.inbox.active_alerts import ActiveAlert

if TYPE_CHECKING:
    from collections.abc import Collection

    from webhook_app.alerts.rules import AlertFinding
    from webhook_app.config.settings import Settings
    from webhook_app.inbox import Inbox

EVALUATE_EVERY = 60.0  # seconds
LEASE = 55.0  # seconds in which no other process looks


class AlertEvaluator:
    """Looks and tells. Any number of processes may have one, of any number of machines."""

    def __init__(self, inbox: Inbox, shops: Collection[str], limits: Thresholds, notifier: Notifier) -> None:
        """Only `shops`, which are configured, are looked at."""
        self._inbox, self._shops, self._limits, self._notifier = inbox, set(shops), limits, notifier
        self._refused: set[str] = set()
        self._ended = threading.Event()
        self._log = logs.logger()

    def start(self) -> None:
        """Look from now on each minute, from a thread that ends with the process."""
        threading.Thread(target=self._run, daemon=True).start()

    def close(self) -> None:
        """Look no more."""
        self._ended.set()

    def evaluate(self) -> None:
        """Look once, if it is this process's turn. Raises StoreUnavailableError.

        Stops at the first message that nobody takes; it comes last at the next look, so that it holds up no other.
        """
        if not active_alerts.take_lease(self._inbox, LEASE):
            return
        found = {one.name: one for one in findings(self._inbox, self._shops, self._limits)}
        before = active_alerts.known(self._inbox)
        active_alerts.begin(self._inbox, [self._alert(new) for name, new in found.items() if name not in before])
        for alert in sorted(active_alerts.known(self._inbox).values(), key=lambda one: one.name in self._refused):
            if not self._update(alert, found):
                self._refused.add(alert.name)
                break
            self._refused.discard(alert.name)

    def _alert(self, finding: AlertFinding) -> ActiveAlert:
        topic = finding.topic or self._topic(finding.sample)
        about = (finding.name, finding.kind.value, finding.shop, topic, finding.sample, finding.text)
        return ActiveAlert(*about, since=self._inbox.clock())

    def _topic(self, number: int | None) -> str:
        try:
            return self._inbox.get(number).topic if number else ""
        except UnknownDeliveryError:
            return ""

    def _update(self, alert: ActiveAlert, found: dict[str, AlertFinding]) -> bool:
        """Tell of a beginning or an end that nobody knows of; False where nobody takes the message."""
        if alert.name in found:
            if not alert.notified and not self._notifier.send(started_message(alert)):
                return False
            if not alert.notified:
                active_alerts.mark_notified(self._inbox, alert)
                self._log.warning("alert_started", kind=alert.kind, shop=alert.shop or None, sample=alert.sample)
            return True
        if alert.notified and not self._notifier.send(ended_message(alert)):
            return False
        active_alerts.end(self._inbox, alert)
        self._log.info("alert_ended", kind=alert.kind, shop=alert.shop or None)
        return True

    def _run(self) -> None:
        while not self._ended.wait(EVALUATE_EVERY):
            try:
                self.evaluate()
            except StoreUnavailableError as error:
                self._log.debug("store_unavailable", error=str(error))
            except Exception:  # noqa: BLE001 - nothing about alerts may hurt the process that looks
                self._log.exception("unexpected_error")


def started_message(alert: ActiveAlert) -> AlertMessage:
    """Return what is told when something has begun."""
    shown = f" For example delivery {alert.sample}" if alert.sample else ""
    named = f" ({alert.topic})" if shown and alert.topic else ""
    return _message(alert, "alert.began", alert.text + (f"{shown}{named}." if shown else ""))


def ended_message(alert: ActiveAlert) -> AlertMessage:
    """Return what is told when it is over."""
    return _message(alert, "alert.over", f"Over: {alert.text}")


def test_message(shops: Collection[str]) -> AlertMessage:
    """Return what `alert --test` tells."""
    text = f"This is a test of the Tweakwise webhook receiver ({', '.join(sorted(shops))}). Nothing is wrong."
    return AlertMessage(f"alert_{uuid.uuid4().hex[:24]}", "alert.test", text, {"shops": sorted(shops)})


def configured(config: Settings, inbox: Inbox, shops: Collection[str]) -> AlertEvaluator | None:
    """Return what the settings ask for; None where there is nobody to tell."""
    if not config.alert_url:
        return None
    return AlertEvaluator(inbox, shops, thresholds(config), notifier(config, config.alert_url))


def findings(inbox: Inbox, shops: Collection[str], limits: Thresholds) -> list[AlertFinding]:
    """Return what is worth an alert now, whether there is anybody to tell or not. Raises StoreUnavailableError."""
    return rules.findings(measurements.measure(inbox, shops, limits.silent_for), limits)


def thresholds(config: Settings) -> Thresholds:
    """Return the configured thresholds."""
    return Thresholds(config.alert_older_than, config.alert_silent_for, config.alert_refusals)


def notifier(config: Settings, url: str) -> Notifier:
    """Return what tells at the configured address."""
    return Notifier(url, config.alert_format, config.alert_secret)


def _message(alert: ActiveAlert, kind: str, text: str) -> AlertMessage:
    told = f"{alert.name} {alert.since} {kind}"
    identity = f"alert_{hashlib.sha256(told.encode()).hexdigest()[:24]}"
    data = {name: getattr(alert, name) for name in ("kind", "shop", "topic", "sample", "since")}
    return AlertMessage(identity, kind, text, data)
