"""Setup: for each shop the webhook URL, the topics, the secrets that are in use, and a form that sends a sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import abort, redirect, request, url_for

from webhook_app.dashboard.access import blueprint
from webhook_app.dashboard.context import current, record, user
from webhook_app.dashboard.rendering import render
from webhook_app.inbox import activity, audit_log, feed_check_results
from webhook_app.inbox.activity import ActivityKind
from webhook_app.platforms import samples
from webhook_app.signing.base import fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask.typing import ResponseReturnValue

    from webhook_app.config.shops import Shop
    from webhook_app.inbox.activity import ActivityTotal
    from webhook_app.inbox.feed_check_results import FeedCheckResult
    from webhook_app.platforms.base import Platform, Topic

SEND_TIMEOUT = 15.0  # seconds
ALL_ADDRESSES = ("", "0.0.0.0", "::", "[::]", "localhost")  # noqa: S104 - names of a server that listens on all


@dataclass(frozen=True, slots=True)
class SecretUse:
    """One secret by its fingerprint: how many webhooks it verified, and when the last one."""

    fingerprint: str
    newest: bool
    count: int
    last_at: int | None


@dataclass(frozen=True, slots=True)
class ShopGuide:
    """What is needed to connect one shop."""

    shop: Shop
    platform: Platform
    url: str
    topics: tuple[Topic, ...]
    secrets: tuple[SecretUse, ...]
    match: FeedCheckResult | None


@blueprint.get("/setup")
def setup() -> ResponseReturnValue:
    """Show how to connect every shop."""
    inbox = current().inbox
    used = {(one.shop, one.name): one for one in activity.last_seen(inbox, ActivityKind.SECRET)}
    matched = feed_check_results.latest(inbox)
    guides = [_guide(shop, used, matched.get(shop.name)) for name, shop in current().shops.items() if user().sees(name)]
    return render("dashboard/setup.html", guides=guides, now=inbox.clock())


def _guide(shop: Shop, used: Mapping[tuple[str, str], ActivityTotal], match: FeedCheckResult | None) -> ShopGuide:
    platform = current().platforms[shop.platform]
    url = f"{current().public_url or request.host_url.rstrip('/')}/webhooks/{shop.platform}/{shop.name}"
    topics = tuple(topic for topic in platform.topics if topic.subscribe)
    names = [fingerprint(secret) for secret in shop.secrets]
    secrets = tuple(_secret(name, used.get((shop.name, name)), newest=name == names[0]) for name in names)
    return ShopGuide(shop, platform, url, topics, secrets, match)


def _secret(name: str, seen: ActivityTotal | None, *, newest: bool) -> SecretUse:
    return SecretUse(name, newest, seen.count if seen else 0, seen.last_at if seen else None)


@blueprint.post("/setup/<shop>/sample")
def sample(shop: str) -> ResponseReturnValue:
    """Post a signed sample to the receiver itself, over HTTP, and show its delivery."""
    found = current().shops.get(shop) or abort(404, f"There is no shop {shop}.")
    platform = current().platforms[found.platform]
    topic = platform.topic(request.form.get("topic", "")) or abort(400, "There is no sample for this topic.")
    if not found.secrets:
        abort(409, f"{found.name} lists no secret, because its app registers itself: a sample cannot be signed.")
    record(audit_log.AuditAction.SAMPLE, detail=f"{found.name} {topic.name}")
    headers, body = samples.signed_delivery(
        platform, topic, found.profile_attribute, found.secrets[0], samples.address(found.domain)
    )
    import requests  # noqa: PLC0415 - only this button needs it

    try:
        with requests.Session() as session:
            session.trust_env = False  # a proxy would look for this address on its own machine
            response = session.post(
                _own_url(found), data=body, headers=headers, timeout=SEND_TIMEOUT, allow_redirects=False
            )
        content = response.json()
    except (requests.RequestException, ValueError) as error:
        abort(
            502, f"The receiver does not answer at {_own_url(found)} ({type(error).__name__}). The sample was not sent."
        )
    if "id" not in content:
        abort(502, f"The receiver answered {response.status_code}: {content.get('error') or content.get('status')}.")
    return redirect(url_for(".delivery", number=content["id"], message="sample"), 303)


def _own_url(shop: Shop) -> str:
    """Return the address on which this server itself listens, without any proxy."""
    # ProxyFix replaces these by what a proxy reports; the original values are the server's own.
    own = request.environ.get("werkzeug.proxy_fix.orig", request.environ)
    host, port = own["SERVER_NAME"], own["SERVER_PORT"]
    where = "127.0.0.1" if host in ALL_ADDRESSES else host
    return f"http://{where}:{port}/webhooks/{shop.platform}/{shop.name}"
