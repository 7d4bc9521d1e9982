"""Shopify's Admin API (GraphQL): https://shopify.dev/docs/api/admin-graphql ."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from webhook_app.errors import SourceError
from webhook_app.sources import shopify_orders
from webhook_app.sources.base import AccessReport, Connection, ListedOrder, PlatformWebhook, Source, Window
from webhook_app.sources.shapes import part, rows, text
from webhook_app.sources.shopify_graphql import CREDENTIALS, SCOPES, GraphQl, TooExpensiveError
from webhook_app.time_units import now_ms

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from webhook_app.config.shops import Shop

MOST_ORDERS, MOST_LINES = 25, 30  # of a page; halved where a query costs more than Shopify allows
MOST_PAGES = 40_000

SCOPES_QUERY = "query { currentAppInstallation { accessScopes { handle } } }"
ORDERS_QUERY = """
query($first: Int!, $after: String, $query: String!, $sort: OrderSortKeys!, $lines: Int!) {
  orders(first: $first, after: $after, query: $query, sortKey: $sort) {
    nodes { %s }
    pageInfo { hasNextPage endCursor }
  }
}
"""
ORDER_QUERY = "query($id: ID!, $lines: Int!) { order(id: $id) { %s } }"
LINES_QUERY = f"""
query($id: ID!, $after: String!, $lines: Int!) {{
  order(id: $id) {{ lineItems(first: $lines, after: $after) {{ {shopify_orders.LINE} }} }}
}}
"""
WEBHOOKS_QUERY = "query { webhookSubscriptions(first: 100) { nodes { id topic uri } } }"
CREATE = """
mutation($topic: WebhookSubscriptionTopic!, $uri: String!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: {uri: $uri, format: JSON}) {
    webhookSubscription { id topic uri } userErrors { message }
  }
}
"""
UPDATE = """
mutation($id: ID!, $uri: String!) {
  webhookSubscriptionUpdate(id: $id, webhookSubscription: {uri: $uri}) {
    webhookSubscription { id topic uri } userErrors { message }
  }
}
"""
# Every query, to be validated against the schema.
QUERIES = (
    *(SCOPES_QUERY, LINES_QUERY, WEBHOOKS_QUERY, CREATE, UPDATE),
    *(query % shopify_orders.order_fields(with_customer=True) for query in (ORDERS_QUERY, ORDER_QUERY)),
)


class Shopify(Connection):
    """One shop's orders and webhooks."""

    def __init__(self, shop: Shop, rate: float) -> None:
        """Nothing is asked yet; raises ValueError for a shop without `api`."""
        if shop.api is None:
            raise ValueError(shop.name)
        self._attribute = shop.profile_attribute
        self._api = GraphQl(shop.api, shop.secrets[0], rate)
        self._host = self._api.host
        # Without a salt no key is derived from the customer's id, which is then not asked for.
        self._fields = shopify_orders.order_fields(with_customer=shop.profile_salt is not None)
        self._orders, self._lines = MOST_ORDERS, MOST_LINES

    def now(self) -> int:
        """Return the time of Shopify's servers, by the Date of an answer."""
        self._api.date = None
        self._api.query(SCOPES_QUERY, {})
        return now_ms() if self._api.date is None else self._api.date

    def pages(self, window: Window) -> Iterator[Sequence[ListedOrder]]:
        """Yield the orders of a window, also those that are closed or cancelled."""
        field, sort = ("updated_at", "UPDATED_AT") if window.by_change else ("created_at", "CREATED_AT")
        wanted = f"{field}:>='{_iso(window.since)}'"
        if window.until is not None:
            wanted += f" {field}:<'{_iso(window.until)}'"
        after: str | None = None
        for _ in range(MOST_PAGES):
            page = self._page({"after": after, "query": wanted, "sort": sort})
            yield [self._listed(node) for node in rows(page.get("nodes"))]
            if not part(page.get("pageInfo")).get("hasNextPage"):
                return
            cursor = _next(page)
            if cursor in {"", after}:
                break
            after = cursor
        raise SourceError("api_odd_answer", f"{self._host} sends the same orders again and again.")

    def order(self, name: str) -> ListedOrder | None:
        """Return an order by its number (`#1234`), or else by its id."""
        bare = name.strip().removeprefix("#")
        quoted = bare.replace("\\", "").replace("'", "")
        page = self._page({"after": None, "query": f"name:'{quoted}'", "sort": "CREATED_AT"})
        for node in rows(page.get("nodes")):
            if str(node.get("name", "")).removeprefix("#") == bare:
                return self._listed(node)
        if not bare.isdecimal():
            return None
        data = self._api.query(ORDER_QUERY % self._fields, {"id": f"gid://shopify/Order/{bare}", "lines": self._lines})
        return self._listed(part(data["order"])) if data.get("order") else None

    def access(self) -> AccessReport:
        """Report whether the app has the permissions that are needed."""
        notes = ["Webhooks of shopify.app.toml and of Settings > Notifications are not shown by the API."]
        try:
            given = self._given_scopes()
        except SourceError as error:
            return AccessReport([f"{error.reason}: {error}"])
        missing = [one for one in SCOPES if one not in given and one.replace("read", "write") not in given]
        problems = [f"api_scope_missing: the app lacks {one}. {CREDENTIALS}" for one in missing]
        if "read_all_orders" not in given:
            notes.append("Without read_all_orders only orders of the last 60 days are listed.")
        return AccessReport(problems, notes=notes)

    def webhooks(self) -> Sequence[PlatformWebhook]:
        """Return the webhooks that this app made by API; others are not shown."""
        found = part(self._api.query(WEBHOOKS_QUERY, {}).get("webhookSubscriptions"))
        return [_webhook(node) for node in rows(found.get("nodes"))]

    def create_webhook(self, topic: str, url: str, secret: str) -> PlatformWebhook:  # noqa: ARG002 - the app's own
        """Create a webhook; Shopify signs it with the app's client secret."""
        given = {"topic": topic.replace("/", "_").upper(), "uri": url}
        return _webhook(self._changed("webhookSubscriptionCreate", CREATE, given))

    def repair_webhook(self, webhook: PlatformWebhook, url: str | None = None, secret: str | None = None) -> None:  # noqa: ARG002
        """Set the address of a webhook; Shopify deletes those that fail, and has no other state of them."""
        self._changed("webhookSubscriptionUpdate", UPDATE, {"id": webhook.id, "uri": url or webhook.url})

    def _given_scopes(self) -> set[str]:
        installation = part(self._api.query(SCOPES_QUERY, {}).get("currentAppInstallation"))
        return {str(one.get("handle")) for one in rows(installation.get("accessScopes"))}

    def _page(self, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        while True:
            sizes = {"first": self._orders, "lines": self._lines}
            try:
                data = self._api.query(ORDERS_QUERY % self._fields, {**variables, **sizes})
            except TooExpensiveError:
                if self._orders == 1:
                    raise SourceError("api_odd_answer", f"{self._host} refuses the query as too expensive.") from None
                self._orders, self._lines = max(self._orders // 2, 1), max(self._lines // 2, 5)
                continue
            return part(data.get("orders"))

    def _listed(self, node: Mapping[str, Any]) -> ListedOrder:
        """Return an order, with the lines that are beyond the first page of them."""
        connection, after = part(node.get("lineItems")), None
        lines = rows(connection.get("nodes"))
        order = f"gid://shopify/Order/{node.get('legacyResourceId')}"
        while cursor := _next(connection):
            if cursor == after or len(lines) >= MOST_PAGES:
                raise SourceError("api_odd_answer", f"{self._host} sends the lines of an order without end.")
            data = self._api.query(LINES_QUERY, {"id": order, "after": cursor, "lines": 100})
            connection, after = part(part(data.get("order")).get("lineItems")), cursor
            found = rows(connection.get("nodes"))
            if not found:
                break
            lines += found
        return shopify_orders.listed(node, lines, self._attribute)

    def _changed(self, name: str, mutation: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        found = part(self._api.query(mutation, variables, reads=False).get(name))
        if errors := rows(found.get("userErrors")):
            messages = "; ".join(str(one.get("message")) for one in errors)[:200]
            raise SourceError("api_odd_answer", f"{self._host} refuses the webhook: {messages}")
        return part(found.get("webhookSubscription"))


def _next(connection: Mapping[str, Any]) -> str:
    """Return the cursor of the next page of a list, "" on the last one."""
    info = part(connection.get("pageInfo"))
    return text(info.get("endCursor")) if info.get("hasNextPage") else ""


def _webhook(node: Mapping[str, Any]) -> PlatformWebhook:
    topic = str(node.get("topic") or "").lower().replace("_", "/", 1)
    return PlatformWebhook(str(node.get("id") or ""), topic, str(node.get("uri") or ""), "active", is_active=True)


def _iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


SOURCE = Source(
    platform="shopify",
    connect=Shopify,
    webhook_notes=(
        "Shopify's API shows only what this app made by API: look at shopify.app.toml and Settings > Notifications.",
    ),
)
