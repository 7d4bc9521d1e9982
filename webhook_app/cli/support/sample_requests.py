"""Sends signed samples, one or many at a rate, and summarises the responses."""

from __future__ import annotations

import secrets
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
import requests

from webhook_app.inbox import Selection, State
from webhook_app.inbox.reports.stored_deliveries import STEP, pages
from webhook_app.platforms import samples
from webhook_app.platforms.base import SAMPLE_DOMAIN, STOREFRONT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from webhook_app.inbox import Inbox, Row
    from webhook_app.platforms.base import Platform, StorefrontProxy, Topic

BROWSER = "Mozilla/5.0 (sample)"  # a user agent that is not a known crawler's
SEND_TIMEOUT = 30.0  # seconds
SETTLED_WITHIN = 15.0  # seconds
UNSETTLED = (State.RECEIVED, State.DELIVERING)


@dataclass(frozen=True, slots=True)
class SampleTarget:
    """A webhook URL and its secret; `local` where its deliveries are in the inbox that is configured here."""

    name: str
    url: str
    secret: str
    profile_attribute: str
    local: bool
    domain: str = SAMPLE_DOMAIN


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """A sample to send."""

    platform: Platform
    topic: Topic
    target: SampleTarget


@dataclass(frozen=True, slots=True)
class SampleResponse:
    """The response to a sample: `status` in a word or two, `id` the delivery's number where there is one."""

    request: SampleRequest
    accepted: bool
    status: str
    id: int | None = None


def post(request: SampleRequest, session: requests.Session) -> requests.Response:
    """Sign a new sample and send it as the platform would. Raises requests.RequestException."""
    proxy = request.platform.proxy if request.topic.storefront else None
    prepared = _storefront_request(proxy, request) if proxy else _webhook(request)
    session.trust_env = not request.target.local  # a proxy would look for this address on its own machine
    return session.send(session.prepare_request(prepared), timeout=SEND_TIMEOUT, allow_redirects=False)


def _webhook(request: SampleRequest) -> requests.Request:
    target = request.target
    headers, body = samples.signed_delivery(
        request.platform, request.topic, target.profile_attribute, target.secret, target.domain
    )
    return requests.Request("POST", target.url, data=body, headers=headers)


def _storefront_request(proxy: StorefrontProxy, request: SampleRequest) -> requests.Request:
    """Build the request with which a platform's proxy forwards a storefront event."""
    payload = request.topic.sample(samples.new_values(request.target.profile_attribute, request.target.domain))
    query = proxy.sign(payload, request.target.secret, time.time()).decode()
    base = request.target.url.replace("/webhooks/", f"/{STOREFRONT}", 1)
    url = f"{base}/{request.topic.name.removeprefix(STOREFRONT)}?{query}"
    # Each sample is a new visitor, so it has an address too: those of one address are few.
    visitor = f"2001:db8:{secrets.randbelow(2**16):x}:{secrets.randbelow(2**16):x}::1"
    return requests.Request("GET", url, headers={"User-Agent": BROWSER, "X-Forwarded-For": visitor})


def post_all(sample_requests: Sequence[SampleRequest], rate: float | None) -> list[SampleResponse]:
    """Post them in order, at most `rate` a second, and print a summary, also where Ctrl-C interrupts it.

    Raises ClickException where the first has no response.
    """
    responses: list[SampleResponse] = []
    began = time.monotonic()
    try:
        _post_in_order(sample_requests, rate, responses)
    finally:
        if responses:
            _print_summary(responses, time.monotonic() - began)
    return responses


def _post_in_order(
    sample_requests: Sequence[SampleRequest], rate: float | None, responses: list[SampleResponse]
) -> None:
    began = time.monotonic()
    bar = click.progressbar(sample_requests, label="Sending", file=sys.stderr, hidden=not sys.stderr.isatty())
    with requests.Session() as session, bar:
        for number, request in enumerate(bar):
            if rate:
                time.sleep(max(began + number / rate - time.monotonic(), 0))
            try:
                responses.append(_response(request, post(request, session)))
            except requests.RequestException as error:
                if not responses:
                    raise no_response(request.target, error) from None
                status = f"no response ({type(error).__name__})"
                responses.append(SampleResponse(request, accepted=False, status=status))


def no_response(target: SampleTarget, error: requests.RequestException) -> click.ClickException:
    """Return the error for a target that does not answer."""
    return click.ClickException(f"{target.url} does not answer ({type(error).__name__}). Is the receiver running?")


def settled(inbox: Inbox, ids: Sequence[int]) -> list[Row]:
    """Return these deliveries as soon as all are settled, or as they are after a while."""
    deadline = time.monotonic() + SETTLED_WITHIN
    while True:
        rows = [*_rows(inbox, ids)]
        if time.monotonic() >= deadline or not any(row.state in UNSETTLED for row in rows):
            return rows
        time.sleep(0.05 if len(ids) == 1 else 0.5)


def outcomes(rows: Sequence[Row]) -> str:
    """Count deliveries by state and reason, in a sentence."""
    counts = Counter(f"{row.state} ({row.reason})" if row.reason else row.state for row in rows)
    hint = "; is a worker running?" if any(row.state in UNSETTLED for row in rows) else "."
    return "Outcome: " + ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common()) + hint


def _rows(inbox: Inbox, ids: Sequence[int]) -> Iterator[Row]:
    for start in range(0, len(ids), STEP):
        yield from (row for page in pages(inbox, Selection(ids=tuple(ids[start : start + STEP]))) for row in page)


def _response(request: SampleRequest, response: requests.Response) -> SampleResponse:
    try:
        content = response.json()
    except requests.JSONDecodeError:
        content = None
    body = content if isinstance(content, dict) else {}
    status = f"{response.status_code} {body.get('status') or body.get('error') or response.reason}"
    number = body.get("id")
    return SampleResponse(request, response.ok, status, number if isinstance(number, int) else None)


def _print_summary(responses: Sequence[SampleResponse], seconds: float) -> None:
    counts = Counter((one.request.target.name, one.request.topic.name, one.status, one.accepted) for one in responses)
    width, topics = max(len(name) for name, *_ in counts), max(len(topic) for _, topic, *_ in counts)
    for (name, topic, status, accepted), count in counts.items():
        shown = click.style(status, fg="green" if accepted else "red")
        click.echo(f"{name:<{width}}  {topic:<{topics}} {count:>6}  {shown}")
    total, rate = sum(one.accepted for one in responses), len(responses) / max(seconds, 0.001)
    click.echo(
        f"{len(responses)} sent in {seconds:.1f} s ({rate:.1f} a second): "
        f"{total} accepted, {len(responses) - total} not."
    )
