"""The shops: TOML documents, every fault reported together with its line."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from schemas.events import Payment
from schemas.statuses import hyphenated
from webhook_app.config import dropped_fields, shop_documents
from webhook_app.config.dropped_fields import DroppedFields
from webhook_app.config.shop_documents import Document
from webhook_app.config.shop_tables import ShopTable, WrittenTable
from webhook_app.errors import ConfigurationError
from webhook_app.platforms.address import normal_form

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from webhook_app.config import product_key_template
    from webhook_app.config.shop_api import ShopApi
    from webhook_app.platforms.base import Platform

DOCTOR = "webhook-receiver-doctor"  # the name in the URL to which `doctor` posts a large body
PENDING_REMARK = 'purchase_on = "pending" is another word for "placed": write that.'


@dataclass(frozen=True, slots=True)
class Shop:
    """One merchant's configuration, without secrets in its repr.

    `app_secret` is that of an app which registers itself; `secrets` may be empty then.
    `source` is the TWN-Source label of calls, `source_by_event` those of some events. `purchase_after` is how many
    seconds a purchase waits, unless its order is cancelled or refunded meanwhile. `domain` are the addresses that
    may send for the shop, in normal form; any address may where there is none. `api` is how the platform's own list of
    orders is read, None where it is not. `timezone` is that of its days in the
    accounts. `remarks` are sentences about what is written in an outdated way.
    """

    name: str
    platform: str
    secrets: tuple[str, ...] = field(repr=False)
    app_secret: str | None = field(repr=False)
    instance_key: str
    product_key: product_key_template.Template
    constants: Mapping[str, str]
    constants_by_locale: Mapping[str, Mapping[str, str]]
    constants_by_sales_channel: Mapping[str, Mapping[str, str]]
    profile_attribute: str
    profile_salt: str | None = field(repr=False)
    purchase_on: Payment
    require_consent: bool
    extra_events: bool
    repeat_within: float
    source: str | None
    tweakwise_url: str | None
    max_rate: float | None
    domain: tuple[str, ...] = ()
    alert_url: tuple[str, ...] = field(default=(), repr=False)
    drop_fields: DroppedFields = DroppedFields(dropped_fields.DEFAULT)  # noqa: RUF009 - a value
    no_purchase_statuses: frozenset[str] = frozenset()
    renewals: bool = False
    test_orders: bool = False
    channels: frozenset[str] = frozenset()
    revenue_currency: str | None = None
    source_by_event: Mapping[str, str] = field(default_factory=dict)
    purchase_after: float = 0.0
    api: ShopApi | None = field(default=None, repr=False)
    timezone: str = "UTC"
    remarks: tuple[str, ...] = ()

    def accepts(self, address: str) -> bool:
        """Return whether an address, in any form, may send for the shop; "" is a sender that names none."""
        return not (self.domain and address) or normal_form(address) in self.domain

    def constants_for(self, locale: str, sales_channel: str = "", language_id: str = "") -> Mapping[str, str]:
        """Return the shop's own template fields, with those of `locale` or of its language on top.

        Then come those of a sales channel, and of it in one language, on platforms that have such.
        """
        if not (self.constants_by_locale or self.constants_by_sales_channel):
            return self.constants
        language = locale.partition("-")[0]
        own = self.constants_by_locale.get(locale) or self.constants_by_locale.get(language) or {}
        channels = self.constants_by_sales_channel
        narrow = channels.get(f"{sales_channel}/{language_id}", {}) if channels else {}
        return {**self.constants, **own, **channels.get(sales_channel, {}), **narrow}


def load(platforms: Mapping[str, Platform], environ: Mapping[str, str] | None = None) -> dict[str, Shop]:
    """Read the shops from SHOPS or SHOPS_FILE; `platforms` are the known ones, by name.

    `environ` is another environment than that of this process. Raises ConfigurationError with one sentence for every
    fault, each naming the line to change.
    """
    known = os.environ if environ is None else environ
    return read(shop_documents.read(known), platforms, known, shop_documents.where(known))


def parse(text: str, source: str, platforms: Mapping[str, Platform]) -> dict[str, Shop]:
    """Read the shops from one document; `source` is what messages call it. Raises ConfigurationError."""
    return read([Document(source, text)], platforms, os.environ, source)


def read(
    documents: Sequence[Document], platforms: Mapping[str, Platform], environ: Mapping[str, str], where: str
) -> dict[str, Shop]:
    """Read the shops from documents; `where` is what messages call all of them. Raises ConfigurationError."""
    reading = _Reading(documents, where)
    shops = {name: shop for name in reading.shops if (shop := reading.shop(name, platforms, environ))}
    if reading.faults:
        raise ConfigurationError(list(dict.fromkeys(reading.faults)))
    return shops


class _Reading:
    """One pass over the documents, gathering faults."""

    def __init__(self, documents: Sequence[Document], where: str) -> None:
        self.faults: list[str] = []
        self.shops: dict[str, WrittenTable] = {}
        self._defaults: WrittenTable | None = None
        for document in documents:
            self._add(document)
        if not self.shops and not self.faults:
            self.faults.append(
                f"{where}: no shop is configured; write one as [shops.<name>], see docs/configuration.md"
            )

    def _add(self, document: Document) -> None:
        try:
            tables = tomllib.loads(document.text)
        except (ValueError, RecursionError) as error:
            self.faults.append(f"{document.source}: not valid TOML: {error}")
            return
        shops = tables.get("shops", {})
        for name, table in shops.items() if isinstance(shops, dict) else ():
            if earlier := self.shops.setdefault(name, WrittenTable(document, table)).document:
                self._refuse_double(document, earlier, [name], "shops")
        if "defaults" in tables:
            self._add_defaults(WrittenTable(document, tables["defaults"]))

    def _add_defaults(self, found: WrittenTable) -> None:
        if not isinstance(found.table, dict):
            self.faults.append(f"{found.document.source}: defaults: expected a table: [defaults]")
            return
        self._defaults = self._defaults or found
        self._refuse_double(found.document, self._defaults.document, [], "defaults")

    def _refuse_double(self, document: Document, earlier: Document, path: list[str], root: str) -> None:
        if earlier is not document:
            sentence = f"is also in {earlier.place(path, root)}; keep one of them"
            self.faults.append(f"{document.place(path, root)}: {'.'.join([root, *path])}: {sentence}")

    def shop(self, name: str, platforms: Mapping[str, Platform], environ: Mapping[str, str]) -> Shop | None:
        """Return a shop, or None after noting why not."""
        written = self.shops[name]
        table = ShopTable(written, self._defaults or WrittenTable(written.document, {}), platforms, environ)
        loaded = table.load(name)
        self.faults += table.faults
        return _built(name, loaded) if loaded else None


def _status(text: str) -> str:
    """Return a status as orders have it; WordPress stores those of WooCommerce with a prefix."""
    return hyphenated(text).removeprefix("wc-")


def _built(name: str, loaded: dict[str, Any]) -> Shop:
    own = {
        "secrets": tuple(loaded["secrets"] or ()),
        # Pending orders of WooCommerce are abandoned checkouts, and those of Shopify are placed.
        "purchase_on": Payment.PAID if loaded["purchase_on"] == "paid" else Payment.PLACED,
        "no_purchase_statuses": frozenset(map(_status, loaded["no_purchase_statuses"])),
        "channels": frozenset(loaded["channels"]),
        "remarks": (PENDING_REMARK,) if loaded["purchase_on"] == "pending" else (),
    }
    return Shop(name=name, **{**loaded, **own})
