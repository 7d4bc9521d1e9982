"""What a platform is: a value that describes how its webhooks are signed, named and shaped."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from schemas.events import Ignored, Reason
from webhook_app.errors import BadSignatureError
from webhook_app.masking import NOTHING, Shown
from webhook_app.platforms import topic_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from schemas.base import PlatformSchema
    from schemas.events import Translation
    from schemas.order_reference import OrderFields, OrderReference
    from webhook_app.platforms.registration import Handshake
    from webhook_app.signing.base import SignatureScheme
    from webhook_app.signing.hmac_schemes import QueryHmac, SignedQuery

    MakeSample = Callable[["SampleValues"], dict[str, Any]]

SAMPLE_DOMAIN = "sample.example"
PRINTABLE = re.compile(r"[\x21-\x7e]{1,128}")
BACKFILL = "backfill/order"  # topic of an order that was fetched from the platform's API
STOREFRONT = "storefront/"  # prefix of the topics that come through a storefront proxy
CHECKOUT_REPORTS = f"{STOREFRONT}checkout"  # the topic of reports that give an order the visitor's key
LONGEST_USER_AGENT = 500  # characters
LONGEST_DOMAIN = 255  # characters


@dataclass(frozen=True, slots=True)
class Topic:
    """A kind of webhook, under the platform's own name for it.

    `summary` is one sentence for people; `schema` reads the payload; `sample` makes a realistic payload for
    `send-sample`; `subscribe` is whether a shop should subscribe to it; `storefront` marks events that any visitor of
    the shop can cause, which are rate limited.
    """

    name: str
    summary: str
    schema: PlatformSchema
    sample: MakeSample
    subscribe: bool = True
    storefront: bool = False


@dataclass(frozen=True, slots=True)
class SampleValues:
    """What varies between sample payloads: a unique number, the time in ISO 8601 UTC, the profile key, the address."""

    number: int
    now: str
    profile_attribute: str
    profile_key: str
    domain: str = SAMPLE_DOMAIN


class BodyNames(NamedTuple):
    """What a verified body says about itself; "" is what it does not say."""

    topic: str
    identity: str = ""
    domain: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the receiver stores of a verified request besides its body.

    `identity` identifies a delivery within one shop; `former_identity` is the one under which earlier versions stored
    it, None if they are the same. `domain` is the sender's address, "" if not given; `secret_index` is the index of the
    shop's secret that signed the request.
    """

    topic: str
    identity: str
    domain: str
    headers: Mapping[str, str]
    secret_index: int = 0
    former_identity: str | None = None


@dataclass(frozen=True, slots=True)
class StorefrontProxy:
    """How a platform forwards requests of a shop's pages: it adds the shop and the customer, and signs the query.

    `shop_parameter` holds the shop's own address, `customer_parameter` the id of the customer who is logged in.
    `checkout_reports` reads the reports of completed checkouts, where the platform's pages send them.
    """

    signature: QueryHmac
    shop_parameter: str
    customer_parameter: str
    checkout_reports: PlatformSchema | None = None

    def verify(self, query: bytes, secrets: Sequence[str], now: float) -> SignedQuery:
        """Return the signed parameters; `now` is in seconds since 1970. Raises BadSignatureError."""
        return self.signature.verify(query, secrets, now)

    def sign(self, parameters: Mapping[str, str], secret: str, now: float) -> bytes:
        """Return the query as the platform would forward it at `now`."""
        query = urlencode({**parameters, self.signature.timestamp_parameter: str(int(now))})
        return self.signature.sign(query.encode(), secret)

    def make_delivery(self, topic: str, signed: SignedQuery, user_agent: str) -> tuple[Envelope, bytes]:
        """Return envelope and body of the delivery that stands for a request without body: its parameters as JSON."""
        body = json.dumps({**signed.parameters, "user_agent": user_agent[:LONGEST_USER_AGENT]}).encode()
        domain = signed.parameters.get(self.shop_parameter, "")[:LONGEST_DOMAIN]
        return Envelope(topic, _digest(topic, body), domain, {}, signed.secret_index), body


