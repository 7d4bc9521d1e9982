"""Commands for setting up: check, platforms."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

import click

from webhook_app.cli import configuration, database
from webhook_app.config import settings
from webhook_app.inbox import Inbox
from webhook_app.inbox import migrate as migrations
from webhook_app.platforms import all_platforms

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhook_app.config.shops import Shop


SPOOL = "must lie on a disk that survives restarts; what waits there was acknowledged."
SPOOL_ON_A_DYNO = "lies on a dyno's disk, which is emptied at every restart: acknowledged events would be lost."


@click.command()
@click.option("--url", help="Where this receiver is reached from outside, e.g. https://events.example.com.")
def check(url: str | None) -> None:
    """Read settings and shops, and report every fault together with the line to change.

    For each shop it says the webhook URL to paste, the topics to subscribe to and what is worth a second look.
    """
    config, known = configuration.load()
    base = (url or f"http://127.0.0.1:{config.port}").rstrip("/")
    for shop in known.values():
        tell_shop(shop, base)
    if not url:
        click.echo("Give --url with the public address to see the URLs as the platforms need them.\n")
    with closing(Inbox.configured(config)) as inbox:
        current, warnings = migrations.is_current(inbox.database), inbox.database.warnings(config.web_concurrency)
    for sentence in warnings:
        click.echo(f"Warning    {sentence}")
    click.echo(f"Database   {'ready' if current else 'not migrated: run `python -m webhook_app migrate`'}")
    if config.spool:
        database.check_spool(config)
        click.echo(f"Spool      {config.spool}: {SPOOL_ON_A_DYNO if settings.is_ephemeral(config.spool) else SPOOL}")
    click.echo(f"Tweakwise  {config.tweakwise_url}")


def tell_shop(shop: Shop, base: str, tell: Callable[[str], None] = click.echo) -> None:
    """Say what to paste where for a shop; `base` is the receiver's address without a path."""
    platform = all_platforms()[shop.platform]
    topics = [topic.name for topic in platform.topics if topic.subscribe]
    tell(click.style(f"{shop.name} ({platform.title})", bold=True))
    tell(f"  webhook URL  {base}/webhooks/{shop.platform}/{shop.name}")
    if platform.proxy:
        tell(f"  proxy URL    {base}/storefront/{shop.platform}/{shop.name}  (for searches and views)")
    tell(f"  topics       {', '.join(topics)}")
    tell(f"  product key  {shop.product_key.text}")
    for remark in _remarks(shop):
        tell(f"  note         {remark}")
    tell("")


def _remarks(shop: Shop) -> list[str]:
    remarks = []
    if any(secret != secret.strip() for secret in shop.secrets):
        remarks.append("a secret begins or ends with white space; was it pasted with too much?")
    if shop.profile_salt is None and not shop.require_consent:
        remarks.append("no profile_salt: orders without a storefront-written profile key are ignored as no_profile.")
    if shop.tweakwise_url:
        remarks.append(f"delivers to {shop.tweakwise_url}")
    return remarks


@click.command()
@click.argument("name", required=False)
def platforms(name: str | None) -> None:
    """Tell what is supported: the platforms, or one platform's topics, secret and quirks."""
    known = all_platforms()
    if name is None:
        for platform in known.values():
            click.echo(f"{platform.name:<14} {', '.join(topic.name for topic in platform.topics if topic.subscribe)}")
        return
    if name not in known:
        raise click.BadParameter(f"there is no platform {name}; known are {', '.join(known)}", param_hint="NAME")
    platform = known[name]
    click.secho(platform.title, bold=True)
    for topic in platform.topics:
        click.echo(f"  {topic.name:<24} {topic.summary}{'' if topic.subscribe else ' (not subscribed to per shop)'}")
    click.echo(f"\nStored and ignored, by name: {', '.join(platform.ignored_topics)}, and every other topic.")
    click.echo(f"\nSecret: {platform.secret_help}")
    click.echo("\nGood to know:" + "".join(f"{os.linesep}  - {quirk}" for quirk in platform.notes))
