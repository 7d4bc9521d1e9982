"""The command that says why a signature fails: verify."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

import click

from webhook_app.cli.selecting import Moment
from webhook_app.config import shops
from webhook_app.errors import UnreadableHeadersError
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
    help="The request's headers: `Name: value` lines, what curl -D or -v writes, or JSON; - is stdin.",
)
@click.option("--body", type=click.File("rb"), help="The body, byte for byte; - is stdin.")
@click.option(
    "--query", type=click.File("rb"), help="Instead of both: the address or query that a shop's proxy signed."
)
@click.option("--at", type=Moment(), help="When the request came: 2026-11-27T09:30:00Z, or 24h ago; default: now.")
def verify(name: str, headers: BinaryIO | None, body: BinaryIO | None, query: BinaryIO | None, at: int | None) -> None:
    """Say why the signature of a recorded request fails, and what to do about it.

    It undoes what commonly happens to bodies, secrets and headers, until the digest fits: then that is what happened.
    Exit code 0 if the request proves itself, 1 if not. It sends nothing, stores nothing, and shows neither secrets nor
    the body.
    """
    known = Configuration(shops.load(all_platforms()), all_platforms())
    if name not in known.shops:
        raise click.BadParameter(f"there is no shop {name}; known are {', '.join(known.shops)}", param_hint="--shop")
    shop, arrived = known.shops[name], None if at is None else at / 1000
    if query and not headers and not body:
        diagnosis = _of_query(query, shop, known, arrived)
    elif headers and body and not query:
        diagnosis = _of_post(headers, body, shop, known, arrived)
    else:
        raise click.UsageError(
            "Give --headers and --body for a webhook, or --query for a storefront's event; not both."
        )
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
        raise click.UsageError("Only one of --headers and --body can come from stdin.")
    return diagnose(body.read(), _read(headers), shop, known, arrived)


def _read(file: BinaryIO) -> dict[str, str]:
    try:
        return headers_from(file.read().decode("utf-8", "replace"))
    except UnreadableHeadersError as error:
        raise click.BadParameter(str(error), param_hint="--headers") from None


def _lines(diagnosis: Diagnosis, shop: Shop) -> Iterator[str]:
    secrets = f"{len(shop.secrets)} secret{'s' * (len(shop.secrets) > 1)}"
    yield f"Shop       {shop.name} ({all_platforms()[shop.platform].title}), {secrets}"
    yield f"Expected   {diagnosis.expected}"
    yield f"Came       {diagnosis.received}"
    if not diagnosis.reason:
        yield f"Answer     200: {diagnosis.hint or 'the request proves itself.'}"
        return
    yield f"Answer     401 {diagnosis.reason}"
    for finding in diagnosis.findings:
        yield f"\n{'Why' if finding.verified else 'Odd'}:  {finding.text}\nDo:   {finding.advice}"
