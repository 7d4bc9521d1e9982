"""`shops`: lists the configured shops, adds one, and tries one out."""

from __future__ import annotations

import json
import re
import secrets
import sys
import tomllib
from typing import TYPE_CHECKING, TextIO

import click

from webhook_app.cli.support import configuration, new_secret, new_shop, shop_instructions, shop_trial, terminal
from webhook_app.cli.support.new_shop import NewShop, free_names
from webhook_app.cli.support.public_address import PublicAddress
from webhook_app.config import env_file, settings, shop_documents
from webhook_app.config.shop_tables import NAME
from webhook_app.errors import ConfigurationError
from webhook_app.platforms import all_platforms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from webhook_app.config.shops import Shop
    from webhook_app.platforms.base import Platform

KEY = re.compile(r"[A-Za-z0-9]{8}")


@click.group()
def shops() -> None:
    """List the configured shops, add one by questions, and test one without counting anything."""


@shops.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def list_(*, as_json: bool) -> None:
    """List every shop: platform, instance key, addresses, and the file and line of its table."""
    _, known = configuration.load()
    places = _places(known)
    rows = [
        (one.name, one.platform, one.instance_key, " ".join(one.domain), places[one.name]) for one in known.values()
    ]
    if as_json:
        names = ("name", "platform", "instance_key", "domain", "place")
        lines = [json.dumps(dict(zip(names, row, strict=True))) for row in rows]
    else:
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        lines = [
            "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
        ]
    click.echo("\n".join(lines))


def _places(known: Mapping[str, Shop]) -> dict[str, str]:
    """Return where each shop is written."""
    found: dict[str, str] = {}
    for document in shop_documents.read():
        for name in tomllib.loads(document.text).get("shops", {}):
            found[name] = document.place([name])
    return {name: found[name] for name in known}


@shops.command()
@click.argument("name", required=False)
@click.option("--platform", help="The platform's name; `platforms` lists them.")
@click.option("--instance-key", help="The key of the Tweakwise instance, 8 letters and digits.")
@click.option("--secret-file", type=click.File(encoding="utf-8"), help="A file with the webhook secret; - is stdin.")
@click.option("--product-key", help="The template of product keys; default: {product_id}.")
@click.option("--domain", help="The shop's address, the only one that may send for it.")
@click.option("--url", type=PublicAddress(), help="The receiver's public address, e.g. https://events.example.com.")
@click.option("--print", "only_prints", is_flag=True, help="Print what would be written, and write nothing.")
def add(
    *,
    name: str | None,
    platform: str | None,
    instance_key: str | None,
    secret_file: TextIO | None,
    product_key: str | None,
    domain: str | None,
    url: str | None,
    only_prints: bool,
) -> None:
    """Add a shop: its table to the shops' file or folder, its secrets to .env.

    It asks for what is not given; with a name, --platform and --instance-key, for nothing but the secret of a platform
    that makes it, on a terminal. Elsewhere a random one is generated, with what to do with it, and always a random
    profile_salt. Everything is checked as a whole before anything is written; comments stay, and new files are readable
    by you alone. A receiver that runs takes the shop over by itself.
    """
    asks = not (name and platform and instance_key)
    chosen_name = _answer("Name (a-z, 0-9, - and _; part of the webhook URL)", name, _is_name)
    chosen = all_platforms()[_answer(f"Platform ({', '.join(sorted(all_platforms()))})", platform, _is_platform)]
    key = _answer("Instance key of Tweakwise", instance_key, _is_key)
    asks_secret = asks or (new_secret.is_made_by(chosen) and sys.stdin.isatty())
    secret = secret_file.read().strip("\r\n") if secret_file else _asked_secret(chosen) if asks_secret else ""
    if asks:
        product_key = product_key or click.prompt("Product key", default="{product_id}")
        domain = domain or (click.prompt("Address of the shop (empty: any)", default="") if chosen.names_domain else "")
    generated = "" if secret else new_secret.generated(chosen)
    template = "" if product_key in (None, "{product_id}") else str(product_key)
    made = NewShop(
        chosen_name,
        chosen,
        key,
        secret or generated,
        secrets.token_hex(32),
        free_names(chosen_name),
        template,
        domain or "",
    )
    if only_prints:
        click.echo(f"{made.table}\n{made.assignments}", nl=False)
        return
    shop, path = new_shop.write(made)
    click.echo(f"Written to {path}, and the secrets to {env_file.path()} ({', '.join(made.variables)}).\n")
    notes = new_secret.notes(chosen, generated, f"{made.variables[0]} in {env_file.path()}") if generated else []
    click.echo("\n".join(shop_instructions.instructions(shop, _base(url), notes)))
    click.echo(f"Next: python -m webhook_app shops test {shop.name}")


def _asked_secret(platform: Platform) -> str:
    return str(click.prompt(new_secret.question(platform), default="", show_default=False, hide_input=True))


def _answer(question: str, given: str | None, problem: Callable[[str], str]) -> str:
    """Return a value that is given, or ask until one can be used. Raises a usage error for a given one that cannot."""
    if given is not None:
        if fault := problem(given):
            raise click.UsageError(f"{given}: {fault}")
        return given
    while True:
        answer = str(click.prompt(question))
        if not (fault := problem(answer)):
            return answer
        click.echo(fault, err=True)


def _is_name(text: str) -> str:
    if not NAME.fullmatch(text):
        return "A shop's name is part of its URL: use a-z, 0-9, - and _."
    try:
        taken = text in configuration.load()[1]
    except ConfigurationError:  # reported as a whole before anything is written
        return ""
    return f"There is a shop {text} already." if taken else ""


def _is_platform(text: str) -> str:
    return (
        "" if text in all_platforms() else f"There is no such platform; known are {', '.join(sorted(all_platforms()))}."
    )


def _is_key(text: str) -> str:
    return "" if KEY.fullmatch(text) else "Expected 8 letters and digits."


def _base(url: str | None) -> str:
    config = settings.load()
    return (url or config.public_url or config.local_url).rstrip("/")


@shops.command()
@click.argument("name")
@click.option("--feed", help="Also compare what was sent with this product feed: a file, a URL, or - for stdin.")
@click.pass_context
def test(ctx: click.Context, name: str, feed: str | None) -> None:
    """Test one shop without counting anything, exit code 1 if something is wrong.

    It checks the secrets, reads the platform's API where one is configured, and signs, verifies and translates a sample
    of every topic: nothing is stored or sent. The instance key is only tried by `doctor --send`.
    """
    config, known = configuration.load()
    configuration.chosen_shops(known, name)
    fine, width = True, shop_trial.width(known[name])
    for what, text, is_fine in shop_trial.lines(config, known[name]):
        mark = click.style("ok", fg="green") if is_fine else click.style("!!", fg="red")
        click.echo(terminal.fitted(f"{mark}  {what:<{width}}  {text}", width + 6))
        fine = fine and is_fine
    if feed:
        root = ctx.find_root().command
        match = root.get_command(ctx, "match") if isinstance(root, click.Group) else None
        if match:
            ctx.invoke(match, feed=feed, days=7, name=name, at_least=95.0, as_json=False)
    if not fine:
        sys.exit(1)
