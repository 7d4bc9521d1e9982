"""Settles the outcomes of calls, and keeps each until it is stored, however long the store is away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook_app import logs
from webhook_app.inbox.late_settlements import settle_again

if TYPE_CHECKING:
    from collections.abc import Sequence

    from webhook_app.inbox import Inbox, Settlement
    from webhook_app.instrumentation import Meter, Tracer


class Settler:
    """Writes outcomes to the inbox, in the order in which they are given, and logs each once it is stored.

    A lease may expire meanwhile: the number of the claim decides whether the outcome still counts.
    """

    def __init__(self, inbox: Inbox, meter: Meter, tracer: Tracer) -> None:
        """Nothing is to be settled yet."""
        self._inbox, self._meter, self._tracer = inbox, meter, tracer
        self._unsettled: list[Settlement] = []
        self._tried = False  # whether some of them may be stored already: a commit may succeed without an answer
        self._log = logs.logger()

    @property
    def unsettled(self) -> int:
        """How many outcomes are not stored yet."""
        return len(self._unsettled)

    def settle(self, outcomes: Sequence[Settlement] = ()) -> None:
        """Store these outcomes and all that are left of earlier ones.

        Raises StoreUnavailableError; they are left for the next time then.
        """
        self._unsettled += outcomes
        if not self._unsettled:
            return
        settlements, tried, self._tried = self._unsettled, self._tried, True
        written = settle_again(self._inbox, settlements) if tried else self._inbox.settle(settlements)
        self._unsettled, self._tried = [], False
        self._report(settlements, written)

    def _report(self, settlements: Sequence[Settlement], written: Sequence[bool]) -> None:
        now = self._inbox.clock()
        outcomes = [*zip(settlements, written, strict=True)]
        for settlement, settled in outcomes:  # first: what a kill comes before is stored and not counted
            if settled:
                self._meter.settled(settlement, now, settlement.took)
        self._tracer.settled(self._inbox, settlements, now)
        for settlement, settled in outcomes:
            self._log_settlement("delivery_settled" if settled else "lease_lost", settlement)

    def _log_settlement(self, event: str, settlement: Settlement) -> None:
        delivery = settlement.delivery
        self._log.info(
            event,
            id=delivery.id,
            shop=delivery.shop,
            topic=delivery.topic,
            state=str(settlement.state),
            reason=str(settlement.reason) or None,
            attempt=delivery.attempts + settlement.attempted,
            ms=settlement.took,
        )
