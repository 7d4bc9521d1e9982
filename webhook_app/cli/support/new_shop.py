"""A new shop: its table and its secrets, checked as a whole before anything is written."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from webhook_app.cli.support import safe_files
from webhook_app.config import env_file, shop_documents, shops
from webhook_app.config.shop_documents import DEFAULT_FILE, DEMO, DEMO_FILE, Document
from webhook_app.platforms import all_platforms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhook_app.config.shops import Shop
    from webhook_app.platforms.base import Platform

PLAIN = re.compile(r"[A-Za-z0-9_+/=.:@%,-]+")  # needs no quotation marks in .env


@dataclass(frozen=True, slots=True)
class NewShop:
    """What is written of a shop; `secret` and `salt` go to `.env`, under the names of `variables`."""

    name: str
    platform: Platform
    instance_key: str
    secret: str = field(repr=False)
    salt: str = field(repr=False)
    variables: tuple[str, str]
    product_key: str = ""
    domain: str = ""

    @property
    def table(self) -> str:
        """The lines of the shops' document."""
        secret, salt = self.variables
        lines = {
            "platform": _text(self.platform.name),
            **({"app_secret": _text(f"${{{secret}}}")} if self.platform.handshake else {}),
            **({} if self.platform.handshake else {"secrets": f"[{_text(f'${{{secret}}}')}]"}),
            "instance_key": _text(self.instance_key),
            **({"product_key": _text(self.product_key)} if self.product_key else {}),
            **({"domain": _text(self.domain)} if self.domain else {}),
            "profile_salt": _text(f"${{{salt}}}"),
        }
        written = "\n".join(f"{key:<12} = {value}" for key, value in lines.items())
        return f"[shops.{self.name}]\n{written}\n"

    @property
    def assignments(self) -> str:
        """The lines of `.env`."""
        pairs = zip(self.variables, (self.secret, self.salt), strict=True)
        return "".join(f"{name}={_quoted(value)}\n" for name, value in pairs)


def free_names(name: str) -> tuple[str, str]:
    """Return names of variables for a shop's secret and salt that nothing has yet."""
    stem = re.sub(r"[^A-Z0-9]", "_", name.upper())
    stem = stem if stem[:1].isalpha() else f"SHOP_{stem}"
    taken = {*os.environ, *env_file.values(env_file.path())}
    for number in range(1, 1000):
        names = tuple(f"{stem}{f'_{number}' if number > 1 else ''}_{what}" for what in ("SECRET", "SALT"))
        if taken.isdisjoint({*names, *(f"{one}_FILE" for one in names)}):
            return names[0], names[1]
    raise click.ClickException(f"{stem}_SECRET and further names are taken.")


def write(shop: NewShop) -> tuple[Shop, Path]:
    """Add the shop and its secrets to the files; returns it as a process reads it, and its file.

    Raises ConfigurationError where the whole would have a fault, and nothing is written then; ClickException where
    nothing can be written.
    """
    target = _target(shop.name)
    folder = target.resolve().parent
    folder.mkdir(parents=True, exist_ok=True)
    with safe_files.locked(folder):
        text, variables = safe_files.appended(target, _begun(target, shop.table)), env_file.path()
        known = _checked(target, text, {**env_file.environment(), **_pairs(shop)})
        safe_files.replace(variables, safe_files.appended(variables, shop.assignments))
        safe_files.replace(target, text)
    return known[shop.name], target


def _begun(target: Path, table: str) -> str:
    """Return a table with an empty line before it, where there is something before it."""
    return f"\n{table}" if target.exists() and target.stat().st_size else table


def _target(name: str) -> Path:
    """Return the file to which a shop is added. Raises ClickException."""
    if os.environ.get("SHOPS"):
        raise click.ClickException(
            "The shops are in the variable SHOPS, which no command can change; --print shows a table."
        )
    path = Path(os.environ.get("SHOPS_FILE") or DEFAULT_FILE)
    if path.name == DEMO_FILE:
        raise click.ClickException(
            f"{DEMO_FILE} belongs to the program: set SHOPS_FILE={DEFAULT_FILE} for shops of your own."
        )
    if not path.is_dir():
        return path
    target = path / f"{name}.toml"
    if target.exists():
        raise click.ClickException(f"{target} exists already.")
    return target


def _checked(target: Path, text: str, environ: Mapping[str, str]) -> dict[str, Shop]:
    """Return all shops as they would be read."""
    environ = {**environ, DEMO: ""}  # its shops are not used any more
    where = shop_documents.where(environ)
    exists = Path(where).exists()
    others = [one for one in shop_documents.read(environ) if Path(one.source) != target] if exists else []
    return shops.read([*others, Document(str(target), text)], all_platforms(), environ, where)


def _pairs(shop: NewShop) -> dict[str, str]:
    return dict(zip(shop.variables, (shop.secret, shop.salt), strict=True))


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _quoted(value: str) -> str:
    if PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
