"""The users of the dashboard: `[users]` in the shops' document, every fault reported together with its line."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, cast

from marshmallow import Schema, ValidationError, fields, validate

from webhook_app.config import shop_documents, variables
from webhook_app.config.shop_documents import Document
from webhook_app.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from webhook_app.config.settings import Settings

OWNER = "dashboard"  # the user whose password is DASHBOARD_PASSWORD
ANYONE = "*"  # everyone whom the proxy names and no other table does
NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")
# As `hash-password` writes it, with werkzeug's parameters or higher ones.
HASH = re.compile(r"scrypt:(32768|65536|131072):8:[1-4]\$[A-Za-z0-9]{8,64}\$[0-9a-f]{128}")
MAKE_ONE = "make one with: python -m webhook_app hash-password"


class Role(StrEnum):
    """What a user may do; the others include reading."""

    READ = "read"  # see the pages, with personal data masked
    OPERATE = "operate"  # replay, discard, send samples
    REVEAL = "reveal"  # see personal data, each time with an audit event


@dataclass(frozen=True, slots=True)
class User:
    """A person with access to the dashboard; `shops` are None for all, `password_hash` where a proxy signs them in."""

    name: str
    roles: frozenset[Role]
    shops: frozenset[str] | None = None
    password_hash: str | None = field(default=None, repr=False)

    def may(self, role: Role) -> bool:
        """Return whether the user has a role; everyone may read."""
        return role is Role.READ or role in self.roles

    def sees(self, shop: str) -> bool:
        """Return whether the pages show a shop to this user."""
        return self.shops is None or shop in self.shops

    @property
    def is_administrator(self) -> bool:
        """Whether the user operates all shops, and so sees and ends the sessions of others."""
        return self.shops is None and self.may(Role.OPERATE)


class _UserSchema(Schema):
    password_hash = fields.String(load_default=None, validate=validate.Regexp(HASH, error=f"is no hash; {MAKE_ONE}"))
    roles = fields.List(
        fields.String(validate=validate.OneOf(list(Role))),
        load_default=[Role.READ.value],
        validate=validate.Length(min=1, error="is empty"),
    )
    shops = fields.List(
        fields.String(),
        load_default=None,
        validate=validate.Length(min=1, error="is empty; leave it out for all shops"),
    )


_SCHEMA = _UserSchema()


def load(known: Collection[str], config: Settings, environ: Mapping[str, str] | None = None) -> dict[str, User]:
    """Return the users by name, none where there is no `[users]`; `known` are the names of the shops.

    Raises ConfigurationError with one sentence for every fault, each naming the line to change.
    """
    return read(shop_documents.read(environ), known, config, shop_documents.where(environ), environ)


def parse(text: str, source: str, known: Collection[str], config: Settings) -> dict[str, User]:
    """Read the users of one TOML document; `source` is what messages call it."""
    return read([Document(source, text)], known, config, source)


def read(
    documents: Iterable[Document],
    known: Collection[str],
    config: Settings,
    where: str,
    environ: Mapping[str, str] | None = None,
) -> dict[str, User]:
    """Read the users of documents that shops.read() has read; `where` is what messages call all of them."""
    users: dict[str, User] = {}
    places: dict[str, Document] = {}
    faults: list[str] = []
    for document in documents:
        tables = tomllib.loads(document.text).get("users", {})
        reading = _Reading(document, known, config, environ)
        for name, table in reading.tables(tables):
            user = reading.user(name, table)
            if user and user.name in users:
                earlier = places[user.name]
                also = f"also in {earlier.source}" if earlier is not document else "there twice"
                faults.append(f"{document.source}: users.{user.name}: is {also}; capitals make no difference")
            elif user:
                users[user.name], places[user.name] = user, document
        faults += reading.faults
    if config.dashboard_identity_header and not users and not faults:
        faults.append(f"DASHBOARD_IDENTITY_HEADER: {where} has no [users.<name>] for those it names")
    if faults:
        raise ConfigurationError(faults)
    return users


class _Reading:
    """One pass over the tables, gathering faults."""

    def __init__(
        self, document: Document, known: Collection[str], config: Settings, environ: Mapping[str, str] | None
    ) -> None:
        self.document, self.known, self.config, self.environ = document, known, config, environ
        self.faults: list[str] = []

    def tables(self, found: Any) -> Iterator[tuple[str, Any]]:
        """Yield the tables of users by name."""
        if isinstance(found, dict):
            yield from found.items()
        else:
            self.faults.append(f"{self.document.source}: users: expected tables: [users.<name>]")

    def user(self, name: str, table: Any) -> User | None:
        """Return a user, or None after noting why not."""
        before = len(self.faults)
        if not (NAME.fullmatch(name.lower()) or name == ANYONE):
            self._fault([name], "a user's name has letters, digits and . _ @ + - , at most 64")
        if not isinstance(table, dict):
            self._fault([name], "expected a table: [users.<name>]")
            return None
        loaded = self._loaded(name, table)
        self._check(name, loaded)
        if len(self.faults) > before:
            return None
        seen = None if loaded["shops"] is None else frozenset(loaded["shops"])
        return User(name.lower(), frozenset(map(Role, loaded["roles"])), seen, loaded["password_hash"])

    def _loaded(self, name: str, table: Mapping[str, Any]) -> dict[str, Any]:
        try:
            loaded: dict[str, Any] = _SCHEMA.load(self._resolved(name, table))
        except ValidationError as error:
            for key, messages in cast("dict[str, Any]", error.messages).items():
                self._fault([name, key], " ".join(_flat(messages)))
            loaded = dict(error.valid_data or {})
        return loaded

    def _resolved(self, name: str, table: Mapping[str, Any]) -> dict[str, Any]:
        """Replace a `${NAME}` by the environment's value."""
        given = dict(table)
        reference = variables.REFERENCE.fullmatch(str(given.get("password_hash", "")))
        if reference is None:
            return given
        found, fault = variables.read(reference[1], self.environ)
        if found is None:
            self._fault([name, "password_hash"], fault)
        return {**given, "password_hash": found} if found else {k: v for k, v in given.items() if k != "password_hash"}

    def _check(self, name: str, loaded: Mapping[str, Any]) -> None:
        for shop in sorted(set(loaded.get("shops") or ()) - set(self.known)):
            self._fault([name, "shops"], f"there is no shop {shop}")
        has_password = loaded.get("password_hash") is not None
        if name == ANYONE and has_password:
            self._fault([name], "stands for everyone whom the proxy names, and has no password")
        if name.lower() == OWNER and self.config.dashboard_password:
            self._fault([name], "is the user of DASHBOARD_PASSWORD: choose another name, or remove that variable")
        if not has_password and not self.config.dashboard_identity_header and not self.faults:
            self._fault(
                [name], f"has no password_hash; {MAKE_ONE}, or let a proxy name users: DASHBOARD_IDENTITY_HEADER"
            )

    def _fault(self, path: list[str], sentence: str) -> None:
        self.faults.append(f"{self.document.place(path, 'users')}: users.{'.'.join(path)}: {sentence}")


def _flat(messages: Any) -> Iterator[str]:
    """Yield the sentences about a value, or about the items of a list."""
    if isinstance(messages, dict):
        for inner in messages.values():
            yield from _flat(inner)
    else:
        yield from map(str, messages)
