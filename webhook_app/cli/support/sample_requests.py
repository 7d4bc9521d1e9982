"""Sends signed samples, one or many at a rate, and summarises the responses."""

from __future__ import annotations

import json
import secrets
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
import requests

from webhook_app.failed_requests import described, failure
from webhook_app.inbox import Selection, State
from webhook_app.inbox.reports.stored_deliveries import STEP, pages
from webhook_app.platforms import samples
from webhook_app.platforms.base import SAMPLE_DOMAIN, STOREFRONT
from webhook_app.timed_answers import Session, UnixAdapter, start_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from webhook_app.inbox import Inbox, Row
    from webhook_app.platforms.base import Platform, StorefrontProxy, Topic

BROWSER = "Mozilla/5.0 (sample)"  # a user agent that is not a known crawler's
SEND_TIMEOUT = 30.0  # seconds
MOST_READ = 65_536  # bytes of a response
SETTLED_WITHIN = 15.0  # seconds
UNSETTLED = (State.RECEIVED, State.DELIVERING)


@dataclass(frozen=True, slots=True)
class SampleTarget:
    """A webhook URL and its secret; `local` where its deliveries are in the inbox that is configured here.

    `socket_path` is the Unix socket on which that receiver listens, "" where it listens at the URL.
    """

    name: str
    url: str
    secret: str
    profile_attribute: str
    local: bool
    domain: str = SAMPLE_DOMAIN
    socket_path: str = ""


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


@dataclass(frozen=True, slots=True)
class Answer:
    """The beginning of a response; `url` is the address without its query, which is signed."""

    method: str
    url: str
    status: int
    reason: str
    text: str

    @property
    def ok(self) -> bool:
        """Whether the sample was accepted."""
        return 200 <= self.status < 400  # noqa: PLR2004 - HTTP's own classes

    def field(self, name: str) -> Any:
        """Return a field of the JSON object that the body is, None where there is none."""
        try:
            return json.loads(self.text).get(name)
        except (ValueError, AttributeError):
            return None


def session_for(target: SampleTarget) -> Session:
    """Return what sends samples to a target."""
    made = Session(UnixAdapter(target.socket_path) if target.socket_path else None)
    made.trust_env = not target.local  # a proxy would look for this address on its own machine
    return made


def post(request: SampleRequest, session: requests.Session) -> Answer:
    """Sign a new sample and send it as the platform would. Raises requests.RequestException."""
    proxy = request.platform.proxy if request.topic.storefront else None
    prepared = _storefront_request(proxy, request) if proxy else _webhook(request)
    with session.request(
        prepared.method,
        prepared.url,
        data=prepared.data,
        headers=prepared.headers,
        timeout=SEND_TIMEOUT,
        allow_redirects=False,
        stream=True,
    ) as response:
        text = start_of(response, MOST_READ).decode("utf-8", "replace")
        return Answer(prepared.method, prepared.url.partition("?")[0], response.status_code, response.reason, text)


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
    with session_for(sample_requests[0].target) as session, bar:
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
    where = f"unix:{target.socket_path}" if target.socket_path else target.url
    name, text = failure(error)[0], described(error)
    hint = " Is the receiver running?" if name in ("connect", "timeout", "reset") else ""
    return click.ClickException(f"{where} does not answer: {text}.{hint}")


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


def _response(request: SampleRequest, answer: Answer) -> SampleResponse:
    status = f"{answer.status} {answer.field('status') or answer.field('error') or answer.reason}"
    number = answer.field("id")
    return SampleResponse(request, answer.ok, status, number if isinstance(number, int) else None)


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
