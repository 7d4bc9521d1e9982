"""`make-app`: the app that a merchant installs."""

from __future__ import annotations

from pathlib import Path

import click

from webhook_app.cli.support import configuration
from webhook_app.cli.support.public_address import PublicAddress
from webhook_app.platforms import all_platforms
from webhook_app.platforms.app_package import packed

FOLDER = Path("var/apps")


@click.command("make-app")
@click.option(
    "--url", type=PublicAddress(), required=True, help="The receiver's public address, e.g. https://events.example.com."
)
@click.option("--shop", "name", required=True, help="The shop, which needs app_secret.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="The file to write.")
def make_app(url: str, name: str, output: Path | None) -> None:
    """Make the app of a shop whose platform has one, as a zip to upload: it registers itself when it is installed.

    The zip contains the app secret; do not publish it.
    """
    _, known = configuration.load()
    if name not in known:
        raise click.BadParameter(f"no shop {name}; there are {', '.join(known)}", param_hint="--shop")
    platform, secret = all_platforms()[known[name].platform], known[name].app_secret
    if platform.handshake is None:
        raise click.ClickException(f"There is no app for {platform.title}: `check` prints what to paste where.")
    if secret is None:
        raise click.ClickException(f"shops.{name} has no app_secret: make one with openssl rand -hex 32.")
    target = output or FOLDER / name / f"{platform.handshake.app_name}.zip"
    folder = f"{platform.name}/{platform.handshake.app_name}"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.touch(mode=0o600)
    target.write_bytes(packed(folder, {"url": url, "shop": name, "secret": secret}))
    click.echo(f"Wrote {target}. It contains the app secret: upload it, and do not publish it.")
