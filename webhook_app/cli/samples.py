"""The command that sends signed samples: send-sample."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import click
import requests

from webhook_app.cli import configuration
from webhook_app.cli.deliveries import describe
from webhook_app.cli.rounds import UNSETTLED, SampleRequest, Target, became, post, send, settled, unanswered
from webhook_app.config import settings
from webhook_app.inbox import Inbox
from webhook_app.platforms import all_platforms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from webhook_app.platforms.base import Platform, Topic


@click.command("send-sample")
@click.argument("platform_name", metavar="[PLATFORM]", required=False)
@click.argument("topic_name", metavar="[TOPIC]", required=False)
@click.option("--all", "everything", is_flag=True, help="Every topic that is mapped, of every shop.")
@click.option("--repeat", type=click.IntRange(1, 1_000_000), default=1, help="How often; default: once.")
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="At most so many a second; default: no limit.")
@click.option("--shop", "shop_name", help="Which configured shop to send to; default: the platform's first.")
@click.option("--url", help="Any receiver's webhook URL, instead of the one that runs here.")
@click.option("--secret", help="The webhook secret to sign with; needed with --url.")
def send_sample(
    *,
    platform_name: str | None,
    topic_name: str | None,
    everything: bool,
    repeat: int,
    rate: float | None,
    shop_name: str | None,
    url: str | None,
    secret: str | None,
) -> None:
    """Send a signed, realistic sample, and tell the answer and what became of it.

    The sample goes the whole way: unless a sandbox plays Tweakwise, it is counted there as a real purchase. Each has
    a number of its own. With --all the requests to forget somebody come last: they wipe what is held of samples.

    \b
    send-sample shopify orders/create
    send-sample shopify orders/create --repeat 500 --rate 20
    send-sample --all
    """  # noqa: D301 - \b keeps click from joining the lines
    if everything:
        errands = _all(platform_name, topic_name, shop_name, url, secret)
    else:
        errands = [_one(platform_name, topic_name, shop_name, url, secret)]
    if len(errands) == repeat == 1:
        _send_one(errands[0])
    else:
        events = [errand for errand in errands if errand.topic.subscribe or errand.topic.storefront]
        duties = [errand for errand in errands if errand not in events]
        _send_many([*events * repeat, *duties * repeat], rate)


def _one(
    platform_name: str | None, topic_name: str | None, shop_name: str | None, url: str | None, secret: str | None
) -> SampleRequest:
    if not platform_name or not topic_name:
        raise click.UsageError("Say which sample: PLATFORM and TOPIC, or --all.")
    platform, topic = _found(platform_name, topic_name)
    return SampleRequest(platform, topic, _given(url, secret) if url else _configured(platform, shop_name, secret))


def _all(
    platform_name: str | None, topic_name: str | None, shop_name: str | None, url: str | None, secret: str | None
) -> list[SampleRequest]:
    if topic_name:
        raise click.UsageError("--all means every topic; leave TOPIC out, or --all.")
    if url and not platform_name:
        raise click.UsageError("--all with --url needs PLATFORM: that one's topics are sent.")
    asked = [_platform(platform_name)] if platform_name else [*all_platforms().values()]
    if url:
        aims = [(asked[0], _given(url, secret))]
    else:
        aims = [(platform, target) for platform in asked for target in _targets(platform, shop_name, secret)]
    if not aims:
        raise click.ClickException("No such shop is configured; see `python -m webhook_app check`.")
    return [SampleRequest(platform, topic, target) for platform, target in aims for topic in platform.topics]


def _found(platform_name: str, topic_name: str) -> tuple[Platform, Topic]:
    platform = _platform(platform_name)
    topic = platform.topic(topic_name)
    if topic is None:
        known = ", ".join(topic.name for topic in platform.topics)
        raise click.BadParameter(f"no sample for {topic_name}; there are {known}", param_hint="TOPIC")
    return platform, topic


def _platform(name: str) -> Platform:
    platform = all_platforms().get(name)
    if platform is None:
        known = ", ".join(all_platforms())
        raise click.BadParameter(f"there is no platform {name}; known are {known}", param_hint="PLATFORM")
    return platform


def _given(url: str, secret: str | None) -> Target:
    if not secret:
        raise click.UsageError("--url needs --secret: the sample must be signed with that webhook's secret.")
    return Target(url.rstrip("/").rpartition("/")[2], url, secret, "tweakwise_profile_key", local=False)


def _configured(platform: Platform, shop_name: str | None, secret: str | None) -> Target:
    targets = _targets(platform, shop_name, secret)
    if not targets:
        named = f" named {shop_name}" if shop_name else ""
        raise click.ClickException(f"No {platform.title} shop{named} is configured; see `python -m webhook_app check`.")
    return targets[0]


def _targets(platform: Platform, shop_name: str | None, secret: str | None) -> list[Target]:
    config, known = configuration.load()
    base = f"http://127.0.0.1:{config.port}/webhooks/{platform.name}"
    return [
        Target(shop.name, f"{base}/{shop.name}", secret or shop.secrets[0], shop.profile_attribute, local=True)
        for shop in known.values()
        if shop.platform == platform.name and shop_name in (None, shop.name)
    ]


def _send_one(errand: SampleRequest) -> None:
    try:
        with requests.Session() as session:
            response = post(errand, session)
    except requests.RequestException as error:
        raise unanswered(errand.target, error) from None
    url = (response.request.url or "").partition("?")[0]
    click.echo(f"{response.request.method} {url}\n{response.status_code} {response.text.strip()[:1000]}")
    if not response.ok:
        raise SystemExit(1)
    number = response.json().get("id") if errand.target.local else None
    if number is not None:
        _follow(number)


def _follow(number: int) -> None:
    """Wait until the delivery is settled, and tell what became of it."""
    with closing(Inbox.configured(settings.load())) as inbox:
        row = settled(inbox, [number])[0]
    click.echo(f"\n{describe(row)}")
    if row.state in UNSETTLED:
        click.echo("\nNot taken up yet. Is a worker running?")


def _send_many(errands: Sequence[SampleRequest], rate: float | None) -> None:
    """Send them all and sum up; exits with 1 where one was not accepted."""
    answers = send(errands, rate)
    ids = [answer.id for answer in answers if answer.errand.target.local and answer.id is not None]
    if ids:
        with closing(Inbox.configured(settings.load())) as inbox:
            click.echo(became(settled(inbox, ids)))
    if not all(answer.accepted for answer in answers):
        raise SystemExit(1)
