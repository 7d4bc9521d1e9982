"""WooCommerce's REST API: https://woocommerce.github.io/woocommerce-rest-api-docs/ ."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from schemas.woocommerce import RENEWAL_META
from schemas.woocommerce_bundles import META_MARKS
from webhook_app.errors import SourceError
from webhook_app.sources import paging
from webhook_app.sources.base import AccessReport, Connection, ListedOrder, PlatformWebhook, Source, Window
from webhook_app.sources.dates import milliseconds
from webhook_app.sources.shapes import named, rows
from webhook_app.sources.woocommerce_rest import Rest, count_of
from webhook_app.time_units import HOUR, now_ms

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from webhook_app.config.shops import Shop
    from webhook_app.sources.http import Answer

WIDEST_ZONE = 15 * HOUR
MOST_WEBHOOK_PAGES = 20
FIELDS = (
    *("id", "parent_id", "number", "status", "currency", "date_created_gmt", "date_modified_gmt", "date_paid_gmt"),
    *("date_completed_gmt", "created_via", "customer_id", "meta_data", "line_items", "fee_lines"),
)
LINE_FIELDS = (
    *("id", "product_id", "variation_id", "sku", "quantity", "total", "bundled_by", "composite_parent", "meta_data"),
)
NOT_ORDERS = frozenset({"checkout-draft", "auto-draft", "draft", "trash"})  # a checkout that is open, or a form
ACTIVE = "active"


class WooCommerce(Connection):
    """One shop's orders and webhooks."""

    def __init__(self, shop: Shop, rate: float) -> None:
        """Nothing is asked yet; raises ValueError for a shop without `api`."""
        if shop.api is None:
            raise ValueError(shop.name)
        self._attribute, self._api = shop.profile_attribute, Rest(shop.api, rate)
        self._size = paging.SIZE  # of a page of orders

    def now(self) -> int:
        """Return the time of the shop's server, by the Date of its last answer."""
        self._api.date = None
        self._orders({"per_page": "1", "_fields": "id"})
        return now_ms() if self._api.date is None else self._api.date

    def pages(self, window: Window) -> Iterator[Sequence[ListedOrder]]:
        """Yield the orders of a window.

        A version before 5.8 ignores `modified_after`, and would list every order: there a window of changes becomes
        one of new orders. It compares `after` and `before` with the shop's own time, so both are asked for wider.
        """
        asked = {"orderby": "id", "order": "asc", "dates_are_gmt": "true", "_fields": ",".join(FIELDS)}
        if window.by_change:
            asked["modified_after"] = _gmt(window.since)
        else:
            asked["after"] = _gmt(window.since - WIDEST_ZONE)
        if window.until is not None:
            asked["before"] = _gmt(window.until + WIDEST_ZONE)

        def fetch(offset: int, size: int) -> paging.RowPage:
            answer = self._orders({**asked, "offset": str(offset), "per_page": str(size)})
            self._size = size  # that this host can give
            return paging.RowPage(answer.data, count_of(answer, "X-WP-Total"), count_of(answer, "X-WP-TotalPages"))

        for page in paging.pages(fetch, _id, self._size):
            orders = [self._listed(row) for row in page if _status(row) not in NOT_ORDERS]
            if window.by_change and any(one.changed < window.since for one in orders):
                yield from self.pages(Window(window.since))
                return
            yield orders if window.by_change else [one for one in orders if window.includes(one.placed_at)]

    def order(self, name: str) -> ListedOrder | None:
        """Return an order by its id; by its number where a plugin makes numbers, from those that a search finds."""
        wanted = name.strip().removeprefix("#")
        asked = {"_fields": ",".join(FIELDS)}
        if wanted.isdecimal():
            answer = self._api.read(f"/orders/{int(wanted)}", asked)
            if answer.status == HTTPStatus.OK and _is_order(answer.data):
                return self._listed(answer.data)
            if answer.status != HTTPStatus.NOT_FOUND:
                raise self._api.failed(answer)
        found = self._orders({**asked, "search": wanted, "per_page": "20"}).data
        matching = (row for row in found if str(row.get("number")) == wanted)
        return next(map(self._listed, matching), None)

    def access(self) -> AccessReport:
        """Report whether orders and webhooks can be read."""
        notes = []
        if self._api.is_readable_on_the_way:
            notes.append("Orders come over plain http: anyone on the way can read them. Write https:// if you can.")
        try:
            self._orders({"per_page": "1", "_fields": "id"})
            self.webhooks()
        except SourceError as error:
            return AccessReport([f"{error.reason}: {error}"], notes)
        return AccessReport(notes=notes)

    def webhooks(self) -> Sequence[PlatformWebhook]:
        """Return all webhooks of the shop, whose API ignores `offset` here."""
        asked = {"orderby": "id", "order": "asc", "per_page": "100", "_fields": "id,topic,delivery_url,status"}
        found: dict[str, PlatformWebhook] = {}
        for number in range(1, MOST_WEBHOOK_PAGES + 1):
            answer = self._api.list("/webhooks", {**asked, "page": str(number)})
            new = {one.id: one for one in map(_webhook, answer.data) if one.id not in found}
            found |= new
            if not new or number >= (count_of(answer, "X-WP-TotalPages") or MOST_WEBHOOK_PAGES):
                break
        return list(found.values())

    def create_webhook(self, topic: str, url: str, secret: str) -> PlatformWebhook:
        """Create a webhook; WooCommerce ignores the status that a new one is given, so it is set afterwards."""
        what = {"name": f"Tweakwise: {topic}", "topic": topic, "delivery_url": url, "secret": secret, "status": ACTIVE}
        answer = self._api.write("POST", "/webhooks", what)
        made = _webhook(answer.data)
        if not made.is_active:
            self.repair_webhook(made)
        return made

    def repair_webhook(self, webhook: PlatformWebhook, url: str | None = None, secret: str | None = None) -> None:
        """Enable a webhook, and set its address and its secret where they are given."""
        given = {"delivery_url": url, "secret": secret}
        changed = {"status": ACTIVE, **{name: value for name, value in given.items() if value is not None}}
        self._api.write("PUT", f"/webhooks/{webhook.id}", changed)

    def _listed(self, row: Mapping[str, Any]) -> ListedOrder:
        number = _id(row)
        if not number:
            raise SourceError(
                "api_odd_answer", f"{self._api.host} sent an order without id: a plugin changes the list?"
            )
        changed_at = str(row.get("date_modified_gmt") or "")
        placed, changed = milliseconds(row.get("date_created_gmt")), milliseconds(changed_at)
        if placed is None:  # an importer may leave a date out
            placed = self._api.date or now_ms() if changed is None else changed
        name, currency = str(row.get("number") or number)[:64], str(row.get("currency") or "")[:8]
        changed = placed if changed is None else changed
        return ListedOrder(number, name, placed, changed, changed_at, currency, lambda: self._body(row))

    def _body(self, row: Mapping[str, Any]) -> bytes:
        order = {name: row[name] for name in FIELDS if name in row}
        if "meta_data" in order:
            order["meta_data"] = self._needed_meta(order["meta_data"])
        if "line_items" in order:
            order["line_items"] = [_line(line) for line in rows(order["line_items"])]
        if "fee_lines" in order:
            order["fee_lines"] = [{"total": fee.get("total")} for fee in rows(order["fee_lines"])]
        return json.dumps(order, separators=(",", ":")).encode()

    def _needed_meta(self, meta: Any) -> list[Any]:
        """Return the meta data that translation reads; the rest may hold anything about a person."""
        bare = self._attribute.removeprefix("_")
        needed = {self._attribute, bare, f"_{bare}", *RENEWAL_META}
        return [{"key": one["key"], "value": one.get("value")} for one in rows(meta) if named(one, "key", needed)]

    def _orders(self, asked: Mapping[str, str]) -> Answer:
        return self._api.list("/orders", asked)


def _line(line: Mapping[str, Any]) -> dict[str, Any]:
    marks = [one for one in rows(line.get("meta_data")) if named(one, "key", META_MARKS)]
    return {**{name: line[name] for name in LINE_FIELDS if name in line}, "meta_data": marks}


def _webhook(row: Mapping[str, Any]) -> PlatformWebhook:
    status = str(row.get("status") or "")
    topic, url = str(row.get("topic") or ""), str(row.get("delivery_url") or "")
    return PlatformWebhook(_id(row), topic, url, status, status == ACTIVE, was_disabled=status == "disabled")


def _is_order(data: Any) -> bool:
    return isinstance(data, dict) and "id" in data and "status" in data


def _id(row: Mapping[str, Any]) -> str:
    value = row.get("id")
    return str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""


def _status(row: Mapping[str, Any]) -> str:
    return str(row.get("status") or "").removeprefix("wc-")


def _gmt(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")


SOURCE = Source(platform="woocommerce", connect=WooCommerce)
