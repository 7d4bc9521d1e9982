"""Numbers and dates from outside: every reader has an outcome for any of them, within a moment.

Overflow, years that no calendar has, exponents that expand to gigabytes of digits, and text that looks like a number.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click
import pytest
from marshmallow import ValidationError

from schemas.events import Ignored, Redaction
from schemas.fields import Id, Label, Moment, Money
from tests.support.commands import SHOP
from tests.support.recordings import ASKED, RECEIVED_AT, SIGNED, payload_of
from webhook_app import exact_json, formatting
from webhook_app.cli.support.param_types import DELIVERY_NUMBER, Duration, PointInTime
from webhook_app.config import settings, shops
from webhook_app.errors import BadSignatureError, ConfigurationError
from webhook_app.http_dates import http_date
from webhook_app.platforms import all_platforms
from webhook_app.signing.hmac_schemes import QueryHmac
from webhook_app.signing.standard_webhooks import StandardWebhooks
from webhook_app.translation.translate import AgeLimits, translate
from webhook_app.tweakwise.call import Call, Unreadable
from webhook_app.tweakwise.retry_after import retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.recordings import Recorded

NUMBERS = [
    "0",
    "-0",
    "-1",
    "1.5",
    "1e400",
    "-1e400",
    "1e999999999",
    "1e-999999999",
    "1e99999999999999999999",
    "1e-99999999999999999999",
    str(2**63),
    "9" * 400,
    "9" * 5000,
    "9" * 200_000,
    "0." + "9" * 5000,
]
TEXTS = ["", " ", "+5", "0x10", "1_000", "inf", "-Infinity", "nan", "sNaN", "²", "٣", "12,5", "1e9d", "9" * 5000 + "d"]
DATES = [
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "99999-01-01",
    "-0001-01-01",
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "Mon, 01 Jan 0001 00:00:00 +2359",
    "Mon, 99 Nov 2026 12:02:00 +99999999999",
    "Sun, 99999999999999999999 Oct 2015 07:28:00 GMT",
]
OF_NUMBERS = [one for one in fields(settings.Settings) if one.metadata["kind"] != "str"]
HOSTILE = [*NUMBERS, *TEXTS, *DATES]
SECOND = 1.0  # of processor time, which is a thousand times what any reader needs
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class NoRefusalError(Exception):
    """What a reader raises that ignores what it cannot read."""


def _field(field: Any) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        value: Any = text
        if text in NUMBERS:
            value = exact_json.parse(text.encode())
        return field.deserialize(value), field.deserialize(text)

    return read


def _standard(text: str) -> None:
    headers = {"webhook-id": "a", "webhook-timestamp": text, "webhook-signature": "v1,AAAA"}
    StandardWebhooks().verify(b"{}", headers, [SECRET])


def _query(text: str) -> None:
    QueryHmac().verify(QueryHmac().sign(f"timestamp={text}".encode(), "secret"), ["secret"], time.time())


def _max_rate(text: str) -> None:
    shops.parse(f"{SHOP}max_rate = {text}\n", "shops.toml", all_platforms())


READERS: dict[str, tuple[Callable[[str], Any], type[Exception]]] = {
    "Retry-After": (lambda text: retry_after([text], text, datetime.now(UTC)), NoRefusalError),
    "Date": (http_date, NoRefusalError),
    "id": (_field(Id()), ValidationError),
    "label": (_field(Label()), ValidationError),
    "amount": (_field(Money()), ValidationError),
    "moment": (_field(Moment()), ValidationError),
    "webhook-timestamp": (_standard, BadSignatureError),
    "timestamp of a query": (_query, BadSignatureError),
    "max_rate of a shop": (_max_rate, ConfigurationError),
    "option with a duration": (lambda text: Duration().convert(text, None, None), click.UsageError),
    "option with a time": (lambda text: PointInTime().convert(text, None, None), click.UsageError),
    "option with a number": (DELIVERY_NUMBER, click.UsageError),
}


@pytest.mark.parametrize("name", READERS)
def test_every_reader_has_an_outcome(name: str) -> None:
    """A value, or the one exception that names the fault."""
    read, refusal = READERS[name]
    for text in HOSTILE:
        began = time.process_time()
        with suppress(refusal):
            read(text)
        assert time.process_time() - began < SECOND, text[:40]


@pytest.mark.parametrize("text", NUMBERS, ids=lambda text: text[:30])
def test_any_json_number_is_parsed(text: str) -> None:
    """One number that no type holds does not make the rest of a body unreadable."""
    assert exact_json.parse(f'{{"odd": {text}, "type": "purchase"}}'.encode())["type"] == "purchase"


@pytest.mark.parametrize("text", ["1e", "--1", "01", "1.", ".5", "NaN", "Infinity", "0x10", "1_000", "+1"])
def test_other_text_is_no_json(text: str) -> None:
    """The tolerant way accepts no more than JSON."""
    with pytest.raises(ValueError, match=r".*"):
        exact_json.parse(f'{{"odd": {text}}}'.encode())


@dataclass(frozen=True)
class Topic:
    """The smallest fixture of a topic."""

    recorded: Recorded

    def variants(self) -> Iterator[bytes]:
        """Yield its body with each value in turn replaced by hostile numbers and texts."""
        payload = json.loads(self.recorded.body)
        for holder, key in _places(payload):
            value, holder[key] = holder[key], "@"
            text = json.dumps(payload)
            holder[key] = value
            yield from (text.replace('"@"', number, 1).encode() for number in NUMBERS if len(number) < 10_000)
            yield from (
                text.replace('"@"', json.dumps(odd), 1).encode() for odd in ("1e999999999", "9" * 400, *DATES[:2])
            )


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    for key in range(len(node)) if isinstance(node, list) else list(node) if isinstance(node, dict) else ():
        if isinstance(node[key], dict | list):
            yield from _places(node[key])
        else:
            yield node, key


def topics() -> dict[str, Topic]:
    found: dict[str, Topic] = {}
    for recorded in sorted([*SIGNED, *ASKED], key=lambda each: len(each.body)):
        topic = recorded.platform.topic(recorded.delivery().topic)
        if topic and recorded.body.startswith(b"{"):
            found.setdefault(f"{recorded.platform.name} {type(topic.schema).__name__}", Topic(recorded))
    return found


@pytest.mark.parametrize("topic", topics().values(), ids=topics())
def test_every_payload_is_translated(topic: Topic) -> None:
    """A hostile number in any place of a payload gives a call, or a reason that names the field."""
    recorded = topic.recorded
    shop, limits = recorded.shop, AgeLimits(7 * 86_400, 86_400)
    delivery = recorded.delivery()
    for body in topic.variants():
        began = time.process_time()
        decision = translate(payload_of(replace(delivery, body=body)), shop, recorded.platform, limits, RECEIVED_AT)
        assert isinstance(decision, Call | Ignored | Unreadable | Redaction) or decision.subject
        assert time.process_time() - began < SECOND, body[:200]
        if isinstance(decision, Call):
            assert len(decision.as_json()) < 10_000
        if isinstance(decision, Unreadable):
            assert decision.detail != "the body is not valid JSON"


@pytest.mark.parametrize("one", OF_NUMBERS, ids=lambda one: one.name)
def test_every_setting_is_bounded(one: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number is refused by name, or one that every time computed from it can hold."""
    for name in (other.name for other in fields(settings.Settings)):
        monkeypatch.delenv(name.upper(), raising=False)
    for text in [*HOSTILE, "999999999d", "99999999999999s", "1e308", "5e-324", "1" * 30]:
        monkeypatch.setenv(one.name.upper(), text)
        try:
            value = getattr(settings.load(), one.name)
        except ConfigurationError as error:
            assert all(one.name.upper() in fault for fault in error.faults)  # noqa: PT017 - either end is right
            continue
        if one.metadata["kind"] == "duration":
            assert RECEIVED_AT + timedelta(seconds=value)
        assert value is None or value == 0 or value >= 1e-3


@pytest.mark.parametrize("milliseconds", [0, -1, -(10**15), 10**14, 2**63 - 1, -(2**63), 10**30])
def test_any_stored_time_can_be_written(milliseconds: int) -> None:
    """Pages and commands show what a database holds, also a time after the year 9999."""
    for write in (formatting.timestamp, formatting.date_and_time, formatting.time_of_day, formatting.duration):
        assert isinstance(write(milliseconds), str)
