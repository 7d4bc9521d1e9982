"""Many samples, one after the other: at a pace, with a progress bar, and a summary of the answers."""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
import requests

from webhook_app.inbox import Selection, State
from webhook_app.inbox.selection import STEP, pages
from webhook_app.platforms import samples
from webhook_app.platforms.base import STOREFRONT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from webhook_app.inbox import Inbox, Row
    from webhook_app.platforms.base import Platform, StorefrontProxy, Topic

BROWSER = "Mozilla/5.0 (sample)"  # as a user agent: no known crawler's
SEND_TIMEOUT = 30.0  # seconds
SETTLED_WITHIN = 15.0  # seconds
UNSETTLED = (State.RECEIVED, State.DELIVERING)


@dataclass(frozen=True, slots=True)
class Target:
    """Where samples go: a webhook URL and its secret; `local` where the inbox is the one configured here."""

    name: str
    url: str
    secret: str
    profile_attribute: str
    local: bool


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """One sample to be sent."""

    platform: Platform
    topic: Topic
    target: Target


@dataclass(frozen=True, slots=True)
class SampleResponse:
    """What was answered: `said` in a word or two, `id` the delivery's number where one was given."""

    errand: SampleRequest
    accepted: bool
    said: str
    id: int | None = None


def post(errand: SampleRequest, session: requests.Session) -> requests.Response:
    """Sign a fresh sample and send it as the platform would. Raises requests.RequestException."""
    proxy = errand.platform.proxy if errand.topic.storefront else None
    request = _reported(proxy, errand) if proxy else _posted(errand)
    return session.send(session.prepare_request(request), timeout=SEND_TIMEOUT, allow_redirects=False)


def _posted(errand: SampleRequest) -> requests.Request:
    target = errand.target
    headers, body = samples.signed_delivery(errand.platform, errand.topic, target.profile_attribute, target.secret)
    return requests.Request("POST", target.url, data=body, headers=headers)


def _reported(proxy: StorefrontProxy, errand: SampleRequest) -> requests.Request:
    """Ask as a platform passes on what a page reports; a webhook's URL has another beginning."""
    payload = errand.topic.sample(samples.new_values(errand.target.profile_attribute))
    query = proxy.sign(payload, errand.target.secret, time.time()).decode()
    base = errand.target.url.replace("/webhooks/", f"/{STOREFRONT}", 1)
    url = f"{base}/{errand.topic.name.removeprefix(STOREFRONT)}?{query}"
    return requests.Request("GET", url, headers={"User-Agent": BROWSER})


def send(errands: Sequence[SampleRequest], rate: float | None) -> list[SampleResponse]:
    """Post them in order, at most `rate` a second, and sum up the answers, also where Ctrl-C ends it early.

    Raises ClickException where nobody answers the first.
    """
    answers: list[SampleResponse] = []
    began = time.monotonic()
    try:
        _post_all(errands, rate, answers)
    finally:
        if answers:
            _summarise(answers, time.monotonic() - began)
    return answers


def _post_all(errands: Sequence[SampleRequest], rate: float | None, answers: list[SampleResponse]) -> None:
    began = time.monotonic()
    bar = click.progressbar(errands, label="Sending", file=sys.stderr, hidden=not sys.stderr.isatty())
    with requests.Session() as session, bar:
        for number, errand in enumerate(bar):
            if rate:
                time.sleep(max(began + number / rate - time.monotonic(), 0))
            try:
                answers.append(_answer(errand, post(errand, session)))
            except requests.RequestException as error:
                if not answers:
                    raise unanswered(errand.target, error) from None
                answers.append(SampleResponse(errand, accepted=False, said=f"no answer ({type(error).__name__})"))


def unanswered(target: Target, error: requests.RequestException) -> click.ClickException:
    """Say that nobody answers."""
    return click.ClickException(f"{target.url} does not answer ({type(error).__name__}). Is it running?")


def settled(inbox: Inbox, ids: Sequence[int]) -> list[Row]:
    """Return these deliveries once none of them is unsettled, or as they are after a while."""
    deadline = time.monotonic() + SETTLED_WITHIN
    while True:
        rows = [*_rows(inbox, ids)]
        if time.monotonic() >= deadline or not any(row.state in UNSETTLED for row in rows):
            return rows
        time.sleep(0.05 if len(ids) == 1 else 0.5)


def became(rows: Sequence[Row]) -> str:
    """Count what became of deliveries, in a sentence."""
    counts = Counter(f"{row.state} ({row.reason})" if row.reason else row.state for row in rows)
    waits = "; is a worker running?" if any(row.state in UNSETTLED for row in rows) else "."
    return "What became of them: " + ", ".join(f"{count} {said}" for said, count in counts.most_common()) + waits


def _rows(inbox: Inbox, ids: Sequence[int]) -> Iterator[Row]:
    for start in range(0, len(ids), STEP):
        yield from (row for page in pages(inbox, Selection(ids=tuple(ids[start : start + STEP]))) for row in page)


def _answer(errand: SampleRequest, response: requests.Response) -> SampleResponse:
    try:
        body = response.json()
    except requests.JSONDecodeError:
        body = {}
    known = body if isinstance(body, dict) else {}
    word = known.get("status") or known.get("error") or response.reason
    number = known.get("id")
    return SampleResponse(
        errand, response.ok, f"{response.status_code} {word}", number if isinstance(number, int) else None
    )


def _summarise(answers: Sequence[SampleResponse], seconds: float) -> None:
    counts = Counter((one.errand.target.name, one.errand.topic.name, one.said, one.accepted) for one in answers)
    width, topics = max(len(name) for name, *_ in counts), max(len(topic) for _, topic, *_ in counts)
    for (name, topic, said, accepted), count in counts.items():
        click.echo(
            f"{name:<{width}}  {topic:<{topics}} {count:>6}  {click.style(said, fg='green' if accepted else 'red')}"
        )
    good = sum(one.accepted for one in answers)
    pace = len(answers) / max(seconds, 0.001)
    click.echo(
        f"{len(answers)} sent in {seconds:.1f} s ({pace:.1f} a second): {good} accepted, {len(answers) - good} not."
    )
