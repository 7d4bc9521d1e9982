"""Reads the tables of the shops: every fault with the file and line to change."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from marshmallow import ValidationError

from webhook_app.config import product_key_template, shop_sentences, variables
from webhook_app.config.shop_api import ShopApi
from webhook_app.config.shop_schema import PAIRS, SCHEMA
from webhook_app.errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from webhook_app.config.dropped_fields import DroppedFields
    from webhook_app.config.shop_documents import Document
    from webhook_app.platforms.base import Platform

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


@dataclass(frozen=True, slots=True)
class WrittenTable:
    """A table as it is written, and the document it stands in."""

    document: Document
    table: Any


class ShopTable:
    """Reads the table of one shop, over that of the defaults, and gathers its faults."""

    def __init__(
        self, where: WrittenTable, defaults: WrittenTable, platforms: Mapping[str, Platform], environ: Mapping[str, str]
    ) -> None:
        """`environ` has the values of references."""
        self.where, self.defaults, self.platforms, self.environ = where, defaults, platforms, environ
        self.faults: list[str] = []
        self._unresolved: list[list[str]] = []

    def load(self, name: str) -> dict[str, Any] | None:
        """Return the loaded keys of the shop, or None after noting why not."""
        if not NAME.fullmatch(name):
            self._fault([name], "a shop's name is part of its URL: use a-z, 0-9, - and _")
        if not isinstance(self.where.table, dict):
            self._fault([name], "expected a table: [shops.<name>]")
            return None
        loaded = self._loaded(name, self._resolved([name], merged(self.defaults.table, self.where.table)))
        return None if self.faults else loaded

    def _loaded(self, name: str, table: dict[str, Any]) -> dict[str, Any]:
        try:
            loaded: dict[str, Any] = SCHEMA.load(table)
        except ValidationError as error:
            self._note([name], error.messages)
            loaded = dict(error.valid_data or {})
        platform, template = loaded.get("platform"), loaded.get("product_key")
        if "secrets" not in table and not loaded.get("app_secret"):
            self._fault([name, "secrets"], self._which_secret(self.platforms.get(str(platform))))
        if platform is not None and platform not in self.platforms:
            self._fault([name, "platform"], shop_sentences.no_platform(str(platform), self.platforms))
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

    def _which_secret(self, platform: Platform | None) -> str:
        if platform and platform.handshake:
            return f"write app_secret, with which the app of {platform.title} registers itself, or a list of secrets"
        return shop_sentences.plain(["secrets"], shop_sentences.MISSING, self.platforms)

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
        reference = variables.REFERENCE.fullmatch(value)
        if reference is None:
            self._fault(path, "write a reference to the environment as the whole value: ${NAME}")
            return value
        found, fault = variables.read(reference[1], self.environ)
        if not found:
            self._unresolved.append(path)
            self._fault(path, fault)
        return found or value

    def _note(self, path: list[str], messages: Any) -> None:
        if isinstance(messages, dict):
            for key, inner in messages.items():
                is_pair = path[1:] in PAIRS and isinstance(inner, dict)
                self._note([*path, str(key)], inner.get("value", inner.get("key")) if is_pair else inner)
        elif path not in self._unresolved:
            self._fault(path, " ".join(shop_sentences.plain(path[1:], one, self.platforms) for one in messages))

    def _fault(self, path: list[str], sentence: str) -> None:
        """Note a fault at the line of the shop, or of the defaults where they have the value."""
        keys = path[1:]
        if _is_from_defaults(keys, self.defaults.table, self.where.table):
            place, written = self.defaults.document.place(keys, "defaults"), ["defaults", *keys]
        else:
            place, written = self.where.document.place(path), ["shops", *path]
        self.faults.append(f"{place}: {'.'.join(written)}: {sentence}")


def _constants(loaded: dict[str, Any]) -> Iterator[tuple[list[str], Mapping[str, str]]]:
    """Yield each table of constants with its path in the shop's table."""
    yield ["fields"], loaded.get("constants") or {}
    for table in ("locale", "sales_channel"):
        for key, constants in (loaded.get(f"constants_by_{table}") or {}).items():
            yield [f"fields_by_{table}", key], constants


def merged(defaults: Any, own: Mapping[str, Any]) -> dict[str, Any]:
    """Return a shop's table over the defaults: its own value of a key counts, and tables are merged."""
    both = {
        name: merged(defaults[name], value) for name, value in own.items() if _are_tables(defaults.get(name), value)
    }
    return {**defaults, **own, **both}


def _are_tables(one: Any, other: Any) -> bool:
    return isinstance(one, dict) and isinstance(other, dict)


def _is_from_defaults(keys: list[str], defaults: Any, own: Any) -> bool:
    for key in keys:
        if not (isinstance(own, dict) and isinstance(defaults, dict)):
            return False
        if key not in own:
            return key in defaults
        own, defaults = own[key], defaults.get(key)
    return False
