"""The store: what was received, where it stands, and the only ways from one state to another."""

from webhook_app.inbox.delivery import Arrival, Delivery, Kept, Queue, Row, Settlement
from webhook_app.inbox.selection import Selection
from webhook_app.inbox.states import TRANSITIONS, State, Transition, Verb
from webhook_app.inbox.store import Inbox
from webhook_app.inbox.throttles import Lane

__all__ = [
    "TRANSITIONS",
    "Arrival",
    "Delivery",
    "Inbox",
    "Kept",
    "Lane",
    "Queue",
    "Row",
    "Selection",
    "Settlement",
    "State",
    "Transition",
    "Verb",
]
