"""An app that has registered itself needs no table `api`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.recordings import SIGNED
from webhook_app.inbox.sealing import Sealer
from webhook_app.inbox.shop_records import reconciliations, registrations
from webhook_app.inbox.shop_records.reconciliations import ReconciliationState
from webhook_app.platforms.registration import Registration
from webhook_app.sources.registered import RegisteredShops, with_apis

if TYPE_CHECKING:
    from tests.conftest import Clock
    from webhook_app.config.shops import Shop
    from webhook_app.inbox import Inbox

KEY = "k" * 32
REGISTERED = Registration("id-1", "https://shop.example/", "secret", api_key="key-1", api_secret="geheim-1")


def shop() -> Shop:
    return replace(next(one.shop for one in SIGNED if one.platform.name == "shopware"), app_secret="a")


@pytest.mark.engines("sqlite")
def test_a_registration_brings_the_credentials(inbox: Inbox) -> None:
    """They are used where there is no table, and the key to read them."""
    registrations.change(inbox, Sealer(KEY), "fixture", lambda _: REGISTERED)
    api = with_apis({"fixture": shop()}, inbox, KEY)["fixture"].api
    assert api is not None
    assert (api.url, api.client_id, api.client_secret) == ("https://shop.example", "key-1", "geheim-1")
    assert with_apis({"fixture": shop()}, inbox, None)["fixture"].api is None
    assert with_apis({"fixture": shop()}, inbox, "x" * 32)["fixture"].api is None
    own = replace(api, url="https://own.example")
    assert with_apis({"fixture": replace(shop(), api=own)}, inbox, KEY)["fixture"].api is own


@pytest.mark.engines("sqlite")
def test_a_registration_is_read_again_when_it_changes(inbox: Inbox) -> None:
    """The app is installed, installed anew, and removed, while a worker runs; what did not change is not read again."""
    registered = RegisteredShops({"fixture": shop()}, inbox, KEY)
    assert registered.current()["fixture"].api is None
    for changed in (REGISTERED, replace(REGISTERED, api_key="key-2"), replace(REGISTERED, secret="")):
        registrations.change(inbox, Sealer(KEY), "fixture", lambda _, changed=changed: changed)  # type: ignore[misc]
        api = registered.current()["fixture"].api
        assert (api and api.client_id) == (changed.api_key if changed.secret else None)


@pytest.mark.engines("sqlite")
def test_a_registered_shop_is_shown_while_it_is_compared(inbox: Inbox, clock: Clock) -> None:
    """The health checks know no credentials: they go by when the shop was compared last."""
    shops = {"fixture": shop(), "other": replace(shop(), app_secret=None)}
    for name in ("fixture", "other", "unknown"):
        reconciliations.save(inbox, ReconciliationState(name, tried_at=clock.now, error="api_unauthorized"))
    assert set(reconciliations.current(inbox, shops)) == {"fixture"}
    clock.move(86_401)
    assert reconciliations.current(inbox, shops) == {}
