"""The command that says why a signature fails: verify."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

import click

from webhook_app import shops
from webhook_app.diagnosis import diagnose
from webhook_app.diagnosis.recorded import UnreadableHeaders, headers_from
from webhook_app.platforms import all_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.diagnosis import Verdict
    from webhook_app.shops import Shop


@click.command()
@click.option("--shop", "name", required=True, help="The shop that the webhook was posted to.")
@click.option(
    "--headers",
    type=click.File("rb"),
    required=True,
    help="The request's headers: `Name: value` lines, what curl -D or -v writes, or JSON; - is stdin.",
)
@click.option("--body", type=click.File("rb"), required=True, help="The body, byte for byte; - is stdin.")
def verify(name: str, headers: BinaryIO, body: BinaryIO) -> None:
    """Say why the signature of a recorded request fails, and what to do about it.

    It undoes what commonly happens to bodies, secrets and headers, until the digest fits: then that is what happened.
    Exit code 0 if the request proves itself, 1 if not. It sends nothing, stores nothing, and shows neither secrets nor
    the body.
    """
    known = shops.load(all_platforms())
    if name not in known:
        raise click.BadParameter(f"there is no shop {name}; known are {', '.join(known)}", param_hint="--shop")
    if headers is body:
        raise click.UsageError("Only one of --headers and --body can come from stdin.")
    raw = body.read()
    verdict = diagnose(raw, _read(headers), known[name], known, all_platforms())
    click.echo("\n".join(_lines(verdict, known[name], len(raw))))
    if verdict.reason:
        raise SystemExit(1)


def _read(file: BinaryIO) -> dict[str, str]:
    try:
        return headers_from(file.read().decode("utf-8", "replace"))
    except UnreadableHeaders as error:
        raise click.BadParameter(str(error), param_hint="--headers") from None


def _lines(verdict: Verdict, shop: Shop, size: int) -> Iterator[str]:
    platform = all_platforms()[shop.platform]
    yield f"Shop       {shop.name} ({platform.title}), {len(shop.secrets)} secret{'s' * (len(shop.secrets) > 1)}"
    yield f"Expected   {platform.signature.about}"
    yield f"Body       {size} bytes"
    yield f"Came       {verdict.looks or 'none in ' + ', '.join(verdict.names)}"
    if not verdict.reason:
        yield f"Answer     200: {verdict.hint or 'the request proves itself.'}"
        return
    yield f"Answer     401 {verdict.reason}"
    for finding in verdict.findings:
        yield f"\n{'Why' if finding.proven else 'Odd'}:  {finding.said}\nDo:   {finding.todo}"
