"""How an app of a platform registers itself with a shop, and what is stored of that. Pure: the time is a parameter.

Shopware: https://developer.shopware.com/docs/guides/plugins/apps/lifecycle/app-registration-setup.html . The shop asks
with a query that the app secret signs, gets a signature and a new secret, and confirms with a body that the new secret
signs. Registering again makes a new secret; webhooks on their way may still have the old one.
"""

from __future__ import annotations

import hmac
import json
import re
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from webhook_app.errors import RegistrationRefusedError
from webhook_app.platforms.address import is_base, normal_form

if TYPE_CHECKING:
    from collections.abc import Mapping

TOLERANCE = 300.0  # seconds between the clocks of a shop and of the receiver
OLD_SECRET_COUNTS = 60.0  # seconds after a registration, as in Shopware's SDKs
CONFIRM_WITHIN = 600.0  # seconds
SECONDS = re.compile(r"[0-9]{1,12}")
SHOP_ID = re.compile(r"[\x21-\x7e]{1,128}")
LONGEST_QUERY, LONGEST_BODY, LONGEST_VALUE = 2000, 10_000, 255
APP_SIGNATURE, SHOP_SIGNATURE = "shopware-app-signature", "shopware-shop-signature"
PREVIOUS_SIGNATURE = "shopware-shop-signature-previous"


@dataclass(frozen=True, slots=True)
class Handshake:
    """What is fixed for an app: its name, which the answer signs, and the topic that reports its removal."""

    app_name: str
    removed_topic: str


@dataclass(frozen=True, slots=True)
class Request:
    """A verified request to register; `timestamp` is when the shop signed it, in seconds since 1970."""

    shop_id: str
    shop_url: str
    timestamp: int

    def answered(self, app_name: str, app_secret: str) -> str:
        """Return the signature with which the receiver answers: it shows the shop that it knows the app secret."""
        return _hmac(app_secret, f"{self.shop_id}{self.shop_url}{app_name}".encode())


@dataclass(frozen=True, slots=True)
class Registration:
    """What is stored of one shop's registration, encrypted. Times are in seconds since 1970.

    `secret` signs webhooks, "" before the first confirmation and after the app was removed; `previous` still counts
    until `previous_until`. `pending` is a secret that the shop has not confirmed yet. `api_key` and `api_secret` are
    those of its Admin API. `is_double_signed`: the shop signs a new registration with its present secret
    too, so it has to.
    """

    shop_id: str = ""
    shop_url: str = ""
    secret: str = ""
    signed_at: int = 0
    previous: str = ""
    previous_until: float = 0.0
    pending: str = ""
    pending_id: str = ""
    pending_url: str = ""
    pending_at: int = 0
    api_key: str = ""
    api_secret: str = ""
    is_double_signed: bool = False

    def secrets(self, now: float) -> tuple[str, ...]:
        """Return the secrets that sign webhooks now, the newest first."""
        old = self.previous if now < self.previous_until else ""
        return tuple(secret for secret in (self.secret, old) if secret)

    def has_answered(self, asked: Request) -> bool:
        """Return whether this request, or a newer one, was answered."""
        return asked.timestamp <= max(self.signed_at, self.pending_at)

    def as_json(self) -> str:
        """Return it as text, to be encrypted."""
        return json.dumps(asdict(self))


def read(text: str) -> Registration:
    """Return what as_json() wrote, also by an earlier or a later version."""
    stored = json.loads(text)
    return Registration(**{name: stored[name] for name in Registration.__dataclass_fields__ if name in stored})


def request(query: bytes, headers: Mapping[str, str], app_secret: str, now: float) -> Request:
    """Return a request to register whose raw query is signed with the app secret. Raises RegistrationRefusedError."""
    if len(query) > LONGEST_QUERY or not _is_signed(headers, APP_SIGNATURE, query, app_secret):
        hint = "The query is not signed with this shop's app_secret: make the app anew after changing it."
        reason = "signature_mismatch" if APP_SIGNATURE in headers else "signature_missing"
        raise RegistrationRefusedError(reason, hint, signed=False)
    pairs = parse_qsl(query.decode("utf-8", "replace"), keep_blank_values=True)
    values = dict(pairs)
    if len(values) != len(pairs):
        raise RegistrationRefusedError("parameter_repeated", "A parameter comes twice.")
    timestamp = _fresh(values.get("timestamp", ""), now)
    return Request(_shop_id(values.get("shop-id")), _shop_url(values.get("shop-url")), timestamp)


def begun(
    known: Registration, asked: Request, query: bytes, headers: Mapping[str, str], new_secret: str
) -> Registration:
    """Return the registration with a secret that waits for its confirmation. Raises RegistrationRefusedError."""
    if known.secret and asked.shop_id != known.shop_id:
        hint = (
            "Another installation of Shopware has registered for this shop: uninstall the app there, or configure a "
            "shop of its own for this one, with an app_secret of its own."
        )
        raise RegistrationRefusedError("other_shop", hint, status=403)
    is_double_signed = _check_double(known, query, headers)
    if known.has_answered(asked):
        # Not the same secret again: a recorded request would fetch the one that the shop is about to confirm.
        raise RegistrationRefusedError("replayed", "This request, or a newer one, was answered: try again.")
    return replace(
        known,
        pending=new_secret,
        pending_id=asked.shop_id,
        pending_url=asked.shop_url,
        pending_at=asked.timestamp,
        is_double_signed=is_double_signed,
    )


