"""A call, a shop, and a client that is closed again, for tests of webhook_app.tweakwise."""

from __future__ import annotations

from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from schemas.tweakwise import BODIES
from webhook_app.config import shops
from webhook_app.platforms import all_platforms
from webhook_app.tweakwise.call import Call
from webhook_app.tweakwise.client import DIRECT, Client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.tweakwise.retry_policy import Failure
    from webhook_app.tweakwise.transport import Route

LONGEST = 60.0  # seconds of a call; on a busy machine a thread may wait for seconds until it runs
DOCUMENT = '[shops.a]\nplatform = "shopify"\nsecrets = ["s"]\ninstance_key = "1234abcd"'
SHOP = shops.parse(DOCUMENT, "shops.toml", all_platforms())["a"]


def purchase(*keys: str, revenue: Decimal | None = None) -> dict[str, Any]:
    """The body of a purchase."""
    return BODIES["purchase"].write(product_keys=keys, profile_key="abc", revenue=revenue)


CALL = Call("purchase", "purchase:1", purchase("11", "MUG-é", revenue=Decimal("46.70")))


@contextmanager
def open_client(url: str, timeout: float = LONGEST, route: Route = DIRECT) -> Iterator[Client[int]]:
    """A client whose connections are closed afterwards."""
    client = Client[int](url, timeout, route=route)
    try:
        yield client
    finally:
        client.close()


def send(client: Client[int], shop: shops.Shop = SHOP) -> Failure | None:
    """Start one call and wait for its result."""
    client.start(1, CALL, shop)
    [result] = client.finished(2 * LONGEST)
    return result.failure
