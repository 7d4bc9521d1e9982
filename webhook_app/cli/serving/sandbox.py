"""`sandbox`: a local imitation of the Tweakwise Analytics API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from webhook_app.cli.support.shop_keys import ShopKeys
from webhook_app.sandbox.serve import serve

if TYPE_CHECKING:
    from typing import TextIO


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8001, show_default=True, help="Where it listens.")
@click.option("--instance-key", "instance_keys", multiple=True, help="Accept only this key (repeatable).")
@click.option(
    "--shops", "of_shops", is_flag=True, help="Accept the keys of the configured shops, also of those added later."
)
@click.option(
    "--catalogue",
    type=click.File(encoding="utf-8"),
    help="A file with one product key a line; keys that are not in it are reported as unknown.",
)
@click.option(
    "--max-profiles",
    type=click.IntRange(1),
    default=10_000,
    show_default=True,
    help="How many profiles it remembers.",
)
def sandbox(
    *, port: int, instance_keys: tuple[str, ...], of_shops: bool, catalogue: TextIO | None, max_profiles: int
) -> None:
    """Start a local imitation of the Tweakwise Analytics API on 127.0.0.1, with pages that show what arrived.

    It is not Tweakwise: it holds what it receives in memory, and has switches that make it slow, fail or refuse.
    """
    keys = {line.strip() for line in catalogue or () if line.strip()}
    serve(port, ShopKeys(instance_keys) if of_shops else instance_keys, keys, max_profiles)