def confirmed(known: Registration, body: bytes, headers: Mapping[str, str], now: float) -> Registration:
    """Return the registration with the secret that signs the confirmation. Raises RegistrationRefusedError."""
    if len(body) > LONGEST_BODY:
        raise RegistrationRefusedError("too_large", "This is no confirmation.", signed=False)
    if not known.pending or now > known.pending_at + CONFIRM_WITHIN:
        if known.secret and _is_signed(headers, SHOP_SIGNATURE, body, known.secret):
            return known  # confirmed before
        hint = "No registration waits for a confirmation: install the app again."
        raise RegistrationRefusedError("not_asked", hint, signed=False)
    if not _is_signed(headers, SHOP_SIGNATURE, body, known.pending):
        hint = "The new secret does not sign this confirmation."
        raise RegistrationRefusedError("signature_mismatch", hint, signed=False)
    needs_both = PREVIOUS_SIGNATURE in headers or (known.is_double_signed and known.secret)
    if needs_both and not _is_signed(headers, PREVIOUS_SIGNATURE, body, known.secret):
        raise RegistrationRefusedError("signature_mismatch", "The previous secret does not sign this confirmation.")
    values = _confirmation(body)
    _fresh(str(values.get("timestamp", "")), now)
    same_shop = _shop_id(values.get("shopId")) == known.pending_id
    if not same_shop or normal_form(_shop_url(values.get("shopUrl"))) != normal_form(known.pending_url):
        raise RegistrationRefusedError("other_shop", "The confirmation is about another shop than the request.")
    return Registration(
        shop_id=known.pending_id,
        shop_url=known.pending_url,
        secret=known.pending,
        signed_at=known.pending_at,
        previous=known.secret or known.previous,
        previous_until=now + OLD_SECRET_COUNTS if known.secret else known.previous_until,
        api_key=_text(values, "apiKey"),
        api_secret=_text(values, "secretKey"),
        is_double_signed=known.is_double_signed,
    )


def removed(known: Registration, now: float) -> Registration:
    """Return the registration after the app was uninstalled: another installation may register then."""
    return Registration(
        shop_id=known.shop_id,
        shop_url=known.shop_url,
        signed_at=known.signed_at,
        previous=known.secret,
        previous_until=now + OLD_SECRET_COUNTS,
    )


def _check_double(known: Registration, query: bytes, headers: Mapping[str, str]) -> bool:
    """Return whether a registration is signed with the present secret too; once it was, it always has to be."""
    if not known.secret or not (known.is_double_signed or SHOP_SIGNATURE in headers):
        return False
    if not _is_signed(headers, SHOP_SIGNATURE, query, known.secret):
        hint = "The request is not signed with the secret of the registration that it replaces: uninstall the app."
        raise RegistrationRefusedError("signature_mismatch", hint)
    return True


def _is_signed(headers: Mapping[str, str], name: str, message: bytes, *secrets: str) -> bool:
    given = headers.get(name, "").lower().encode("utf-8", "replace")
    matches = [hmac.compare_digest(_hmac(secret, message).encode(), given) for secret in secrets]
    return any(matches)


def _hmac(secret: str, message: bytes) -> str:
    return hmac.digest(secret.encode("utf-8", "surrogateescape"), message, "sha256").hex()


def _fresh(text: str, now: float) -> int:
    """Return the time of signing; Shopware's SDKs check none, but a recorded request must not work for ever."""
    if not SECONDS.fullmatch(text):
        raise RegistrationRefusedError("timestamp_malformed", "The timestamp is no whole number of seconds since 1970.")
    if abs(now - int(text)) > TOLERANCE:
        name = "timestamp_too_old" if int(text) < now else "timestamp_too_new"
        raise RegistrationRefusedError(name, "The clocks differ by over 5 minutes, or the request is an old one.")
    return int(text)


def _shop_id(value: object) -> str:
    if not isinstance(value, str) or not SHOP_ID.fullmatch(value):
        raise RegistrationRefusedError("shop_id_missing", "The shop's id is missing or odd.")
    return value


def _shop_url(value: object) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_VALUE or not is_base(value):
        raise RegistrationRefusedError("shop_url_missing", "The shop's address is missing or odd.")
    return value


def _confirmation(body: bytes) -> dict[str, object]:
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise RegistrationRefusedError("malformed", "The confirmation is not a JSON object.")
    return values


def _text(values: Mapping[str, object], name: str) -> str:
    value = values.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_VALUE:
        raise RegistrationRefusedError("malformed", f"The confirmation has no usable {name}.")
    return value
