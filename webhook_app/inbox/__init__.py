"""The store: what was received, where it stands, and the only ways from one state to another."""

from webhook_app.inbox.delivery import Delivery, NewDelivery, Queue, Row, Settlement, StoreResult
from webhook_app.inbox.selection import Selection
from webhook_app.inbox.states import TRANSITIONS, State, Transition, Verb
from webhook_app.inbox.store import Inbox

__all__ = [
    "TRANSITIONS",
    "Delivery",
    "Inbox",
    "NewDelivery",
    "Queue",
    "Row",
    "Selection",
    "Settlement",
    "State",
    "StoreResult",
    "Transition",
    "Verb",
]
