"""What a platform is: a value that says how its webhooks are signed, named and shaped."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from schemas.events import Ignored, Reason
from webhook_app.errors import BadSignatureError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from schemas.base import PlatformSchema
    from schemas.events import Translation
    from webhook_app.signing.hmac_schemes import QueryHmac, SignatureScheme, SignedQuery

SAMPLE_DOMAIN = "sample.example"
PRINTABLE = re.compile(r"[\x21-\x7e]{1,128}")
STOREFRONT = "storefront/"  # what the topics of a storefront that is passed on begin with
LONGEST_AGENT = 500  # characters of a user agent


@dataclass(frozen=True, slots=True)
class Topic:
    """One of the platform's own words for what happened.

    `about` is a sentence for a person; `schema` reads the payload; `subscribe` says whether a shop should ask for
    it; `sample` makes a realistic payload for `send-sample`; `storefront` marks what any visitor of the shop can cause.
    """

    name: str
    about: str
    schema: PlatformSchema
    sample: Callable[[Sample], dict[str, Any]]
    subscribe: bool = True
    storefront: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """What a sample payload is made for: a fresh number, a time in ISO 8601 UTC, and the profile key to carry."""

    number: int
    now: str
    profile_attribute: str
    profile_key: str


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a proven request says of itself, besides its body.

    `identity` tells deliveries apart, within one shop; `domain` is the sender's own address, "" when not said;
    `secret` is the place of the shop's secret that proved it.
    """

    topic: str
    identity: str
    domain: str
    headers: Mapping[str, str]
    secret: int = 0


@dataclass(frozen=True, slots=True)
class Proxy:
    """How a platform passes on what a shop's pages ask of us: it adds who asks, and signs the query.

    `shop` names the parameter with the shop's own address, `customer` the one with the id of whoever is logged in.
    """

    signature: QueryHmac
    shop: str
    customer: str

    def verify(self, query: bytes, secrets: Sequence[str], now: float) -> SignedQuery:
        """Return the parameters that were signed; `now` is in seconds since 1970. Raises BadSignatureError."""
        return self.signature.verify(query, secrets, now)

    def sign(self, parameters: Mapping[str, str], secret: str, now: float) -> bytes:
        """Return the query as the platform would pass it on at `now`."""
        query = urlencode({**parameters, self.signature.timestamp: str(int(now))})
        return self.signature.sign(query.encode(), secret)

    def packed(self, topic: str, signed: SignedQuery, user_agent: str) -> tuple[Envelope, bytes]:
        """Make a delivery of an event, which came without a body: its parameters, and what the browser calls itself."""
        body = json.dumps({**signed.parameters, "user_agent": user_agent[:LONGEST_AGENT]}).encode()
        domain = signed.parameters.get(self.shop, "")[:255]
        return Envelope(topic, _digest(topic, body), domain, {}, signed.secret), body


@dataclass(frozen=True, slots=True)
class Platform:
    """How one platform's webhooks are signed, named and shaped. Header names are in lower case.

    Where a platform uses several names for one header, the first is the one our samples are sent with.
    `topic_of` finds the topic in a proven body, where no header says it.
    `identity_headers` are empty where the platform has no id that is truly unique; topic and body stand in for it.
    `ignored` maps a pattern of topics to what they mean instead of an event. `proxy` is there where the platform has
    its own way for storefront events; their topics begin with `storefront/`.
    """

    name: str
    title: str
    signature: SignatureScheme
    topics: Sequence[Topic]
    topic_headers: tuple[str, ...] = ()
    topic_of: Callable[[bytes], str] | None = None
    identity_headers: tuple[str, ...] = ()
    domain_headers: tuple[str, ...] = ()
    kept_headers: tuple[str, ...] = ()
    ignored: Mapping[str, Ignored] = field(default_factory=dict)
    proxy: Proxy | None = None
    ping: Callable[[bytes, Mapping[str, str]], bool] = lambda _body, _headers: False
    secret: str = ""
    quirks: tuple[str, ...] = ()

    def verify(self, body: bytes, headers: Mapping[str, str], secrets: Sequence[str]) -> Envelope:
        """Verify the raw body and read the envelope; raises BadSignatureError."""
        secret = self.signature.verify(body, headers, secrets)
        topic = self.topic_of(body) if self.topic_of else _first(headers, self.topic_headers)
        if not PRINTABLE.fullmatch(topic):
            where = f"{self.topic_headers[0]} header" if self.topic_headers else "topic in its body"
            raise BadSignatureError("topic_missing", f"The request has no usable {where}.")
        given = _first(headers, self.identity_headers)
        identity = given if PRINTABLE.fullmatch(given) else _digest(topic, body)
        kept = {name: headers[name] for name in self._kept() if name in headers}
        return Envelope(topic, identity, _first(headers, self.domain_headers)[:255], kept, secret)

    def translate(self, topic: str, payload: Any) -> Translation:
        """Tell what a payload of `topic` means; raises marshmallow's ValidationError."""
        known = self.topic(topic)
        if known:
            return known.schema.translate(payload)
        patterns = (meaning for pattern, meaning in self.ignored.items() if fnmatchcase(topic, pattern))
        return next(patterns, Ignored(Reason.UNMAPPED_TOPIC, "No event is made of this topic."))

    def topic(self, name: str) -> Topic | None:
        """Return the mapped topic of that name, if there is one."""
        return next((topic for topic in self.topics if topic.name == name), None)

    def sign_sample(self, topic: str, identity: str, body: bytes, secret: str) -> dict[str, str]:
        """Return the headers under which the platform would post `body`."""
        said = ((self.topic_headers, topic), (self.identity_headers, identity), (self.domain_headers, SAMPLE_DOMAIN))
        named = {names[0]: value for names, value in said if names}
        return {"content-type": "application/json", **named, **self.signature.sign(body, secret, identity)}

    def _kept(self) -> tuple[str, ...]:
        return (*self.topic_headers, *self.identity_headers, *self.domain_headers, *self.kept_headers)


def _first(headers: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((headers[name] for name in names if headers.get(name)), "")


def _digest(topic: str, body: bytes) -> str:
    return hashlib.sha256(topic.encode() + b"\0" + body).hexdigest()
