"""The messages of alerts."""

from __future__ import annotations

from webhook_app.alerts import messages
from webhook_app.inbox.operations.active_alerts import ActiveAlert


def alert(shop: str, topic: str) -> ActiveAlert:
    name, text = f"webhook_disabled {shop} {topic}", f"{shop}: the webhook {topic} was not active."
    return ActiveAlert(name, "webhook_disabled", shop, topic, None, text, 0, notified=True, cause="not active")


def test_several_alerts_of_a_shop_are_no_several_shops() -> None:
    """Each webhook of a shop has its own message; the end of one names no other shop, and ends no incident."""
    group = [alert("acme", topic) for topic in ("a", "b", "c", "d")]
    assert messages.in_groups(group) == [(one,) for one in group]
    message = messages.ended_message(group[:1], group[1:])
    assert message.text == "Resolved: acme: the webhook a was not active."
    assert message.remaining == 3
    many = [*group, alert("b", "a"), alert("c", "a")]
    [folded] = messages.in_groups(many)
    assert messages.started_message(folded).text == "3 shops: not active (acme, b, c)."
