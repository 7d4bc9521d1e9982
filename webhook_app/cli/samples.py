"""The command that sends signed samples: send-sample."""

from __future__ import annotations

import json
import secrets as randomness
import time
import uuid
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
import requests

from webhook_app import settings
from webhook_app.cli import configuration
from webhook_app.cli.deliveries import describe
from webhook_app.inbox import Inbox, State
from webhook_app.platform import STOREFRONT, Sample, Topic
from webhook_app.platforms import all_platforms

if TYPE_CHECKING:
    from webhook_app.platform import Platform, Proxy

UNSETTLED = (State.RECEIVED, State.DELIVERING)
SETTLED_WITHIN = 15.0  # seconds
SEND_TIMEOUT = 30.0  # seconds
BROWSER = "Mozilla/5.0 (sample)"  # as a user agent: no known crawler's


@dataclass(frozen=True, slots=True)
class _Target:
    url: str
    secret: str
    profile_attribute: str
    local: bool


@click.command("send-sample")
@click.argument("platform_name", metavar="PLATFORM")
@click.argument("topic_name", metavar="TOPIC")
@click.option("--shop", "shop_name", help="Which configured shop to send to; default: the platform's first.")
@click.option("--url", help="Any receiver's webhook URL, instead of the one that runs here.")
@click.option("--secret", help="The webhook secret to sign with; needed with --url.")
def send_sample(
    platform_name: str, topic_name: str, shop_name: str | None, url: str | None, secret: str | None
) -> None:
    """Send a signed, realistic sample, and tell the answer and what became of it.

    The sample goes the whole way: unless a sandbox plays Tweakwise, it is counted there as a real purchase.
    """
    platform, topic = _found(platform_name, topic_name)
    target = _given(url, secret) if url else _configured(platform, shop_name, secret)
    asked = _reported(platform.proxy, topic, target) if topic.storefront and platform.proxy else None
    made = asked or _posted(platform, topic, target)
    try:
        response = requests.request(
            made.method,
            made.url,
            data=made.data,
            headers=made.headers,
            timeout=SEND_TIMEOUT,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        raise click.ClickException(f"{target.url} does not answer ({type(error).__name__}). Is it running?") from None
    click.echo(f"{made.method} {made.url.partition('?')[0]}\n{response.status_code} {response.text.strip()[:1000]}")
    if not response.ok:
        raise SystemExit(1)
    if target.local:
        _follow(response)


def _posted(platform: Platform, topic: Topic, target: _Target) -> requests.Request:
    body = json.dumps(topic.sample(_sample(target))).encode()
    headers = platform.sign_sample(topic.name, str(uuid.uuid4()), body, target.secret)
    return requests.Request("POST", target.url, data=body, headers=headers)


def _reported(proxy: Proxy, topic: Topic, target: _Target) -> requests.Request:
    """What the platform passes on when a page reports: a webhook's URL has another beginning."""
    query = proxy.sign(topic.sample(_sample(target)), target.secret, time.time()).decode()
    base = target.url.replace("/webhooks/", f"/{STOREFRONT}", 1)
    url = f"{base}/{topic.name.removeprefix(STOREFRONT)}?{query}"
    return requests.Request("GET", url, headers={"User-Agent": BROWSER})


def _found(platform_name: str, topic_name: str) -> tuple[Platform, Topic]:
    platform = all_platforms().get(platform_name)
    if platform is None:
        known = ", ".join(all_platforms())
        raise click.BadParameter(f"there is no platform {platform_name}; known are {known}", param_hint="PLATFORM")
    topic = platform.topic(topic_name)
    if topic is None:
        known = ", ".join(topic.name for topic in platform.topics)
        raise click.BadParameter(f"no sample for {topic_name}; there are {known}", param_hint="TOPIC")
    return platform, topic


def _given(url: str, secret: str | None) -> _Target:
    if not secret:
        raise click.UsageError("--url needs --secret: the sample must be signed with that webhook's secret.")
    return _Target(url, secret, "tweakwise_profile_key", local=False)


def _configured(platform: Platform, shop_name: str | None, secret: str | None) -> _Target:
    config, known = configuration.load()
    mine = [shop for shop in known.values() if shop.platform == platform.name and shop_name in (None, shop.name)]
    if not mine:
        named = f" named {shop_name}" if shop_name else ""
        raise click.ClickException(f"No {platform.title} shop{named} is configured; see `python -m webhook_app check`.")
    shop = mine[0]
    url = f"http://127.0.0.1:{config.port}/webhooks/{platform.name}/{shop.name}"
    return _Target(url, secret or shop.secrets[0], shop.profile_attribute, local=True)


def _sample(target: _Target) -> Sample:
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Sample(time.time_ns() // 1000, now, target.profile_attribute, f"sample-{randomness.token_hex(8)}")


def _follow(response: requests.Response) -> None:
    """Wait until the delivery is settled, and tell what became of it."""
    number = response.json().get("id")
    if number is None:
        return
    deadline = time.monotonic() + SETTLED_WITHIN
    with closing(Inbox.configured(settings.load())) as inbox:
        while (row := inbox.get(number)).state in UNSETTLED and time.monotonic() < deadline:
            time.sleep(0.05)
    click.echo(f"\n{describe(row)}")
    if row.state in UNSETTLED:
        click.echo("\nNot taken up yet. Is a worker running?")
