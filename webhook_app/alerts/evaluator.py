"""Evaluates the health checks once a minute, in one process at a time; notifies once of each beginning and end."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhook_app import logs
from webhook_app.alerts import digest, heartbeat, messages, recipients
from webhook_app.errors import StoreUnavailableError, UnknownDeliveryError
from webhook_app.inbox.operations import active_alerts
from webhook_app.inbox.operations.active_alerts import ActiveAlert
from webhook_app.inbox.reports import stored_deliveries

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from webhook_app.alerts.messages import AlertMessage
    from webhook_app.alerts.recipients import Recipient
    from webhook_app.config.settings import Settings
    from webhook_app.config.shops import Shop
    from webhook_app.health.evaluation import Health
    from webhook_app.health.finding import Finding
    from webhook_app.inbox import Inbox

EVALUATE_EVERY = 60.0  # seconds
LEASE = 55.0  # seconds in which no other process evaluates
SENDING = 180.0  # seconds that an attempt to send may take: an e-mail has several steps, each with a time-out
LONGEST_NAME = 400  # characters, as in the table


@dataclass(frozen=True, slots=True)
class Regularly:
    """What is sent besides alerts: a heartbeat each minute, and a digest about `shops`."""

    heartbeat_url: str | None = None
    digest: digest.Every | None = None
    shops: Collection[str] = ()


class AlertEvaluator:
    """Evaluates the rules and notifies. Any number of processes and machines may run one."""

    def __init__(
        self, inbox: Inbox, health: Health, known: Sequence[Recipient], regularly: Regularly | None = None
    ) -> None:
        """Nothing is evaluated before start() or evaluate()."""
        self._inbox, self._health, self._recipients = inbox, health, known
        self._regularly = regularly or Regularly()
        self._lease: int | None = None
        self._undelivered: set[str] = set()  # names of alerts
        self._stopped = threading.Event()
        self._log = logs.logger()

    def start(self) -> None:
        """Evaluate once a minute, in a thread that ends with the process."""
        threading.Thread(target=self._run, daemon=True).start()

    def close(self) -> None:
        """Stop evaluating."""
        self._stopped.set()

    def evaluate(self) -> None:
        """Evaluate once, unless another process holds the lease. Raises StoreUnavailableError."""
        self._lease = active_alerts.take_lease(self._inbox, LEASE, SENDING)
        if self._lease is None:
            return
        if self._regularly.heartbeat_url:
            heartbeat.send(self._inbox, self._regularly.heartbeat_url)
        problems = [finding for finding in self._health.evaluate() if finding.is_alert]
        found, not_muted = self._alerts(problems), self._alerts(one for one in problems if not one.is_muted)
        before = active_alerts.known(self._inbox)
        active_alerts.begin(self._inbox, [new for name, new in not_muted.items() if name not in before])
        alerts = active_alerts.known(self._inbox).values()
        self._drop(alerts, found)
        for recipient in self._recipients:
            self._notify(recipient, [one for one in alerts if (one.recipient or "") == recipient.name], found)
        if every := self._regularly.digest:
            digest.send_due(self._inbox, every, self._regularly.shops, self._recipients, self._extend_lease)
        if self._lease is not None:
            self._lease = active_alerts.extend_lease(self._inbox, self._lease, LEASE)

    def _alerts(self, found: Iterable[Finding]) -> dict[str, ActiveAlert]:
        """Return an alert for each finding and each recipient that gets it, by name."""
        alerts = [
            self._alert(finding, recipient)
            for finding in found
            for recipient in self._recipients
            if recipient.shop in ("", finding.shop)
        ]
        return {alert.name: alert for alert in alerts}

    def _alert(self, finding: Finding, recipient: Recipient) -> ActiveAlert:
        suffix = f" @{recipient.name}" if recipient.name else ""
        return ActiveAlert(
            name=finding.name[: LONGEST_NAME - len(suffix)] + suffix,
            kind=finding.check,
            shop=finding.shop,
            topic=finding.topic or self._topic(finding.sample),
            sample=finding.sample,
            text=finding.text,
            since=self._inbox.clock(),
            recipient=recipient.name,
            cause=finding.summary or None,
        )

    def _topic(self, number: int | None) -> str:
        try:
            return stored_deliveries.get(self._inbox, number).topic if number else ""
        except UnknownDeliveryError:
            return ""

    def _drop(self, alerts: Iterable[ActiveAlert], found: Collection[str]) -> None:
        """End without a message what ended before its beginning was sent, and what has no recipient any more."""
        names = {recipient.name for recipient in self._recipients}
        dropped = [
            one for one in alerts if (one.recipient or "") not in names or not (one.notified or one.name in found)
        ]
        if dropped:
            active_alerts.end(self._inbox, dropped)

    def _notify(self, recipient: Recipient, alerts: Sequence[ActiveAlert], found: Collection[str]) -> None:
        """Send what is to be sent, until a message cannot be delivered.

        That message is the last one next time, so that it does not block the others.
        """
        active = [one for one in alerts if one.notified and one.name in found]
        new = [one for one in alerts if not one.notified and one.name in found]
        over = [one for one in alerts if one.notified and one.name not in found]
        started = [(group, messages.started_message(group)) for group in messages.in_groups(new)]
        ended = [(group, messages.ended_message(group, active)) for group in messages.in_groups(over)]
        for group, message in sorted([*started, *ended], key=lambda one: self._was_undelivered(one[0])):
            names = {alert.name for alert in group}
            if not recipient.sender.send(message, self._extend_lease):
                self._undelivered |= names
                return
            self._undelivered -= names
            self._record(group, message)

    def _was_undelivered(self, group: Iterable[ActiveAlert]) -> bool:
        return any(alert.name in self._undelivered for alert in group)

    def _extend_lease(self) -> bool:
        """Return whether this process still has the lease: a message may take long, and many of them longer."""
        if self._lease is not None:
            self._lease = active_alerts.extend_lease(self._inbox, self._lease, SENDING)
        return self._lease is not None

    def _record(self, group: Sequence[ActiveAlert], message: AlertMessage) -> None:
        if message.type == messages.BEGAN:
            active_alerts.mark_notified(self._inbox, group)
        else:
            active_alerts.end(self._inbox, group)
        for alert in group:
            if message.type == messages.BEGAN:
                self._log.warning("alert_started", kind=alert.kind, shop=alert.shop or None, sample=alert.sample)
            else:
                self._log.info("alert_ended", kind=alert.kind, shop=alert.shop or None)

    def _run(self) -> None:
        while not self._stopped.wait(EVALUATE_EVERY):
            try:
                self.evaluate()
            except StoreUnavailableError as error:
                self._log.debug("store_unavailable", error=str(error))
            except Exception:  # noqa: BLE001 - an alert must never stop the process that evaluates it
                self._log.exception("unexpected_error")


def configured(config: Settings, inbox: Inbox, health: Health, shops: Mapping[str, Shop]) -> AlertEvaluator | None:
    """Return the configured evaluator, None where there is nothing to send to."""
    known = recipients.configured(config, shops)
    if not known and not config.heartbeat_url:
        return None
    return AlertEvaluator(inbox, health, known, Regularly(config.heartbeat_url, config.alert_digest, tuple(shops)))
