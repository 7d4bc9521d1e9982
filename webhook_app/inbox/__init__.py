"""The inbox: the transactional store of deliveries, their states, and the transitions between them.

`Inbox` has the verbs of the pipeline (store, claim, reserve, settle, release) and what workers share through the
database (queues, throttles, leases). Everything else is a function whose first argument is the inbox: what pages and
commands read of deliveries is in reports/, what operators and retention change in operator_actions.py and
retention.py, and each further table has a module that writes and reads it (activity, active_alerts, audit_log,
feed_check_results, statistics).
"""

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
