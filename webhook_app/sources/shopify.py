"""Shopify's Admin API (GraphQL): https://shopify.dev/docs/api/admin-graphql ."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from webhook_app.errors import SourceError
from webhook_app.sources import shopify_orders
from webhook_app.sources.base import AccessReport, Connection, ListedOrder, PlatformWebhook, Source, Window
from webhook_app.sources.http import Answer, Http, failed
from webhook_app.sources.shapes import lifetime, part, rows, text
from webhook_app.time_units import now_ms, uptime

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from webhook_app.config.shops import Shop

VERSION = "2026-10"
ENDPOINT, TOKEN = f"/admin/api/{VERSION}/graphql.json", "/admin/oauth/access_token"
RENEW_BEFORE = 300.0  # seconds before a token ends
MOST_ORDERS, MOST_LINES = 25, 30  # of a page; halved where a query costs more than Shopify allows
MOST_PAGES = 40_000
TRIES = 5
LONGEST_PAUSE = 60.0  # seconds
RECENT = 60 * 86_400_000  # milliseconds; older orders need a permission of their own
# read_customers is needed to see whether a company ordered (purchasingEntity), and for the customer's id.
SCOPES = ("read_orders", "read_products", "read_customers")
CREDENTIALS = (
    "In Shopify's Dev Dashboard, open the app, add the scope to a new version and release it, and accept the new "
    "permissions in the shop."
)

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


class _TooExpensiveError(Exception):
    """The query costs more than Shopify allows for one."""


class Shopify(Connection):
    """One shop's Admin API, with a token of the app, which is fetched, renewed before it ends, and never stored."""

    def __init__(self, shop: Shop, rate: float) -> None:
        """Nothing is asked yet; raises ValueError for a shop without `api`."""
        if shop.api is None:
            raise ValueError(shop.name)
        self._api, self._attribute = shop.api, shop.profile_attribute
        self._secret = shop.api.client_secret or shop.secrets[0]
        self._host = urlsplit(shop.api.url).hostname or ""
        self._http = Http(shop.api.url, rate)
        # Without a salt no key is derived from the customer's id, which is then not asked for.
        self._fields = shopify_orders.order_fields(with_customer=shop.profile_salt is not None)
        self._token, self._ends = shop.api.token, float("inf") if shop.api.token else 0.0
        self._orders, self._lines = MOST_ORDERS, MOST_LINES
        self._date: int | None = None
        self._free_at = 0.0  # uptime at which the next query may begin
        self._longest_pause = min(LONGEST_PAUSE, LONGEST_PAUSE * 100 / rate)

    def now(self) -> int:
        """Return the time of Shopify's servers, by the Date of an answer."""
        self._date = None
        self._query(SCOPES_QUERY, {})
        return now_ms() if self._date is None else self._date

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
        data = self._query(ORDER_QUERY % self._fields, {"id": f"gid://shopify/Order/{bare}", "lines": self._lines})
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
        found = part(self._query(WEBHOOKS_QUERY, {}).get("webhookSubscriptions"))
        return [_webhook(node) for node in rows(found.get("nodes"))]

    def create_webhook(self, topic: str, url: str, secret: str) -> PlatformWebhook:  # noqa: ARG002 - the app's own
        """Create a webhook; Shopify signs it with the app's client secret."""
        given = {"topic": topic.replace("/", "_").upper(), "uri": url}
        return _webhook(self._changed("webhookSubscriptionCreate", CREATE, given))

    def repair_webhook(self, webhook: PlatformWebhook, url: str | None = None, secret: str | None = None) -> None:  # noqa: ARG002
        """Set the address of a webhook; Shopify deletes those that fail, and has no other state of them."""
        self._changed("webhookSubscriptionUpdate", UPDATE, {"id": webhook.id, "uri": url or webhook.url})

    def _given_scopes(self) -> set[str]:
        installation = part(self._query(SCOPES_QUERY, {}).get("currentAppInstallation"))
        return {str(one.get("handle")) for one in rows(installation.get("accessScopes"))}

    def _page(self, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        while True:
            sizes = {"first": self._orders, "lines": self._lines}
            try:
                data = self._query(ORDERS_QUERY % self._fields, {**variables, **sizes})
            except _TooExpensiveError:
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
            data = self._query(LINES_QUERY, {"id": order, "after": cursor, "lines": 100})
            connection, after = part(part(data.get("order")).get("lineItems")), cursor
            found = rows(connection.get("nodes"))
            if not found:
                break
            lines += found
        return shopify_orders.listed(node, lines, self._attribute)

    def _changed(self, name: str, mutation: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        found = part(self._query(mutation, variables, reads=False).get(name))
        if errors := rows(found.get("userErrors")):
            messages = "; ".join(str(one.get("message")) for one in errors)[:200]
            raise SourceError("api_odd_answer", f"{self._host} refuses the webhook: {messages}")
        return part(found.get("webhookSubscription"))

    def _query(self, query: str, variables: Mapping[str, Any], *, reads: bool = True) -> dict[str, Any]:
        """Return the data of a query, after waiting for points where too few are left."""
        for _ in range(TRIES):
            self._wait()
            answer = self._posted(query, variables, reads=reads)
            content = part(answer.data)
            self._note_cost(content.get("extensions"))
            errors = rows(content.get("errors"))
            codes = {text(part(one.get("extensions")).get("code")) for one in errors}
            if "THROTTLED" in codes:
                continue
            if "MAX_COST_EXCEEDED" in codes:
                raise _TooExpensiveError
            if errors or not isinstance(content.get("data"), dict):
                raise self._error_of(codes, errors)
            data: dict[str, Any] = content["data"]
            return data
        raise SourceError("api_throttled", f"{self._host} asks for fewer queries; the next attempt comes later.")

    def _posted(self, query: str, variables: Mapping[str, Any], *, reads: bool) -> Answer:
        send = self._http.read if reads else self._http.write
        for is_last in (False, True):
            headers = {"X-Shopify-Access-Token": self._valid_token()}
            answer = send("POST", ENDPOINT, json={"query": query, "variables": variables}, headers=headers)
            self._date = answer.date or self._date
            if answer.status == HTTPStatus.OK:
                return answer
            if answer.status != HTTPStatus.UNAUTHORIZED or is_last or self._api.token:
                break
            self._ends = 0.0  # the token was revoked: one more try with a new one
        raise failed(answer, self._host, CREDENTIALS)

    def _valid_token(self) -> str:
        if uptime() < self._ends - RENEW_BEFORE:
            return self._token
        asked = {
            "grant_type": "client_credentials",
            "client_id": self._api.client_id,
            "client_secret": self._secret,
        }
        answer = self._http.read("POST", TOKEN, json=asked)
        content = part(answer.data)
        token, seconds = content.get("access_token"), content.get("expires_in")
        if answer.status != HTTPStatus.OK or not isinstance(token, str):
            why = "client_id and client_secret must be those of an app that is installed in this shop"
            raise SourceError("api_unauthorized", f"{self._host} gives no token ({answer.status}): {why}.")
        self._token = token
        self._ends = uptime() + lifetime(seconds, RENEW_BEFORE * 2)
        return token

    def _note_cost(self, extensions: Any) -> None:
        """Learn from an answer when there will be points for a query like it."""
        given = part(part(extensions).get("cost"))
        status, wanted = part(given.get("throttleStatus")), given.get("requestedQueryCost")
        figures = (wanted, status.get("currentlyAvailable"), status.get("restoreRate"))
        try:
            cost, left, rate = (float(str(figure)) for figure in figures)
        except ValueError:
            return
        lacking = cost - left
        self._free_at = uptime() + (max(0.0, lacking / rate) if rate > 0 else 1.0)

    def _wait(self) -> None:
        time.sleep(min(max(0.0, self._free_at - uptime()), self._longest_pause))

    def _error_of(self, codes: set[str], errors: Sequence[Mapping[str, Any]]) -> SourceError:
        if "ACCESS_DENIED" in codes:
            needed = ", ".join(SCOPES)
            return SourceError(
                "api_scope_missing", f"{self._host} denies access: the app needs {needed}. {CREDENTIALS}"
            )
        named = ", ".join(sorted(filter(None, codes))) or ("errors" if errors else "no data")
        return SourceError("api_odd_answer", f"{self._host} did not answer the query: {named}.")


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
