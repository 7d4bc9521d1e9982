"""`verify`: explains why the signature of a recorded request fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

import click

from webhook_app.cli.support import configuration, registered_secrets
from webhook_app.cli.support.param_types import PointInTime
from webhook_app.config import shops
from webhook_app.errors import UnreadableHeadersError
from webhook_app.formatting import counted
from webhook_app.platforms import all_platforms
from webhook_app.signature_check import Configuration, diagnose, diagnose_query, query_of
from webhook_app.signature_check.header_files import headers_from

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.config.shops import Shop
    from webhook_app.signature_check import Diagnosis


@click.command()
@click.option("--shop", "name", required=True, help="The shop that the webhook was posted to.")
@click.option(
    "--headers",
    type=click.File("rb"),
    help="The request's headers: `Name: value` lines, output of curl -D or -v, or JSON; - is stdin.",
)
@click.option("--body", type=click.File("rb"), help="The body, byte for byte; - is stdin.")
@click.option(
    "--query", type=click.File("rb"), help="Instead of both: the address or query that a shop's proxy signed."
)
@click.option(
    "--at", type=PointInTime(), help="When the request arrived: 2026-11-27T09:30:00Z, or 24h ago; default: now."
)
def verify(name: str, headers: BinaryIO | None, body: BinaryIO | None, query: BinaryIO | None, at: int | None) -> None:
    """Explain why the signature of a recorded request fails, and what to do about it.

    It reverts common changes of bodies, secrets and headers until the signature matches: that change is the cause. It
    sends nothing, stores nothing, and prints neither secrets nor the body. The exit code is 0 if the signature is
    valid, and 1 if not.
    """
    listed = shops.load(all_platforms())
    shop = registered_secrets.added(configuration.chosen_shops(listed, name)[name])
    known, arrived = Configuration({**listed, name: shop}, all_platforms()), None if at is None else at / 1000
    if query and not headers and not body:
        diagnosis = _of_query(query, shop, known, arrived)
    elif headers and body and not query:
        diagnosis = _of_post(headers, body, shop, known, arrived)
    else:
        raise click.UsageError("Give --headers and --body for a webhook, or --query for a storefront event; not both.")
    click.echo("\n".join(_lines(diagnosis, shop)))
    if diagnosis.reason:
        raise SystemExit(1)


def _of_query(file: BinaryIO, shop: Shop, known: Configuration, arrived: float | None) -> Diagnosis:
    platform = known.platforms[shop.platform]
    if platform.proxy is None:
        raise click.UsageError(f"{platform.title} has no proxy that signs queries; give --headers and --body.")
    return diagnose_query(query_of(file.read().decode("utf-8", "replace")), platform.proxy, shop, known, arrived)


def _of_post(headers: BinaryIO, body: BinaryIO, shop: Shop, known: Configuration, arrived: float | None) -> Diagnosis:
    if headers is body:
        raise click.UsageError("Only one of --headers and --body can be read from stdin.")
    return diagnose(body.read(), _read_headers(headers), shop, known, arrived)


def _read_headers(file: BinaryIO) -> dict[str, str]:
    try:
        return headers_from(file.read().decode("utf-8", "replace"))
    except UnreadableHeadersError as error:
        raise click.BadParameter(str(error), param_hint="--headers") from None


def _lines(diagnosis: Diagnosis, shop: Shop) -> Iterator[str]:
    platform = all_platforms()[shop.platform].title
    yield f"Shop       {shop.name} ({platform}), {counted(len(shop.secrets), 'secret')}"
    yield f"Expected   {diagnosis.expected}"
    yield f"Received   {diagnosis.received}"
    if not diagnosis.reason:
        yield f"Response   200: {diagnosis.hint or 'the signature is valid.'}"
        return
    yield f"Response   401 {diagnosis.reason}"
    for finding in diagnosis.findings:
        yield f"\n{'Cause:' if finding.verified else 'Note:':<6} {finding.text}\n{'Do:':<6} {finding.advice}"
