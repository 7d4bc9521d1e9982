"""The shops: one TOML document, every fault reported together with its line."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, ValidationError, fields, validate

from schemas.event_types import EVENT_TYPES
from schemas.events import Channel, Payment
from schemas.statuses import hyphenated
from webhook_app.config import dropped_fields, product_key_template, shop_api
from webhook_app.config.dropped_fields import DroppedFields
from webhook_app.config.shop_api import ShopApi
from webhook_app.config.shop_fields import LABEL, Addresses, AlertAddresses, Constants, Duration, FieldPaths
from webhook_app.config.toml_lines import line_of
from webhook_app.config.validators import validate_http_url, validate_rate
from webhook_app.errors import ConfigurationError, TemplateError
from webhook_app.platforms.address import normal_form

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from webhook_app.platforms.base import Platform

DEFAULT_FILE = "shops.toml"
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
PENDING_REMARK = 'purchase_on = "pending" is another word for "placed": write that.'
SALES_CHANNEL = r"[0-9a-f]{32}(/[0-9a-f]{32})?\Z"
SALES_CHANNEL_HELP = 'expected "<id of a sales channel>" or "<id of a sales channel>/<id of a language>"'
REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class Shop:
    """One merchant's configuration, without secrets in its repr.

    `app_secret` is that of an app which registers itself; `secrets` may be empty then.
    `source` is the TWN-Source label of calls, `source_by_event` those of some events. `purchase_after` is how many
    seconds a purchase waits, unless its order is cancelled or refunded meanwhile. `domain` are the addresses that
    may send for the shop, in normal form; any address may where there is none. `api` is how the platform's own list of
    orders is read, None where it is not. `remarks` are sentences about what is
    written in an outdated way.
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
    remarks: tuple[str, ...] = ()

    def accepts(self, address: str) -> bool:
        """Return whether an address, in any form, may send for the shop; "" is a sender that names none."""
        return not (self.domain and address) or normal_form(address) in self.domain

    def constants_for(self, locale: str, sales_channel: str = "", language_id: str = "") -> dict[str, str]:
        """Return the shop's own template fields, with those of `locale` or of its language on top.

        Then come those of a sales channel, and of it in one language, on platforms that have such.
        """
        language = locale.partition("-")[0]
        own = self.constants_by_locale.get(locale) or self.constants_by_locale.get(language) or {}
        channels = self.constants_by_sales_channel
        narrow = channels.get(f"{sales_channel}/{language_id}", {}) if channels else {}
        return {**self.constants, **own, **channels.get(sales_channel, {}), **narrow}


def load(platforms: Mapping[str, Platform]) -> dict[str, Shop]:
    """Read the shops from SHOPS or SHOPS_FILE; `platforms` are the known ones, by name.

    Raises ConfigurationError with one sentence for every fault, each naming the line to change.
    """
    text, source = document()
    return parse(text, source, platforms)


def parse(text: str, source: str, platforms: Mapping[str, Platform]) -> dict[str, Shop]:
    """Read the shops from a TOML document; `source` is what messages call it. Raises ConfigurationError."""
    try:
        tables = tomllib.loads(text).get("shops")
    except (ValueError, RecursionError) as error:
        raise ConfigurationError([f"{source}: not valid TOML: {error}"]) from None
    if not isinstance(tables, dict) or not tables:
        fault = f"{source}: no shop is configured; write one as [shops.<name>], see docs/configuration.md"
        raise ConfigurationError([fault])
    reading = _Reading(text, source, platforms)
    shops = {name: shop for name, table in tables.items() if (shop := reading.shop(name, table))}
    if reading.faults:
        raise ConfigurationError(reading.faults)
    return shops


def document() -> tuple[str, str]:
    """Return the TOML document, and what messages call it. Raises ConfigurationError."""
    inline, path = os.environ.get("SHOPS"), os.environ.get("SHOPS_FILE")
    if inline and path:
        raise ConfigurationError(["SHOPS, SHOPS_FILE: both are set; keep one of them"])
    if inline:
        return inline, "SHOPS"
    return _file(path or DEFAULT_FILE), path or DEFAULT_FILE


