"""Reports of checkouts: how an order without a profile key finds the one that its visitor's browser reports; pure.

A report counts only if it names the token of the order's checkout, which only the visitor knows: it is stored under an
identity that is made of both, and an order looks for that one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from schemas.events import Ignored, Reason

OF_ORDER = Ignored(Reason.CHECKOUT_REPORT, "The report of a checkout, for the profile key of its order.")
REFUSED = Ignored(Reason.NO_CONSENT, "The visitor refused, as the report of the checkout shows.")


@dataclass(frozen=True, slots=True)
class Keyless(Ignored):
    """Why an order is not sent: it has no profile key. The delivery with the identity `report` may have it."""

    report: str


def identity(order_id: str, token: str) -> str:
    """Return the identity under which the report of an order's checkout is stored."""
    return hashlib.sha256(f"checkout\0{order_id}\0{token}".encode()).hexdigest()
