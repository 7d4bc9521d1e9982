"""Shopware's Admin API: https://developer.shopware.com/docs/guides/integrations-api/ .

Only fields that translation reads are asked for (`includes`). Each association needs a permission of its own, which a
403 names. `updatedAt` is null until the order's own row changes, and payments have rows of their own.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from webhook_app.errors import SourceError
from webhook_app.sources.base import AccessReport, Connection, ListedOrder, PlatformWebhook, Source, Window
from webhook_app.sources.dates import milliseconds
from webhook_app.sources.http import Answer, Http, failed
from webhook_app.sources.shapes import lifetime, part, rows, text
from webhook_app.time_units import now_ms, uptime

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from webhook_app.config.shops import Shop

    Filter = Mapping[str, Any]

TOKEN, ORDERS, WEBHOOKS = "/api/oauth/token", "/api/search/order", "/api/search/webhook"
SETTINGS = "/api/_info/config"
SENDS_IN_CHECKOUT = (
    "Shopware sends webhooks while the shopper waits (enable_admin_worker: true): up to 5 seconds an order where the "
    "receiver does not answer, and without a second attempt. Run a queue worker (bin/console messenger:consume async) "
    "and set shopware.admin_worker.enable_admin_worker to false in config/packages."
)
RENEW_BEFORE = 60.0  # seconds before a token ends
SIZE = 100  # orders of a page
MOST_PAGES = 10_000
PRIVILEGE = re.compile(r"[a-z_]{1,60}:[a-z]{1,20}")
CREDENTIALS = (
    "client_id and client_secret are those of an integration (Settings > System > Integrations) that may read orders, "
    "or of the app, which gets new ones with every registration."
)
STATE: dict[str, Any] = {"stateMachineState": {}}
ASSOCIATIONS: dict[str, Any] = {
    "lineItems": {},
    "currency": {},
    "orderCustomer": {"associations": {"customer": {}}},
    "transactions": {"associations": STATE},
    **STATE,
}
INCLUDES = {
    "order": [
        *("id", "orderNumber", "orderDateTime", "createdAt", "updatedAt", "createdById", "salesChannelId"),
        *("languageId", "currency", "taxStatus", "amountNet", "shippingCosts", "stateMachineState", "transactions"),
        *("orderCustomer", "customFields", "lineItems"),
    ],
    "order_line_item": ["type", "productId", "referencedId", "quantity", "payload"],
    "order_transaction": ["createdAt", "updatedAt", "stateMachineState"],
    "order_customer": ["customerId", "customer", "customFields"],
    "customer": ["guest"],
    "state_machine_state": ["technicalName"],
    "currency": ["isoCode"],
    "calculated_price": ["totalPrice", "calculatedTaxes"],
    "cart_tax_calculated": ["tax"],
    "webhook": ["id", "name", "eventName", "url", "active"],
}


class Shopware(Connection):
    """One shop's Admin API, with a token that lives for ten minutes and is never stored."""

    def __init__(self, shop: Shop, rate: float) -> None:
        """Nothing is asked yet; raises ValueError for a shop without `api`."""
        if shop.api is None:
            raise ValueError(shop.name)
        self._api, self._attribute = shop.api, shop.profile_attribute
        self._derives_keys = shop.profile_salt is not None
        self._host = urlsplit(shop.api.url).hostname or ""
        self._http = Http(shop.api.url, rate)
        self._token, self._ends = "", 0.0
        self._date: int | None = None

    def now(self) -> int:
        """Return the time of the shop's server, by the Date of an answer."""
        self._date = None
        self._search(ORDERS, {"limit": 1, "includes": {"order": ["id"]}})
        return now_ms() if self._date is None else self._date

    def pages(self, window: Window) -> Iterator[Sequence[ListedOrder]]:
        """Yield the orders of a window, each page from the time of the last order of the one before."""
        wanted = _changed(window.since) if window.by_change else _placed(window)
        since, number, seen, repeats = None, 1, frozenset[str](), 0
        for _ in range(MOST_PAGES):
            page = self._orders([wanted, *_from(since)], page=number)
            new = [row for row in page if str(row.get("id")) not in seen]
            yield [self._listed(row) for row in new]
            if len(page) < SIZE:
                return
            last, seen = page[-1].get("orderDateTime"), frozenset(str(row.get("id")) for row in page)
            repeats = 0 if new else repeats + 1
            if repeats > 1 or not isinstance(last, str):
                break
            # Imported orders may all have the same date: only there pages are counted.
            since, number = last, number + 1 if last == since else 1
        raise SourceError("api_odd_answer", f"{self._host} sends the same orders again and again.")

    def order(self, name: str) -> ListedOrder | None:
        """Return an order by its number, or by its id."""
        wanted = name.strip().removeprefix("#")
        numbers = [{"type": "equals", "field": "orderNumber", "value": wanted}]
        ids = [{"type": "equals", "field": "id", "value": wanted}] if re.fullmatch(r"[0-9a-f]{32}", wanted) else []
        found = self._orders([{"type": "multi", "operator": "or", "queries": [*numbers, *ids]}])
        return self._listed(found[0]) if found else None

    def access(self) -> AccessReport:
        """Report whether orders and webhooks can be read, and warn where a shopper waits for webhooks."""
        try:
            self._orders([], limit=1)
            self.webhooks()
        except SourceError as error:
            return AccessReport([f"{error.reason}: {error}"])
        return AccessReport(warnings=[SENDS_IN_CHECKOUT] if self._sends_in_checkout() else [])

    def _sends_in_checkout(self) -> bool:
        """Return whether the browser of the administration works off the queue; False where Shopware does not say."""
        try:
            found = self._asked("GET", SETTINGS).data
        except SourceError:
            return False
        worker = found.get("adminWorker") if isinstance(found, dict) else None
        return isinstance(worker, dict) and worker.get("enableAdminWorker") is True

    def webhooks(self) -> Sequence[PlatformWebhook]:
        """Return the webhooks of all apps; one that failed ten times in a row is inactive."""
        return [_webhook(row) for row in self._search(WEBHOOKS, {"limit": 500, "includes": INCLUDES})]

    def create_webhook(self, topic: str, url: str, secret: str) -> PlatformWebhook:  # noqa: ARG002 - see the message
        """Raise SourceError: Shopware signs only the webhooks of an app's manifest."""
        raise SourceError(
            "api_odd_answer", f"Shopware signs no webhook that is made by API: update the app for {topic}."
        )

    def repair_webhook(self, webhook: PlatformWebhook, url: str | None = None, secret: str | None = None) -> None:  # noqa: ARG002
        """Activate a webhook. An app may not: it takes an integration of an administrator."""
        answer = self._asked("PATCH", f"/api/webhook/{webhook.id}", {"active": True}, reads=False)
        if answer.status not in {200, 204}:
            raise self._failed(answer)

    def _orders(self, filters: Sequence[Filter], limit: int = SIZE, page: int = 1) -> list[dict[str, Any]]:
        sort = [{"field": field, "order": "ASC"} for field in ("orderDateTime", "id")]
        asked = {"limit": limit, "page": page, "sort": sort, "filter": [*filters], "includes": INCLUDES}
        return self._search(ORDERS, {**asked, "associations": ASSOCIATIONS})

    def _listed(self, row: Mapping[str, Any]) -> ListedOrder:
        placed = milliseconds(row.get("orderDateTime"))
        if not isinstance(row.get("id"), str) or placed is None:
            raise SourceError("api_odd_answer", f"{self._host} sent an order without id or date.")
        payments = rows(row.get("transactions"))
        texts = [row.get("updatedAt"), row.get("createdAt")]
        texts += [one.get(name) for one in payments for name in ("updatedAt", "createdAt")]
        changed_at = max(filter(None, map(text, texts)), default="")
        changed = milliseconds(changed_at)
        number, currency = text(row.get("orderNumber"))[:64], text(part(row.get("currency")).get("isoCode"))[:8]
        changed = placed if changed is None else changed
        return ListedOrder(row["id"], number, placed, changed, changed_at, currency, lambda: self._body(row))

    def _body(self, row: Mapping[str, Any]) -> bytes:
        content = {"data": {"payload": {"order": self._needed(row)}}}
        return json.dumps(content, separators=(",", ":")).encode()

    def _needed(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the order without what translation does not read, whatever the API adds."""
        order = {name: row[name] for name in INCLUDES["order"] if name in row}
        customer = part(row.get("orderCustomer"))
        order["customFields"] = self._key_of(row)
        order["orderCustomer"] = {"customFields": self._key_of(customer)}
        if self._derives_keys:
            is_guest = part(customer.get("customer")).get("guest")
            order["orderCustomer"] |= {"customerId": customer.get("customerId"), "customer": {"guest": is_guest}}
        order["lineItems"] = [_line(one) for one in rows(row.get("lineItems"))]
        return order

    def _key_of(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the custom fields that may hold the profile key; others may hold anything about a person."""
        fields, bare = row.get("customFields"), self._attribute.removeprefix("_")
        names = (self._attribute, bare, f"_{bare}")
        return {name: fields[name] for name in names if name in fields} if isinstance(fields, dict) else {}

    def _search(self, path: str, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        answer = self._asked("POST", path, asked)
        found = part(answer.data).get("data")
        if (
            answer.status != HTTPStatus.OK
            or not isinstance(found, list)
            or not all(isinstance(row, dict) for row in found)
        ):
            raise self._failed(answer)
        return found

    def _asked(self, method: str, path: str, asked: Mapping[str, Any] | None = None, *, reads: bool = True) -> Answer:
        send = self._http.read if reads else self._http.write
        for is_last in (False, True):
            headers = {"Authorization": f"Bearer {self._valid_token()}"}
            answer = send(method, path, json=asked, headers=headers)
            self._date = answer.date or self._date
            if answer.status != HTTPStatus.UNAUTHORIZED or is_last:
                break
            self._ends = 0.0  # the token was revoked: one more try with a new one
        return answer

    def _valid_token(self) -> str:
        if uptime() < self._ends - RENEW_BEFORE:
            return self._token
        given = {"client_id": self._api.client_id, "client_secret": self._api.client_secret}
        answer = self._http.read("POST", TOKEN, json={"grant_type": "client_credentials", **given})
        content = answer.data if isinstance(answer.data, dict) else {}
        token, seconds = content.get("access_token"), content.get("expires_in")
        if answer.status != HTTPStatus.OK or not isinstance(token, str):
            raise SourceError("api_unauthorized", f"{self._host} gives no token ({answer.status}). {CREDENTIALS}")
        self._token = token
        self._ends = uptime() + lifetime(seconds, RENEW_BEFORE * 2)
        return token

    def _failed(self, answer: Answer) -> SourceError:
        if answer.status == HTTPStatus.FORBIDDEN:
            lacks = ", ".join(sorted(set(PRIVILEGE.findall(json.dumps(answer.data))))) or "a permission"
            return SourceError("api_scope_missing", f"{self._host} refuses this without {lacks}. {CREDENTIALS}")
        if answer.status == HTTPStatus.OK:
            return SourceError("api_odd_answer", f"{self._host} did not send a list.")
        return failed(answer, self._host, CREDENTIALS)


def _line(line: Mapping[str, Any]) -> dict[str, Any]:
    payload = line.get("payload")
    needed = ("parentId", "productNumber")
    own = {name: payload.get(name) for name in needed} if isinstance(payload, dict) else {}
    return {**{name: line.get(name) for name in INCLUDES["order_line_item"]}, "payload": own}


def _webhook(row: Mapping[str, Any]) -> PlatformWebhook:
    is_active = row.get("active") is True
    topic, url, status = text(row.get("eventName")), text(row.get("url")), "active" if is_active else "inactive"
    return PlatformWebhook(text(row.get("id")), topic, url, status, is_active, was_disabled=not is_active)


def _placed(window: Window) -> Filter:
    limits = {"gte": _iso(window.since)} | ({} if window.until is None else {"lt": _iso(window.until)})
    return {"type": "range", "field": "orderDateTime", "parameters": limits}


def _changed(since: int) -> Filter:
    fields = ("createdAt", "updatedAt", "transactions.createdAt", "transactions.updatedAt")
    queries = [{"type": "range", "field": field, "parameters": {"gte": _iso(since)}} for field in fields]
    return {"type": "multi", "operator": "or", "queries": queries}


def _from(moment: str | None) -> list[Filter]:
    return [{"type": "range", "field": "orderDateTime", "parameters": {"gte": moment}}] if moment else []


def _iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+00:00"


SOURCE = Source(
    platform="shopware",
    connect=Shopware,
    webhook_notes=("Webhooks are those of the app's manifest: update the app to change them.",),
)