def _file(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        fault = f"SHOPS_FILE: there is no {path}; write it (see docs/configuration.md) or set SHOPS"
        raise ConfigurationError([fault]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError([f"SHOPS_FILE: {path} cannot be read: {type(error).__name__}"]) from None


_FILLED = validate.Length(min=1, error="is empty")
_WRITTEN = validate.Regexp(r"\s*\S", error="is empty")


class _ShopSchema(Schema):
    platform = fields.String(required=True)
    secrets = fields.List(
        fields.String(validate=_WRITTEN),
        load_default=None,
        validate=_FILLED,
        error_messages={"invalid": 'expected a list such as ["${{ACME_SECRET}}"]'},
    )
    app_secret = fields.String(load_default=None, validate=_WRITTEN)
    instance_key = fields.String(
        required=True, validate=validate.Regexp(r"[A-Za-z0-9]{8}\Z", error="expected 8 letters and digits")
    )
    product_key = fields.String(load_default="{product_id}")
    # The keys are called fields and fields_by_locale in the document; Schema has a `fields` of its own.
    constants = Constants(data_key="fields", load_default=dict)
    constants_by_locale = fields.Dict(
        data_key="fields_by_locale", keys=fields.String(), values=Constants(), load_default=dict
    )
    constants_by_sales_channel = fields.Dict(
        data_key="fields_by_sales_channel",
        keys=fields.String(validate=validate.Regexp(SALES_CHANNEL, error=SALES_CHANNEL_HELP)),
        values=Constants(),
        load_default=dict,
    )
    profile_attribute = fields.String(load_default="tweakwise_profile_key", validate=_WRITTEN)
    profile_salt = fields.String(load_default=None, validate=_WRITTEN)
    purchase_on = fields.String(
        load_default="placed", validate=validate.OneOf([*(stage.name.lower() for stage in Payment), "pending"])
    )
    no_purchase_statuses = fields.List(fields.String(validate=_WRITTEN), load_default=list)
    renewals = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    test_orders = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    channels = fields.List(fields.String(validate=validate.OneOf(list(Channel))), load_default=list)
    revenue_currency = fields.String(
        load_default=None, validate=validate.Regexp(r"[A-Z]{3}\Z", error="expected a currency code such as EUR")
    )
    purchase_after = Duration(load_default=0.0)
    require_consent = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    extra_events = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    repeat_within = fields.Float(load_default=5.0, validate=validate.Range(0, 3600))
    source = fields.String(load_default=None, validate=LABEL)
    source_by_event = fields.Dict(
        keys=fields.String(validate=validate.OneOf(list(EVENT_TYPES), error="is no event: {choices}")),
        values=fields.String(validate=LABEL),
        load_default=dict,
    )
    tweakwise_url = fields.String(load_default=None, validate=validate_http_url)
    max_rate = fields.Float(load_default=None, validate=validate_rate)
    domain = Addresses(load_default=())
    api = fields.Nested(shop_api.ApiSchema, load_default=None)
    alert_url = AlertAddresses(load_default=())
    drop_fields = FieldPaths(load_default=DroppedFields(dropped_fields.DEFAULT))


_SCHEMA = _ShopSchema()
KEYS = tuple(field.data_key or name for name, field in _SCHEMA.fields.items())  # of a shop's table


PAIRS = (["fields_by_locale"], ["fields_by_sales_channel"], ["source_by_event"])


class _Reading:
    """One pass over a document, gathering faults."""

    def __init__(self, text: str, source: str, platforms: Mapping[str, Platform]) -> None:
        self.text, self.source, self.platforms = text, source, platforms
        self.faults: list[str] = []
        self._unresolved: list[list[str]] = []

    def shop(self, name: str, table: Any) -> Shop | None:
        """Return the shop, or None after noting why not."""
        before = len(self.faults)
        if not NAME.fullmatch(name):
            self._fault([name], "a shop's name is part of its URL: use a-z, 0-9, - and _")
        if not isinstance(table, dict):
            self._fault([name], "expected a table: [shops.<name>]")
            return None
        loaded = self._loaded(name, self._resolved([name], table))
        return _built(name, loaded) if len(self.faults) == before else None

    def _loaded(self, name: str, table: dict[str, Any]) -> dict[str, Any]:
        try:
            loaded: dict[str, Any] = _SCHEMA.load(table)
        except ValidationError as error:
            self._note([name], error.messages)
            loaded = dict(error.valid_data or {})
        platform, template = loaded.get("platform"), loaded.get("product_key")
        if "secrets" not in table and not loaded.get("app_secret"):
            self._fault([name, "secrets"], self._which_secret(self.platforms.get(str(platform))))
        if platform is not None and platform not in self.platforms:
            known = ", ".join(sorted(self.platforms))
            self._fault([name, "platform"], f"there is no such platform; known are {known}")
        elif platform is not None:
            self._check_secrets(name, self.platforms[platform], loaded)
            self._check_domain(name, self.platforms[platform], loaded.get("domain", ()))
            self._check_dropped(name, self.platforms[platform], loaded.get("drop_fields"))
            self._check_api(name, self.platforms[platform], loaded.get("api"))
            self._check_constants(name, self.platforms[platform], loaded)
        if template is not None:
            self._parse_template(name, template, loaded)
        return loaded

    def _check_constants(self, name: str, platform: Platform, loaded: dict[str, Any]) -> None:
        """Refuse constants that a platform sets itself, and those by what it does not have."""
        if loaded.get("constants_by_sales_channel") and "sales_channel_id" not in platform.template_fields:
            sentence = f"{platform.title} names no sales channel: remove this table"
            self._fault([name, "fields_by_sales_channel"], sentence)
        for path, constants in _constants(loaded):
            for taken in sorted(platform.template_fields.intersection(constants)):
                self._fault([name, *path, taken], "is set by the platform and cannot be overridden")

    @staticmethod
    def _which_secret(platform: Platform | None) -> str:
        if platform and platform.handshake:
            return f"write app_secret, with which the app of {platform.title} registers itself, or a list of secrets"
        return str(fields.Field.default_error_messages["required"])

    def _check_secrets(self, name: str, platform: Platform, loaded: dict[str, Any]) -> None:
        if loaded.get("app_secret") and not platform.handshake:
            self._fault([name, "app_secret"], f"no app of {platform.title} registers itself: remove this line")
        path = [name, "secrets"]
        for number, secret in enumerate(loaded.get("secrets") or (), start=1):
            if path not in self._unresolved and (fault := platform.signature.problem_with(secret)):
                self._fault(path, f"number {number} {fault}")

    def _check_domain(self, name: str, platform: Platform, domain: tuple[str, ...]) -> None:
        if domain and not platform.names_domain:
            self._fault([name, "domain"], f"{platform.title} names no address: remove this line")

    def _check_dropped(self, name: str, platform: Platform, dropped: DroppedFields | None) -> None:
        """Refuse what no event can be made without."""
        needed = {each for topic in platform.topics for each in topic.schema.required_names()}
        if dropped and (lost := sorted(needed.intersection(dropped.paths))):
            self._fault([name, "drop_fields"], f"no event can be made without {', '.join(lost)}")

    def _check_api(self, name: str, platform: Platform, api: ShopApi | None) -> None:
        if isinstance(api, ShopApi) and (fault := api.problem(platform.api_credentials, platform.title)):
            self._fault([name, "api"], fault)

    def _parse_template(self, name: str, template: str, loaded: dict[str, Any]) -> None:
        try:
            loaded["product_key"] = product_key_template.parse(template, self._known_fields(loaded))
        except TemplateError as error:
            self._fault([name, "product_key"], str(error))

    def _known_fields(self, loaded: dict[str, Any]) -> set[str]:
        platform = self.platforms.get(loaded.get("platform", ""))
        own = (name for _, constants in _constants(loaded) for name in constants)
        return {*product_key_template.PLATFORM_FIELDS, *(platform.template_fields if platform else ()), *own}

    def _resolved(self, path: list[str], value: Any) -> Any:
        """Replace every `${NAME}` by the environment's value."""
        if isinstance(value, dict):
            return {key: self._resolved([*path, key], item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._resolved(path, item) for item in value]
        return self._secret(path, value) if isinstance(value, str) and "${" in value else value

    def _secret(self, path: list[str], value: str) -> str:
        reference = REFERENCE.fullmatch(value)
        if reference is None:
            self._fault(path, "write a reference to the environment as the whole value: ${NAME}")
            return value
        found = os.environ.get(reference[1])
        if not found:
            self._unresolved.append(path)
            self._fault(path, f"the environment variable {reference[1]} is not set")
        return found or value

    def _note(self, path: list[str], messages: Any) -> None:
        if isinstance(messages, dict):
            for key, inner in messages.items():
                # Of these tables, marshmallow separates a key's faults from a value's; the document does not.
                is_pair = path[1:] in PAIRS and isinstance(inner, dict)
                self._note([*path, str(key)], inner.get("value", inner.get("key")) if is_pair else inner)
        elif path not in self._unresolved:
            self._fault(path, " ".join(messages))

    def _fault(self, path: list[str], sentence: str) -> None:
        where = f"{self.source}:{line_of(self.text, path)}"
        self.faults.append(f"{where}: shops.{'.'.join(path)}: {sentence}")


def _constants(loaded: dict[str, Any]) -> Iterator[tuple[list[str], Mapping[str, str]]]:
    """Yield each table of constants with its path in the shop's table."""
    yield ["fields"], loaded.get("constants") or {}
    for table in ("locale", "sales_channel"):
        for key, constants in (loaded.get(f"constants_by_{table}") or {}).items():
            yield [f"fields_by_{table}", key], constants


def _status(text: str) -> str:
    """Return a status as orders have it; WordPress stores those of WooCommerce with a prefix."""
    return hyphenated(text).removeprefix("wc-")


def _built(name: str, loaded: dict[str, Any]) -> Shop:
    own = {
        "secrets": tuple(loaded["secrets"] or ()),
        # Pending orders of WooCommerce are abandoned checkouts, and those of Shopify are placed.
        "purchase_on": Payment.PAID if loaded["purchase_on"] == "paid" else Payment.PLACED,
        "no_purchase_statuses": frozenset(
            hyphenated(text).removeprefix("wc-") for text in loaded["no_purchase_statuses"]
        ),
        "channels": frozenset(loaded["channels"]),
        "remarks": (PENDING_REMARK,) if loaded["purchase_on"] == "pending" else (),
    }
    return Shop(name=name, **{**loaded, **own})
