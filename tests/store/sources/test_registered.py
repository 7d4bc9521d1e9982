"""An app that has registered itself needs no table `api`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.recordings import SIGNED
from webhook_app.inbox import Inbox, registrations
from webhook_app.inbox.sealing import Sealer
from webhook_app.platforms.registration import Registration
from webhook_app.sources.registered import with_apis

if TYPE_CHECKING:
    from webhook_app.config.shops import Shop

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
