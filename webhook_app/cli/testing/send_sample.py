"""`send-sample`: signed samples of every platform."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
import requests

from webhook_app.cli.support import configuration, registered_secrets
from webhook_app.cli.support.delivery_text import describe
from webhook_app.cli.support.param_types import SecretText
from webhook_app.cli.support.printable import printable
from webhook_app.cli.support.sample_requests import (
    UNSETTLED,
    SampleRequest,
    SampleTarget,
    no_response,
    outcomes,
    post,
    post_all,
    session_for,
    settled,
)
from webhook_app.config import network, settings
from webhook_app.inbox import Inbox
from webhook_app.platforms import all_platforms, samples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from webhook_app.config.shops import Shop
    from webhook_app.platforms.base import Platform, Topic

HINT = "see `python -m webhook_app check`"


@dataclass(frozen=True, slots=True)
class _Aim:
    """The options that choose where samples go."""

    shop: str | None
    url: str | None
    secret: str | None


@click.command("send-sample")
@click.argument("platform_name", metavar="[PLATFORM]", required=False)
@click.argument("topic_name", metavar="[TOPIC]", required=False)
@click.option("--all", "everything", is_flag=True, help="Send every mapped topic, to every shop.")
@click.option("--repeat", type=click.IntRange(1, 1_000_000), default=1, help="How often; default: once.")
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="At most so many a second; default: no limit.")
@click.option("--shop", help="The configured shop to send to; default: the platform's first.")
@click.option("--url", help="The webhook URL of another receiver, instead of the one that runs here.")
@click.option(
    "--secret",
    type=SecretText(),
    envvar="SAMPLE_SECRET",
    help="The webhook secret to sign with; required with --url. @FILE reads it from a file, - from stdin; also "
    "SAMPLE_SECRET.",
)
def send_sample(
    *,
    platform_name: str | None,
    topic_name: str | None,
    everything: bool,
    repeat: int,
    rate: float | None,
    shop: str | None,
    url: str | None,
    secret: str | None,
) -> None:
    """Send a signed, realistic sample, and print the response and what became of it.

    A sample is handled like a real event: unless a sandbox takes Tweakwise's place, Tweakwise counts it as a real
    purchase. Each sample has a number of its own. With --all the privacy requests are sent last, since they wipe the
    samples that are stored.

    \b
    send-sample shopify orders/create
    send-sample shopify orders/create --repeat 500 --rate 20
    send-sample --all
    """  # noqa: D301 - \b keeps click from joining the lines
    aim = _Aim(shop, url, secret)
    chosen = _all(platform_name, topic_name, aim) if everything else [_one(platform_name, topic_name, aim)]
    if len(chosen) == repeat == 1:
        _send_one(chosen[0])
        return
    events = [one for one in chosen if one.topic.subscribe or one.topic.storefront]
    privacy_requests = [one for one in chosen if one not in events]
    _send_many([*events * repeat, *privacy_requests * repeat], rate)


def _one(platform_name: str | None, topic_name: str | None, aim: _Aim) -> SampleRequest:
    if not platform_name or not topic_name:
        raise click.UsageError("Give PLATFORM and TOPIC, or --all.")
    platform = _platform(platform_name)
    topic = _topic(platform, topic_name)
    return SampleRequest(platform, topic, _given(aim.url, aim.secret) if aim.url else _first_target(platform, aim))


def _all(platform_name: str | None, topic_name: str | None, aim: _Aim) -> list[SampleRequest]:
    if topic_name:
        raise click.UsageError("--all sends every topic; leave TOPIC out, or --all.")
    if aim.url and not platform_name:
        raise click.UsageError("--all with --url needs PLATFORM, whose topics are sent.")
    platforms = [_platform(platform_name)] if platform_name else [*all_platforms().values()]
    if aim.url:
        targets = [(platforms[0], _given(aim.url, aim.secret))]
    else:
        targets = [(platform, target) for platform in platforms for target in _targets(platform, aim)]
    if not targets:
        raise click.ClickException(f"No such shop is configured; {HINT}.")
    return [SampleRequest(platform, topic, target) for platform, target in targets for topic in platform.topics]


def _platform(name: str) -> Platform:
    platform = all_platforms().get(name)
    if platform is None:
        raise click.BadParameter(f"no platform {name}; there are {', '.join(all_platforms())}", param_hint="PLATFORM")
    return platform


def _topic(platform: Platform, name: str) -> Topic:
    topic = platform.topic(name)
    if topic is None:
        known = ", ".join(topic.name for topic in platform.topics)
        raise click.BadParameter(f"no sample for {name}; there are {known}", param_hint="TOPIC")
    return topic


def _given(url: str, secret: str | None) -> SampleTarget:
    if not secret:
        raise click.UsageError("--url needs --secret: the sample must be signed with that webhook's secret.")
    network.share(settings.load())
    return SampleTarget(url.rstrip("/").rpartition("/")[2], url, secret, "tweakwise_profile_key", local=False)


def _first_target(platform: Platform, aim: _Aim) -> SampleTarget:
    targets = _targets(platform, aim)
    if not targets:
        named = f" named {aim.shop}" if aim.shop else ""
        raise click.ClickException(f"No {platform.title} shop{named} is configured; {HINT}.")
    return targets[0]


def _targets(platform: Platform, aim: _Aim) -> list[SampleTarget]:
    config, known = configuration.load()
    base = f"{'http://localhost' if config.socket_path else config.local_url}/webhooks/{platform.name}"
    return [
        SampleTarget(
            shop.name,
            f"{base}/{shop.name}",
            secret,
            shop.profile_attribute,
            local=True,
            domain=samples.address(shop.domain),
            socket_path=config.socket_path,
        )
        for shop in known.values()
        if shop.platform == platform.name and aim.shop in (None, shop.name) and (secret := _secret(shop, aim))
    ]


def _secret(shop: Shop, aim: _Aim) -> str:
    """Return the secret to sign with; "" with a note, for a shop that was not chosen and whose app is not installed."""
    try:
        return aim.secret or registered_secrets.added(shop).secrets[0]
    except click.ClickException as error:
        if aim.shop:
            raise
        click.echo(f"No sample for {shop.name}: {error.message}", err=True)
        return ""


def _send_one(request: SampleRequest) -> None:
    try:
        with session_for(request.target) as session:
            answer = post(request, session)
    except requests.RequestException as error:
        raise no_response(request.target, error) from None
    click.echo(f"{answer.method} {answer.url}\n{answer.status} {printable(answer.text.strip()[:1000])}")
    if not answer.ok:
        raise SystemExit(1)
    number = answer.field("id") if request.target.local else None
    if number is not None:
        _print_outcome(number)


def _print_outcome(number: int) -> None:
    """Wait until the delivery is settled, and print it."""
    with closing(Inbox.configured(settings.load())) as inbox:
        row = settled(inbox, [number])[0]
    click.echo(f"\n{describe(row, personal=True)}")
    if row.state in UNSETTLED:
        click.echo("\nNot settled yet. Is a worker running?")


def _send_many(sample_requests: Sequence[SampleRequest], rate: float | None) -> None:
    """Send them all and print a summary; exits with 1 where one was not accepted."""
    responses = post_all(sample_requests, rate)
    ids = [one.id for one in responses if one.request.target.local and one.id is not None]
    if ids:
        with closing(Inbox.configured(settings.load())) as inbox:
            click.echo(outcomes(settled(inbox, ids)))
    if not all(one.accepted for one in responses):
        raise SystemExit(1)
