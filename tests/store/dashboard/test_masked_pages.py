"""No page shows personal data before it is revealed: canaries in every fixture's topic, from body to response."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.support.deliveries import arrival, claim_one, settle
from tests.support.recordings import RECEIVED_AT, SIGNED, payload_of
from webhook_app.inbox import State
from webhook_app.platforms import all_platforms
from webhook_app.translation.translate import AgeLimits, translate
from webhook_app.tweakwise.call import Call

if TYPE_CHECKING:
    from flask import Flask

    from tests.support.dashboard import Browser
    from tests.support.recordings import Recorded

CANARY = "jan.jansen-canary"
STRANGE = {"Jan canary": {"x": 1}, "dob_canary": "1980-02-29", "national_id": 123456782}
SHOPS = {"shopify": "demo-shopify", "woocommerce": "demo-woocommerce", "standard": "demo-standard"}
LISTS = (
    "",
    "/deliveries",
    "/deliveries?live=1",
    "/accounting?set=all",
    "/accounting.csv?set=all",
    "/actions",
    "/shops/demo-shopify",
    "/shops/demo-woocommerce",
)


def planted(value: Any, path: str = "") -> Any:
    """The same with a canary in every text about a person or that one wrote, and with strange fields."""
    if isinstance(value, dict):
        return {key: planted(item, f"{path}.{key}") for key, item in value.items()} | STRANGE
    if isinstance(value, list):
        return [planted(item, path) for item in value]
    personal = any(part in path for part in ("name", "address", "phone", "mail", "note", "term", "title"))
    return f"{CANARY} {value}" if isinstance(value, str) and personal and "attribute" not in path else value


def one_of_each_topic() -> list[Recorded]:
    return list({(one.platform.name, one.verify().topic): one for one in reversed(SIGNED)}.values())


def test_no_page_shows_a_canary_before_it_is_revealed(browser: Browser, app: Flask) -> None:
    """Bodies, events, outlooks, calls and responses of every topic that has a fixture."""
    inbox, answers = app.extensions["webhooks"].inbox, dict[int, str | None]()
    shops = app.extensions["webhooks"].shops
    for fixture in one_of_each_topic():
        try:
            body = json.dumps(planted(json.loads(fixture.body))).encode()
        except ValueError:
            continue
        platform, topic = fixture.platform.name, fixture.verify().topic
        shop = SHOPS.get(platform, fixture.shop.name)  # the demo has no shop of every platform
        shops.setdefault(shop, fixture.shop)
        new = arrival(str(len(answers)), body, shop=shop, platform=platform, topic=topic)
        number = inbox.store(new).id
        claimed = claim_one(inbox)
        decision = translate(
            payload_of(claimed),
            shops[shop],
            all_platforms()[platform],
            AgeLimits(7e9, 7e9, 7e9),
            RECEIVED_AT,
        )
        detail, call = getattr(decision, "detail", ""), decision if isinstance(decision, Call) else None
        answers[number] = answer = f'{{"error": "{CANARY}"}}' if call and CANARY in call.as_json() else None
        settle(inbox, claimed, State.DEAD, reason="http_400", detail=detail, call=call, answer=answer, attempted=True)
    pages = [*LISTS, *(f"/deliveries/{number}" for number in answers)]
    shown = {path: browser.get(path).text for path in pages}
    assert len(answers) > 25
    assert any(answers.values())
    personal = ("canary", "1980-02-29", "123456782")
    assert not [(path, text) for path, text in shown.items() for one in personal if one in text]
    assert "canary" in browser.post(f"/deliveries/{min(answers)}/reveal").text