@dataclass(frozen=True, slots=True)
class Platform:
    """How one platform's webhooks are signed, named and shaped. Header names are in lower case.

    Where a platform uses several names for one header, samples are sent with the first.
    `names_from_body` reads from a verified body what no header names: the topic, and the identity and the address where
    the platform writes them there (`domain_in_body`).
    `body_start` is the byte that every webhook's body begins with, b"" for any: set where the platform signs texts for
    other purposes with the same secret, which begin otherwise.
    `identity_headers` are empty where the platform has no truly unique id: a digest of topic and body is used instead.
    So it is where no signature covers the id (`signs_identity`): a signed body could be sent again under another one.
    `stored_headers` are stored with the delivery, besides those above. `ignored_topics` maps patterns of topics to the
    reason why no event is made of them. `proxy` is set where the platform forwards storefront events in its own way;
    their topics begin with `storefront/`. `is_ping` recognises an unsigned test request that is answered with 200.
    `shown` lists by patterns of topics what pages show of a payload; of other topics they show nothing.
    `orders` is where payloads name their order; None on a platform without orders. `orders_have_locale` is whether a
    product key may use `{locale}`; `template_fields` are fields that only orders of this platform have.
    `fetched` reads an order that was fetched from the platform's API, under the topic BACKFILL; None where no API is
    used. `api_credentials` are the sets of keys with which a shop may configure it, the usual one first.
    `handshake` is set where an app registers itself with each shop and agrees a secret with it.
    `secret_help` is where merchants find the secret, `new_secret_help` where they enter one that was generated here, ""
    where the platform makes it and takes no other. `unsafe_secret_characters` are changed by the platform when it saves
    a secret; `resends` is what it does with a webhook that was answered with 503; `enabling` is what to do about a
    webhook that it disabled, "" where the receiver may enable it; `notes` are sentences for `platforms <name>`.
    """

    name: str
    title: str
    signature: SignatureScheme
    topics: Sequence[Topic]
    topic_headers: tuple[str, ...] = ()
    names_from_body: Callable[[bytes], BodyNames] | None = None
    body_start: bytes = b""
    identity_headers: tuple[str, ...] = ()
    signs_identity: bool = False
    domain_headers: tuple[str, ...] = ()
    domain_in_body: bool = False
    stored_headers: tuple[str, ...] = ()
    ignored_topics: Mapping[str, Ignored] = field(default_factory=dict)
    proxy: StorefrontProxy | None = None
    is_ping: Callable[[bytes, Mapping[str, str]], bool] = lambda _body, _headers: False
    orders_have_locale: bool = True
    fetched: Topic | None = None
    api_credentials: tuple[tuple[str, ...], ...] = ()
    template_fields: frozenset[str] = frozenset()
    shown: Mapping[str, Shown] = field(default_factory=dict)
    orders: OrderFields | None = None
    handshake: Handshake | None = None
    secret_help: str = ""
    new_secret_help: str = ""
    unsafe_secret_characters: str = ""
    resends: str = "may send it again"
    enabling: str = ""
    notes: tuple[str, ...] = ()

    @property
    def refusals(self) -> tuple[str, ...]:
        """The reasons for which requests to the URLs of its shops are not stored, where they can be read."""
        of_webhooks = (*self.signature.reasons, *(["not_a_webhook"] if self.body_start else []), "topic_missing")
        of_storefront = (*self.proxy.signature.reasons, "other_shop") if self.proxy else ()
        of_visitors = ["too_many"] if any(topic.storefront for topic in self.topics) else []
        return tuple(dict.fromkeys((*of_webhooks, *of_storefront, *of_visitors)))

    def verify(self, body: bytes, headers: Mapping[str, str], secrets: Sequence[str]) -> Envelope:
        """Verify the raw body and return the envelope; raises BadSignatureError."""
        secret_index = self.signature.verify(body, headers, secrets)
        if not body.startswith(self.body_start):
            raise BadSignatureError("not_a_webhook", self._start_hint())
        named = self.names_from_body(body) if self.names_from_body else BodyNames(_first(headers, self.topic_headers))
        topic = self.topic_name(named.topic)
        if not PRINTABLE.fullmatch(topic):
            raise BadSignatureError("topic_missing", self._topic_hint())
        identity, former = self._identities(topic, body, headers, named.identity)
        stored = {name: headers[name] for name in self._all_stored_headers() if name in headers}
        domain = storable(named.domain or _first(headers, self.domain_headers), LONGEST_DOMAIN)
        return Envelope(topic, identity, domain, stored, secret_index, former)

    @property
    def names_domain(self) -> bool:
        """Whether a webhook names the address of its shop."""
        return bool(self.domain_headers) or self.domain_in_body

    def translate(self, topic: str, payload: Any) -> Translation:
        """Return the event of a payload of `topic`, or why there is none; raises marshmallow's ValidationError."""
        if known := self.topic(topic):
            return known.schema.translate(payload)
        name = self.topic_name(topic)
        matching = (ignored for pattern, ignored in self.ignored_topics.items() if topic_names.matches(name, pattern))
        return next(matching, Ignored(Reason.UNMAPPED_TOPIC, "No event is made of this topic."))

    def shown_of(self, topic: str) -> Shown:
        """Return what pages may show of a payload of `topic` to those who may not see personal data."""
        name = self.topic_name(topic)
        return next((shown for pattern, shown in self.shown.items() if topic_names.matches(name, pattern)), NOTHING)

    def order_of(self, topic: str, payload: Any) -> OrderReference | None:
        """Return the order that a payload (parsed JSON) is about, also one of which no event is made."""
        return self.orders.reference(topic, payload) if self.orders else None

    def topic(self, name: str) -> Topic | None:
        """Return the mapped topic of that name, in any spelling, if there is one."""
        if name == BACKFILL:
            return self.fetched
        return self._topic(name) or self._topic(self.topic_name(name))

    def topic_name(self, text: str) -> str:
        """Return the platform's own name of a topic that is spelled in another way; another topic's unchanged."""
        if self._topic(text):
            return text
        return topic_names.canonical(text, (topic.name for topic in self.topics), (self.name,))

    def _topic(self, name: str) -> Topic | None:
        for topic in self.topics:
            if topic.name == name:
                return topic
        return None

    def sign_sample(
        self, topic: str, identity: str, body: bytes, secret: str, domain: str = SAMPLE_DOMAIN
    ) -> dict[str, str]:
        """Return the headers with which the platform would post `body`."""
        values = ((self.topic_headers, topic), (self.identity_headers, identity), (self.domain_headers, domain))
        named = {names[0]: value for names, value in values if names}
        return {"content-type": "application/json", **named, **self.signature.sign(body, secret, identity)}

    def _identities(self, topic: str, body: bytes, headers: Mapping[str, str], signed: str) -> tuple[str, str | None]:
        """Return the identity of a verified webhook and its former one; `signed` is the one in its body."""
        if PRINTABLE.fullmatch(signed):
            return signed, None
        given = _first(headers, self.identity_headers)
        usable = given if PRINTABLE.fullmatch(given) else None
        return (usable, None) if usable and self.signs_identity else (_digest(topic, body), usable)

    def _all_stored_headers(self) -> tuple[str, ...]:
        return (*self.topic_headers, *self.identity_headers, *self.domain_headers, *self.stored_headers)

    def _topic_hint(self) -> str:
        where = f"{self.topic_headers[0]} header" if self.topic_headers else "topic in its body"
        return (
            f"The signature is right, but the request has no usable {where}: check that nothing in between removes it."
        )

    def _start_hint(self) -> str:
        return (
            f"The body of a webhook of {self.title} begins with {self.body_start.decode()}, and this one does not: its "
            "signature is right, but it was signed for another purpose."
        )


def _first(headers: Mapping[str, str], names: tuple[str, ...]) -> str:
    """Return the first of these headers that is not empty; one that a proxy repeated unchanged counts once."""
    given = next((headers[name] for name in names if headers.get(name)), "")
    parts = {part.strip() for part in given.split(",")} if "," in given else {given}
    return parts.pop() if len(parts) == 1 else given


def storable(text: str, longest: int) -> str:
    """Return a text that each database can store: without NUL and lone surrogates, cut after `longest` characters."""
    return text[: 2 * longest].encode("utf-8", "ignore").decode().replace("\0", "")[:longest]


def _digest(topic: str, body: bytes) -> str:
    return hashlib.sha256(topic.encode() + b"\0" + body).hexdigest()
